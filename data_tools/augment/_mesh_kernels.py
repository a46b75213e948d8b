"""Textured triangles with depth, for numba."""

import numpy as np

from features.jit import njit


@njit(nogil=True, cache=True)
def _bilinear(image, x, y):
    """Grey level between pixels; beyond the edge that of the edge."""
    height, width = image.shape
    x = min(max(x, np.float32(0)), np.float32(width - 1))
    y = min(max(y, np.float32(0)), np.float32(height - 1))
    i, j = int(y), int(x)
    i1, j1 = min(i + 1, height - 1), min(j + 1, width - 1)
    dy, dx = y - np.float32(i), x - np.float32(j)
    top = np.float32(image[i, j]) + dx * (np.float32(image[i, j1]) - np.float32(image[i, j]))
    low = np.float32(image[i1, j]) + dx * (np.float32(image[i1, j1]) - np.float32(image[i1, j]))
    return top + dy * (low - top)


@njit(nogil=True, cache=True)
def sampled(image, points):
    """Grey levels (n,), float32, of an image at points (n, 2), float32."""
    levels = np.empty(len(points), np.float32)
    for i in range(len(points)):
        levels[i] = _bilinear(image, points[i, 0], points[i, 1])
    return levels


@njit(nogil=True, cache=True)
def draw(pixels, nearest, image, triangles, places, depth, source, other, share, gain, culled):
    """Draw triangles whose grey levels are those of triangles elsewhere in an image.

    Parameters
    ----------
    pixels : ndarray of shape (H, W), uint8
        Drawn into.
    nearest : ndarray of shape (H, W), float32
        Depth of what is drawn, -inf where nothing is; drawn into.
    image : ndarray, uint8
        Where the grey levels are from.
    triangles : ndarray of shape (T, 3), int32
    places : ndarray of shape (V, 2), float32
        Vertices in `pixels`.
    depth : ndarray of shape (V,), float32
        Larger is nearer.
    source, other : ndarray of shape (V, 2), float32
        Vertices in `image`, and those to mix in,
    share : ndarray of shape (V,), float32
        by this share.
    gain : float32
        What grey levels of `other` are multiplied by.
    culled : bool
        Leave out triangles that turn their back.
    """
    height, width = pixels.shape
    zero, one = np.float32(0), np.float32(1)
    edge = np.float32(-1e-4)  # pixels on a common edge belong to both triangles
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = places[a, 0], places[a, 1]
        ux, uy = places[b, 0] - ax, places[b, 1] - ay
        vx, vy = places[c, 0] - ax, places[c, 1] - ay
        area = ux * vy - uy * vx
        if abs(area) < np.float32(1e-5) or (culled and area < 0):
            continue
        x0 = max(0, int(np.ceil(ax + min(zero, ux, vx) - np.float32(0.01))))
        x1 = min(width - 1, int(np.floor(ax + max(zero, ux, vx) + np.float32(0.01))))
        y0 = max(0, int(np.ceil(ay + min(zero, uy, vy) - np.float32(0.01))))
        y1 = min(height - 1, int(np.floor(ay + max(zero, uy, vy) + np.float32(0.01))))
        ux, uy, vx, vy = ux / area, uy / area, vx / area, vy / area
        az, bz, cz = depth[a], depth[b] - depth[a], depth[c] - depth[a]
        asx, bsx, csx = source[a, 0], source[b, 0] - source[a, 0], source[c, 0] - source[a, 0]
        asy, bsy, csy = source[a, 1], source[b, 1] - source[a, 1], source[c, 1] - source[a, 1]
        aox, box, cox = other[a, 0], other[b, 0] - other[a, 0], other[c, 0] - other[a, 0]
        aoy, boy, coy = other[a, 1], other[b, 1] - other[a, 1], other[c, 1] - other[a, 1]
        am, bm, cm = share[a], share[b] - share[a], share[c] - share[a]
        mixed = share[a] > 0 or share[b] > 0 or share[c] > 0
        for y in range(y0, y1 + 1):
            dy = np.float32(y) - ay
            for x in range(x0, x1 + 1):
                dx = np.float32(x) - ax
                p, q = dx * vy - dy * vx, dy * ux - dx * uy
                if p < edge or q < edge or p + q > one - edge:
                    continue
                z = az + p * bz + q * cz
                if z < nearest[y, x]:
                    continue
                nearest[y, x] = z
                grey = _bilinear(image, asx + p * bsx + q * csx, asy + p * bsy + q * csy)
                if mixed:
                    twin = _bilinear(image, aox + p * box + q * cox, aoy + p * boy + q * coy)
                    grey += (am + p * bm + q * cm) * (gain * twin - grey)
                    grey = min(grey, np.float32(255))
                pixels[y, x] = np.uint8(grey + np.float32(0.5))


@njit(nogil=True, cache=True)
def hidden(points, triangles, places, depth):
    """Which points lie behind a triangle that faces the viewer, (n,), bool.

    Parameters
    ----------
    points : ndarray of shape (n, 3), float32
        x, y and depth.
    triangles, places, depth
        As for `draw`.
    """
    behind = np.zeros(len(points), np.bool_)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = places[a, 0], places[a, 1]
        ux, uy = places[b, 0] - ax, places[b, 1] - ay
        vx, vy = places[c, 0] - ax, places[c, 1] - ay
        area = ux * vy - uy * vx
        if area < np.float32(1e-5):
            continue
        for n in range(len(points)):
            dx, dy = points[n, 0] - ax, points[n, 1] - ay
            p, q = (dx * vy - dy * vx) / area, (dy * ux - dx * uy) / area
            if p >= 0 and q >= 0 and p + q <= 1:
                z = depth[a] + p * (depth[b] - depth[a]) + q * (depth[c] - depth[a])
                if z > points[n, 2]:
                    behind[n] = True
    return behind
