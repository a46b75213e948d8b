"""Numba kernels of the HOG descriptors.

The gradients of an image are resolved and pooled once, in a plane of histograms (see `make_plane`);
a cell of a descriptor is then one interpolated look-up. A plane is flat, its eight directions last,
so that a histogram is one vector.
"""

import numpy as np

from ._float_lanes import blend_lanes, turn_lanes
from ._hog_lanes import PIXELS, pool_lanes
from ._lanes import LANES, add_lanes
from ._pixel_kernels import similarity_to
from .jit import njit

# Directions 0°, 45°, …, 315° that gradients are resolved into.
DIRECTIONS = 8
# Cells less than this many pixels apart are read from the image itself, others from a halved one.
_SPACING = np.float32(6)
_MAX_OCTAVE = 6
# Images are not halved below this many pixels.
_SMALLEST = 16
# Added to the sum that a block is divided by, so that blocks without gradients give zeros. (A step
# of one grey level in one pixel has a sum of 4 to 16.)
_EPSILON = np.float32(1)
# Descriptors, from 0 to 1, are quantised to this many steps, so that products with them are
# products of small integers.
STEPS = 4096
# Coordinates relative to the mean shape are clamped to this many steps: sums stay in 32 bits.
_FARTHEST = np.float32(4 * STEPS)
_TINY = np.float32(1e-12)


@njit(nogil=True, cache=True)
def octave(spacing, image):
    """How often to halve an image for cells `spacing` pixels apart."""
    level, size = 0, min(image.shape[0], image.shape[1])
    while spacing >= _SPACING and level < _MAX_OCTAVE and size >= 2 * _SMALLEST:
        spacing /= 2
        size //= 2
        level += 1
    return level


@njit(nogil=True, cache=True)
def copy_padded(image, level, out):
    """Write `image`, halved `level` times, with its border repeated around it.

    Halving takes the rounded means of 2x2 pixels. Returns height and width without the border, and
    the length of a row with it.
    """
    for _ in range(level):
        image = halve(image)
    height, width = image.shape
    stride = width + PIXELS + 2
    for y in range(height + 2):
        source, row = image[min(max(y - 1, 0), height - 1)], out[y * stride : (y + 1) * stride]
        inner, behind = row[1:], row[width + 1 :]
        row[0], last = source[0], source[width - 1]
        for x in range(width):
            inner[x] = source[x]
        for x in range(PIXELS + 1):
            behind[x] = last
    return height, width, stride


@njit(nogil=True, cache=True)
def halve(image):
    """`image` at half the size."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    out = np.empty((height, width), np.uint8)
    for y in range(height):
        upper, lower, row = image[2 * y], image[2 * y + 1], out[y]
        for x in range(width):
            total = np.uint16(upper[2 * x]) + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]
            row[x] = (total + 2) >> 2
    return out


@njit(nogil=True, cache=True)
def smooth(blocks, height, width, row, out):
    """Weighted means, 1 2 1 along both axes, times 16; the border is repeated."""
    n = width * DIRECTIONS
    for i in range(height):
        above, at, below = max(i - 1, 0) * n, i * n, min(i + 1, height - 1) * n
        up, here, down = blocks[above : above + n], blocks[at : at + n], blocks[below : below + n]
        middle = row[DIRECTIONS:]
        for q in range(n):
            middle[q] = up[q] + 2 * here[q] + down[q]
        for o in range(DIRECTIONS):
            row[o] = row[o + DIRECTIONS]
            row[n + DIRECTIONS + o] = row[n + o]
        right, total = row[2 * DIRECTIONS :], out[at : at + n]
        for q in range(n):
            total[q] = row[q] + 2 * middle[q] + right[q]


@njit(nogil=True, cache=True)
def make_room(images):
    """Scratch arrays of `make_plane`, and an array for one plane per level."""
    height, width = images.shape[1], images.shape[2]
    n = (height // 2) * (width // 2) * DIRECTIONS
    return (
        np.empty((height + 2) * (width + PIXELS + 2), np.uint8),
        # Eight blocks are written at a time, hence the room beyond the last.
        np.empty(n + LANES * DIRECTIONS, np.int16),
        np.empty((width // 2 + 2) * DIRECTIONS, np.int16),
        np.empty((_MAX_OCTAVE + 1) * n, np.int16).reshape(_MAX_OCTAVE + 1, n),
    )


@njit(nogil=True, cache=True)
def make_plane(image, level, room):
    """The plane of `image`, halved `level` times; returns its height and width.

    Sums over blocks of 2x2 pixels, smoothed: with the look-up's own interpolation, a smooth window
    of about 4 pixels.
    """
    pixels, blocks, row, planes = room
    height, width, stride = copy_padded(image, level, pixels)
    height, width = height // 2, width // 2
    for i in range(height):
        for j in range(0, width, LANES):
            to = np.uint64((i * width + j) * DIRECTIONS)
            first = np.uint64((2 * i + 1) * stride + 2 * j + 1)
            pool_lanes(blocks, to, pixels, first, np.uint64(stride))
    smooth(blocks, height, width, row, planes[level])
    return height, width


@njit(nogil=True, cache=True)
def make_table(n_landmarks, n_cells):
    """Scratch arrays of `describe`, and an array for the descriptors."""
    n = n_cells * n_landmarks
    # Flat arrays of one dtype are compiled once, those of each number of dimensions anew.
    return (
        np.empty(n, np.int32).reshape(n_cells, n_landmarks),
        np.empty(2 * n, np.float32).reshape(2, n_cells, n_landmarks),
        np.empty(2 * n_landmarks, np.float32).reshape(2, n_landmarks),
        np.empty(2 * LANES, np.float32).reshape(2, LANES),
        np.empty(2 * n_cells * LANES, np.float32),
        np.empty(n_cells * LANES, np.float32),
        np.empty(n_landmarks * n_cells * LANES, np.int16),
    )


@njit(nogil=True, cache=True)
def describe(plane, height, width, level, placement, shape, a, b, cells, table):
    """Normalised descriptors at all landmarks of a shape.

    Parameters
    ----------
    plane : (>= height * width * 8,) int16
        From `make_plane`, at `level`.
    placement : (3,) float32
        The box frame in the image before it was halved.
    shape : (L, 2) float32
        In the box frame.
    a, b : float32
        Scaled rotation of the descriptors.
    cells : (C, 2) float32
        Their centres, in box sides from the landmark.
    table
        From `make_table`; the descriptors in it are written.
    """
    at, fractions, points, turn, raw, shares, numbers = table
    n_cells = cells.shape[0]
    half, zero = np.float32(0.5), np.float32(0)
    factor = half / np.float32(1 << level)
    cx, cy = (placement[0] + half) * factor - half, (placement[1] + half) * factor - half
    side = placement[2] * factor
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    last_x, last_y, stride = np.int32(width - 2), np.int32(height - 2), np.int32(width)
    n_landmarks = shape.shape[0]
    xs, ys = points[0], points[1]
    for k in range(n_landmarks):
        xs[k], ys[k] = cx + side * shape[k, 0], cy + side * shape[k, 1]
    for c in range(n_cells):
        dx = side * (a * cells[c, 0] - b * cells[c, 1])
        dy = side * (b * cells[c, 0] + a * cells[c, 1])
        index, fx, fy = at[c], fractions[0, c], fractions[1, c]
        for k in range(n_landmarks):
            x, y = xs[k] + dx, ys[k] + dy
            # Written so that NaN ends at 0: whatever a shape holds, nothing outside is read.
            x = x if x > zero else zero
            y = y if y > zero else zero
            x = x if x < right else right
            y = y if y < bottom else bottom
            column, row = min(np.int32(x), last_x), min(np.int32(y), last_y)
            index[k] = np.int32(np.int32(row * stride) + column)
            fx[k] = x - np.float32(column)
            fy[k] = y - np.float32(row)
    # Directions relative to the shape's own: each lies between two of the image's.
    eighths = np.float32(np.arctan2(b, a)) * np.float32(4 / np.pi)
    eighths = eighths if eighths == eighths else zero
    whole = np.floor(eighths)
    lane = np.uint64(np.int64(whole) & 7)
    for o in range(DIRECTIONS):
        odd = (np.int64(lane) + o) & 1
        for j in range(2):
            share = eighths - whole if j else whole + np.float32(1) - eighths
            turn[j, o] = share * np.float32(np.sqrt(2.0)) if odd != j else share
    below = np.uint64(width * DIRECTIONS)
    length = shares.shape[0]
    sums = np.empty(LANES, np.float32)
    flat_turn = turn.reshape(-1)
    for k in range(n_landmarks):
        for c in range(n_cells):
            first = np.uint64(at[c, k]) * np.uint64(DIRECTIONS)
            fx, fy = fractions[0, c, k], fractions[1, c, k]
            blend_lanes(raw, np.uint64(2 * c * LANES), plane, first, below, fx, fy)
        sums[:] = 0
        for c in range(n_cells):
            to = np.uint64(c * DIRECTIONS)
            turn_lanes(shares, to, raw, np.uint64(2 * c * LANES) + lane, flat_turn)
            add_lanes(sums, np.uint64(0), shares, to)
        total = _EPSILON
        for o in range(DIRECTIONS):
            total += sums[o]
        scale = np.float32(STEPS * STEPS) / total
        descriptor = numbers[k * length : (k + 1) * length]
        for q in range(length):
            descriptor[q] = np.int16(np.sqrt(shares[q] * scale) + half)


@njit(nogil=True, cache=True)
def place(shape, reference, a, b, gain, numbers):
    """Write a shape's distance from the mean shape, in the mean-shape frame, in whole steps.

    Parameters
    ----------
    shape : (L, 2) float32
    reference : (L, 2) float32
        The centred mean shape.
    a, b : float32
        Scaled rotation that aligns `reference` with `shape`.
    gain : float32
        Factor of one box side.
    numbers : (>= 2L,) int16
    """
    n_landmarks, half = reference.shape[0], np.float32(0.5)
    energy = a * a + b * b
    energy = energy if energy > _TINY else _TINY
    a, b = a / energy, b / energy
    cx, cy = np.float32(0), np.float32(0)
    for k in range(n_landmarks):
        cx += shape[k, 0]
        cy += shape[k, 1]
    cx, cy = cx / np.float32(n_landmarks), cy / np.float32(n_landmarks)
    scale = gain * np.float32(STEPS)
    for k in range(n_landmarks):
        x, y = shape[k, 0] - cx, shape[k, 1] - cy
        for axis in range(2):
            aligned = a * y - b * x if axis else a * x + b * y
            value = scale * (aligned - reference[k, axis])
            # Written so that NaN ends at a number.
            value = value if value > -_FARTHEST else -_FARTHEST
            value = value if value < _FARTHEST else _FARTHEST
            numbers[2 * k + axis] = np.int16(np.floor(value + half))


@njit(nogil=True, cache=True)
def extract(images, index, placements, shapes, reference, spacing, cells, gain, start, stop, out):
    """Descriptors of the samples [start, stop), and the shapes where there is room for them.

    Parameters
    ----------
    images : (m, H, W) uint8
    index : (N,) intp
        Image of each sample.
    placements : (N, 3) float32
    shapes : (N, L, 2) float32
        In the box frame.
    reference : (L, 2) float32
        The centred mean shape.
    spacing : float32
        Distance between cells, in box sides.
    cells
        As in `describe`.
    gain : float32
        As in `place`.
    out : (N, L * C * 8 or L * C * 8 + 2L) float32
    """
    room = make_room(images)
    table = make_table(reference.shape[0], cells.shape[0])
    numbers, placed = table[6], np.empty(2 * reference.shape[0], np.int16)
    # The image and level of the plane: consecutive samples often share an image.
    shown, at_level, height, width = -1, -1, 0, 0
    for i in range(start, stop):
        placement, image = placements[i], images[index[i]]
        level = octave(spacing * placement[2], image)
        if shown != index[i] or at_level != level:
            height, width = make_plane(image, level, room)
            shown, at_level = index[i], level
        a, b = similarity_to(reference, shapes[i])
        plane = room[3][level]
        describe(plane, height, width, level, placement, shapes[i], a, b, cells, table)
        row = out[i]
        for q in range(numbers.shape[0]):
            row[q] = np.float32(numbers[q]) * np.float32(1 / STEPS)
        if row.shape[0] > numbers.shape[0]:
            place(shapes[i], reference, a, b, gain, placed)
            behind = row[numbers.shape[0] :]
            for q in range(placed.shape[0]):
                behind[q] = np.float32(placed[q]) * np.float32(1 / STEPS)
