"""Numba kernels for images at halved sizes, and for the pixels of windows in them."""

import numpy as np

from features.jit import njit

#: Pixels that each level is continued by on all sides, by repeating its border: a window whose
#: centre lies in the image can be read without a test, however it is turned.
PAD = 32


@njit(nogil=True, cache=True)
def fill_levels(grey, pixels, table):
    """Write an image, and its halves of halves, into one flat array.

    Parameters
    ----------
    grey : (H, W) uint8
    pixels : (n,) uint8
        Overwritten at the places that `table` names.
    table : (n_levels, 4) int64
        Of each level: place of its pixel (0, 0) in `pixels`, pixels a line, height, width. A
        level of height 0 is left out, and the next is made from it all the same.
    """
    above, current = 0, grey
    for level in range(table.shape[0]):
        if level > 0:
            height, width = max(1, current.shape[0] // 2), max(1, current.shape[1] // 2)
            half = np.empty((height, width), np.uint8)
            for y in range(height):
                upper = current[min(2 * y, current.shape[0] - 1)]
                lower = current[min(2 * y + 1, current.shape[0] - 1)]
                if current.shape[1] > 1:
                    for x in range(width):
                        total = np.uint32(upper[2 * x]) + np.uint32(upper[2 * x + 1])
                        total += np.uint32(lower[2 * x]) + np.uint32(lower[2 * x + 1])
                        half[y, x] = np.uint8((total + np.uint32(2)) >> np.uint32(2))
                else:
                    total = np.uint32(upper[0]) + np.uint32(lower[0])
                    half[y, 0] = np.uint8((total + np.uint32(1)) >> np.uint32(1))
            current = half
        if table[level, 2] == 0:
            continue
        start, stride, height, width = table[level]
        for y in range(-PAD, height + PAD):
            line = start + y * stride
            source = current[min(max(y, 0), height - 1)]
            pixels[line : line + width] = source
            pixels[line - PAD : line] = source[0]
            pixels[line + width : line + width + PAD] = source[width - 1]
        above += 1
    return above


@njit(nogil=True, cache=True)
def offsets_of(grid, side, cosine, sine, stride, out):
    """Where the points of a window lie, from the pixel of its centre.

    Parameters
    ----------
    grid : (P, 2) float32
        Points in sides of the window.
    side : float
        Of the window, in pixels of the level.
    cosine, sine : float
        Of the angle by which the window is turned.
    stride : int
        Pixels a line.
    out : (P,) int32
        Overwritten.
    """
    a, b = np.float32(side * cosine), np.float32(side * sine)
    half = np.float32(0.5)
    for p in range(grid.shape[0]):
        x = np.int32(np.floor(a * grid[p, 0] - b * grid[p, 1] + half))
        y = np.int32(np.floor(b * grid[p, 0] + a * grid[p, 1] + half))
        out[p] = y * np.int32(stride) + x


@njit(nogil=True, cache=True)
def read_patches(pixels, tables, index, levels, windows, grid, start, stop, out):
    """Read the points of windows.

    Parameters
    ----------
    pixels : (n,) uint8
    tables : (n_images, n_levels, 4) int64
        As of `fill_levels`.
    index, levels : (N,) int32
        Image and level of each window.
    windows : (N, 5) float32
        Centre x and y and side in pixels of the level; cosine and sine of its angle.
    grid : (P, 2) float32
    out : (P, N) uint8
        Overwritten from `start` to `stop`.
    """
    offsets = np.empty(grid.shape[0], np.int32)
    for i in range(start, stop):
        place, stride, height, width = tables[index[i], levels[i]]
        x = min(max(np.int64(np.floor(windows[i, 0] + np.float32(0.5))), 0), width - 1)
        y = min(max(np.int64(np.floor(windows[i, 1] + np.float32(0.5))), 0), height - 1)
        offsets_of(grid, windows[i, 2], windows[i, 3], windows[i, 4], stride, offsets)
        centre = place + y * stride + x
        for p in range(offsets.shape[0]):
            out[p, i] = pixels[centre + offsets[p]]
