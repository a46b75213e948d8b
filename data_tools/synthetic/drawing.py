"""Curves, the canvas they are drawn on, and the shaded mesh."""

from functools import lru_cache

import numpy as np

from features.jit import njit
from features.opencv import cv2

_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws


@lru_cache(maxsize=64)
def _catmull_rom(n, closed, steps):
    """The weights (m, n) of n knots in each point of a Catmull-Rom spline through them."""
    t = (np.arange(steps) / steps)[:, None]
    basis = 0.5 * np.hstack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    )
    spans = n if closed else n - 1
    weights = np.zeros((spans * steps + (not closed), n))
    for i in range(spans):
        for k, column in enumerate(basis.T):
            knot = (i + k - 1) % n if closed else min(max(i + k - 1, 0), n - 1)
            weights[i * steps : (i + 1) * steps, knot] += column
    if not closed:
        weights[-1, -1] = 1
    return weights


def spline(points, closed=False, steps=6):
    """A Catmull-Rom curve through `points`, (n, 2), with `steps` points from knot to knot."""
    return _catmull_rom(len(points), closed, steps) @ points


def lens(upper, lower):
    """A closed outline of two curves that meet in corners (eye, lips)."""
    return np.concatenate([spline(upper), spline(lower)[1:-1]])


@lru_cache(maxsize=64)
def _triangle(radius):
    """Weights that fall evenly to both sides: float32, sum 1."""
    weights = radius + 1 - np.abs(np.arange(-radius, radius + 1, dtype=np.float32))
    return weights / weights.sum()


@lru_cache(maxsize=8)
def circle(n):
    """Cosines and sines, each (n, 1), of `n` directions once around."""
    a = np.linspace(0, 2 * np.pi, n, endpoint=False)[:, None]
    return np.cos(a), np.sin(a)


def ellipse(centre, axis, other, n=20):
    """An ellipse as a polygon of `n` corners, from its centre and two half axes."""
    cos, sin = circle(n)
    return centre + cos * axis + sin * other


def _fixed(points):
    return [np.rint(np.asarray(points) * (1 << _SHIFT)).astype(np.int32)]


def _level(value):
    return min(max(float(value), 0.0), 255.0)


class Canvas:
    """A grey image to draw polygons and curves on, in pixels and grey levels."""

    def __init__(self, pixels):
        self.pixels = pixels

    def like(self, value):
        """A canvas of the same size and one grey level."""
        return Canvas(np.full_like(self.pixels, int(_level(value))))

    def sample(self, points):
        """Mean grey level at `points`."""
        x, y = np.rint(points).astype(int).T
        height, width = self.pixels.shape
        return float(self.pixels[y.clip(0, height - 1), x.clip(0, width - 1)].mean())

    def fill(self, polygon, value):
        """Fill a polygon, (n, 2), with one grey level."""
        cv2.fillPoly(self.pixels, _fixed(polygon), _level(value), cv2.LINE_AA, _SHIFT)

    def stroke(self, curve, value, width):
        """Draw an open line, (n, 2), `width` pixels wide but at least one."""
        width = max(1, round(width))
        cv2.polylines(self.pixels, _fixed(curve), False, _level(value), width, cv2.LINE_AA, _SHIFT)

    def blend(self, curve, source, opacity=1.0, blur=0.0, width=None):
        """Mix `source`, a grey level or an image, into a polygon or, given `width`, a line.

        The border is softened by a Gaussian of `blur` pixels.
        """
        pad = 3 * blur + (width or 0) + 2
        low = np.maximum(np.floor(curve.min(0) - pad).astype(int), 0)
        high = np.minimum(np.ceil(curve.max(0) + pad).astype(int), self.pixels.shape[::-1])
        if (high <= low).any():
            return
        mask = Canvas(np.zeros((high - low)[::-1], np.uint8))
        if width is None:
            mask.fill(curve - low, 255)
        else:
            mask.stroke(curve - low, 255, width)
            opacity *= min(1.0, width)  # thinner than OpenCV draws
        radius = round(2.45 * blur - 1)
        if radius > 0:  # a triangle of this variance is nearly a Gaussian, and faster
            weights = _triangle(radius)
            # OpenCV's stackBlur is this, but rounds by how many threads it has.
            mask.pixels = cv2.sepFilter2D(
                mask.pixels, -1, weights, weights, borderType=cv2.BORDER_REPLICATE
            )
        region = np.s_[low[1] : high[1], low[0] : high[0]]
        if isinstance(source, np.ndarray):
            source = source[region].astype(np.float32)
        else:
            source = np.float32(_level(source))
        self.mix(region, source, mask.pixels * np.float32(opacity / 255))

    def mix(self, region, source, share):
        """Replace the float32 `share` of a region by `source`."""
        part = self.pixels[region].astype(np.float32)
        part += (source - part) * share
        self.pixels[region] = part + 0.5


@njit(cache=True, nogil=True)
def draw_mesh(tones, nearest, xy, z, tone):
    """Draw a grid of quads as Gouraud-shaded triangles.

    Parameters
    ----------
    tones : ndarray of shape (H, W), float32
        Drawn into.
    nearest : ndarray of shape (H, W), float32
        The z-buffer, -inf where nothing is drawn; drawn into.
    xy : ndarray of shape (rows, columns, 2), float32
    z, tone : ndarrays of shape (rows, columns), float32
    """
    height, width = tones.shape
    zero = np.float32(0)
    for i in range(xy.shape[0] - 1):
        for j in range(xy.shape[1] - 1):
            for half in range(2):  # the quad's upper left and lower right triangle
                ai, aj = i + half, j + half
                bi, bj, ci, cj = i + half, j + 1 - half, i + 1 - half, j + half
                ax, ay = xy[ai, aj, 0], xy[ai, aj, 1]
                ux, uy = xy[bi, bj, 0] - ax, xy[bi, bj, 1] - ay
                vx, vy = xy[ci, cj, 0] - ax, xy[ci, cj, 1] - ay
                area = ux * vy - uy * vx
                if area < 1e-6:  # seen from behind
                    continue
                x0 = max(0, int(np.ceil(ax + min(zero, ux, vx))))
                x1 = min(width - 1, int(np.floor(ax + max(zero, ux, vx))))
                y0 = max(0, int(np.ceil(ay + min(zero, uy, vy))))
                y1 = min(height - 1, int(np.floor(ay + max(zero, uy, vy))))
                ux, uy, vx, vy = ux / area, uy / area, vx / area, vy / area
                az, bz, cz = z[ai, aj], z[bi, bj] - z[ai, aj], z[ci, cj] - z[ai, aj]
                at, bt, ct = tone[ai, aj], tone[bi, bj] - tone[ai, aj], tone[ci, cj] - tone[ai, aj]
                for y in range(y0, y1 + 1):
                    dy = np.float32(y) - ay
                    for x in range(x0, x1 + 1):
                        dx = np.float32(x) - ax
                        p, q = dx * vy - dy * vx, dy * ux - dx * uy
                        if p >= 0 and q >= 0 and p + q <= 1:
                            depth = az + p * bz + q * cz
                            if depth > nearest[y, x]:
                                nearest[y, x] = depth
                                tones[y, x] = at + p * bt + q * ct
