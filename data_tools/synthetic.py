"""Rendered faces with 68 landmarks in the order of 300-W (iBUG): data without photographs.

A face is a parametric surface: horizontal arcs from one edge of the jaw to the other, with bumps
for nose, brows, cheeks and lips. Identity and expression move it, a rotation and weak perspective
project it, Lambert's law shades it, and the features are painted on as curves through the
landmarks. As annotators do, the landmarks of the far jaw follow the visible outline of a turned
head.

Lengths are in units of the face box (about the width of a face): x to the right of the image,
y down, z towards the viewer.
"""

from functools import lru_cache
from numbers import Integral

import cv2
import numpy as np
from numba import njit
from scipy.interpolate import PchipInterpolator

from features.errors import InputError

# Measured on the 300-W training faces: the side of a detector's box over the mean of the width
# and height of the landmarks; the centres agree.
BOX_TO_EXTENT = 0.985
BOX_SHIFT, BOX_SCALE = 0.04, 0.06  # standard deviations of the simulated detector

MAX_YAW, MAX_PITCH, MAX_ROLL = 35.0, 20.0, 20.0  # degrees
MIN_SIZE, MAX_SIZE = 32, 2048

# ------------------------------------------------------------------------------------ the head

# Height, half width, depth of the edge (ear, jaw) and depth of the middle of each arc.
_PROFILE = np.array(
    [
        [-1.00, 0.300, -0.42, -0.25],
        [-0.85, 0.385, -0.40, -0.09],
        [-0.70, 0.450, -0.44, 0.02],
        [-0.55, 0.485, -0.47, 0.07],
        [-0.42, 0.498, -0.49, 0.09],
        [-0.30, 0.500, -0.50, 0.05],
        [-0.17, 0.498, -0.49, 0.06],
        [-0.04, 0.480, -0.46, 0.08],
        [0.09, 0.455, -0.42, 0.10],
        [0.21, 0.405, -0.35, 0.10],
        [0.32, 0.325, -0.25, 0.06],
        [0.41, 0.225, -0.13, 0.08],
        [0.47, 0.110, -0.02, 0.07],
        [0.49, 0.001, 0.02, 0.03],
    ]
)
_CHIN = _PROFILE[-1, 0]
_HEIGHTS = np.linspace(_PROFILE[0, 0], _CHIN, 600)
_HALF_WIDTH, _EDGE, _FRONT = PchipInterpolator(_PROFILE[:, 0], _PROFILE[:, 1:])(_HEIGHTS).T
_JAW_HEIGHTS = np.array([-0.30, -0.17, -0.04, 0.09, 0.21, 0.32, 0.41, 0.47, 0.49])

# The image-left half of the features; the right half is its mirror image.
_BROW = np.array([[-0.43, -0.41], [-0.36, -0.46], [-0.27, -0.475], [-0.18, -0.455], [-0.09, -0.43]])
_EYE = np.array(
    [[-0.32, -0.30], [-0.26, -0.335], [-0.20, -0.335], [-0.14, -0.295], [-0.20, -0.28],
     [-0.265, -0.28]]
)  # fmt: skip
_BRIDGE = np.array([[0, -0.31], [0, -0.225], [0, -0.14], [0, -0.055]])
_NOSTRILS = np.array([[-0.10, 0.0], [-0.05, 0.018], [0, 0.03]])
_LIPS = np.array([[-0.20, 0.168], [-0.12, 0.132], [-0.05, 0.112], [0, 0.12], [0, 0.245],
                  [-0.06, 0.24], [-0.13, 0.215]])  # fmt: skip
_INNER_LIPS = np.array([[-0.172, 0.168], [-0.06, 0.162], [0, 0.166], [0, 0.166], [-0.06, 0.164]])
_MOUTH_LINE = 0.165

_ROWS, _COLUMNS = 34, 37


def _mirror(half, order):
    """`half` followed by the mirror images of its rows `order`."""
    return np.concatenate([half, half[list(order)] * [-1, 1]])


_BROWS = _BROW, _BROW[::-1] * [-1, 1]
_EYES = _EYE, _EYE[[3, 2, 1, 0, 5, 4]] * [-1, 1]
_NOSE = np.concatenate([_BRIDGE, _mirror(_NOSTRILS, (1, 0))])
_MOUTH = np.concatenate(
    [
        _mirror(_LIPS[:4], (2, 1, 0)),
        _LIPS[[6, 5]] * [-1, 1],
        _LIPS[4:],
        _mirror(_INNER_LIPS[:3], (1, 0)),
        _INNER_LIPS[[4]] * [-1, 1],
        _INNER_LIPS[3:],
    ]
)
_LOWER_LIP = [*range(7, 12), *range(17, 20)]  # rows of _MOUTH that the jaw carries
_CORNERS = [0, 6, 12, 16]


def _bell(x, width):
    return np.exp(-0.5 * (x / width) ** 2)


def _smoothstep(x):
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _clipped_normal(rng, sigma, limit, size=None):
    limit = np.asarray(limit)
    return np.clip(rng.normal(0, sigma, size), -limit, limit)


class _Head:
    """One person with one expression in one pose, in units of the face box."""

    def __init__(self, rng):
        # identity
        self.wide, self.taper, self.square, self.chin, self.deep = _clipped_normal(
            rng, [0.03, 0.06, 0.025, 0.05, 0.06], [0.07, 0.15, 0.06, 0.12, 0.15]
        )
        self.nose_length, self.nose_width, self.nose_height = 1 + _clipped_normal(
            rng, [0.05, 0.1, 0.12], [0.11, 0.22, 0.3]
        )
        # each: how wide, how tall or thick, and displacements
        self.mouth = _clipped_normal(rng, [0.1, 0.18, 0.014], [0.2, 0.4, 0.03])
        self.eye = _clipped_normal(rng, [0.07, 0.16, 0.015, 0.015], [0.15, 0.35, 0.03, 0.03])
        self.brow = _clipped_normal(rng, [0.016, 0.2, 0.04], [0.035, 0.45, 0.09])
        # expression
        self.open = max(0.0, rng.uniform(-0.16, 0.2)) * rng.uniform(0.3, 1)
        self.smile = rng.uniform(-0.5, 1)
        self.parted = 0.02 * max(0.0, self.smile) * rng.uniform(0, 1.5)
        self.raised = _clipped_normal(rng, 0.018, 0.045) + _clipped_normal(rng, 0.006, 0.012, 2)
        # 0 is at rest, 1 shut
        lids = np.clip(rng.normal(0.0, 0.2), -0.3, 0.6) if rng.random() > 0.06 else 0.95
        self.closed = np.clip(lids + rng.normal(0, 0.04, 2), -0.3, 1)
        # pose
        self.yaw, self.pitch, self.roll = np.deg2rad(
            _clipped_normal(rng, [16, 8, 8], [MAX_YAW, MAX_PITCH, MAX_ROLL])
        )
        self.rotation = _rotation(self.yaw, self.pitch, self.roll)
        # hair line: height at the middle, slope
        self.hairline = rng.uniform(-0.80, -0.56), _clipped_normal(rng, 0.06, 0.15)

    def depth(self, x, y):
        """z of the surface at x, y before the identity's warp."""
        width = np.interp(y, _HEIGHTS, _HALF_WIDTH)
        edge, front = np.interp(y, _HEIGHTS, _EDGE), np.interp(y, _HEIGHTS, _FRONT)
        z = edge + (front - edge) * np.sqrt(np.clip(1 - (x / width) ** 2, 0, 1))
        side = np.abs(x)
        # nose: a ridge that grows from the root to the tip, falls to the lip, and has wings
        t = (y + 0.34) / (0.285 * self.nose_length)
        fall = 1 - _smoothstep((t - 0.98) / 0.32)
        ridge = np.clip(t, 0, 1) ** 1.2 * fall
        flank = (0.038 + 0.022 * np.clip(t, 0, 1)) * self.nose_width
        wing_y = -0.32 + 0.305 * self.nose_length
        wings = _bell(side - 0.07 * self.nose_width, 0.022) * _bell(y - wing_y, 0.035)
        z = z + self.nose_height * (0.19 * ridge * _bell(x, flank) + 0.05 * wings)
        z = z - 0.055 * _bell(side - 0.21, 0.085) * _bell(y + 0.315, 0.06)  # sockets
        z = z + 0.02 * _bell(y + 0.43, 0.045) * _bell(side - 0.2, 0.15)  # brow ridges
        cheek = 0.03 + 0.02 * self.smile
        z = z + cheek * _bell(side - 0.27, 0.09) * _bell(y + 0.03, 0.1)
        lips = _bell(y - 0.13, 0.03) + _bell(y - 0.21, 0.035)
        return z + 0.03 * lips * _bell(x, 0.12) + 0.025 * _bell(x, 0.1) * _bell(y - 0.42, 0.05)

    def place(self, x, y, drop=None):
        """Points of the surface after identity, jaw and rotation, ndarray of shape (..., 3).

        `drop` is how far the jaw lowers each point, as a share of the opening of the mouth.
        """
        z = self.depth(x, y)
        if drop is None:
            drop = _smoothstep((y - 0.1) / 0.2) * (1 - np.minimum(1, (x / 0.5) ** 2))
        y = y + drop * self.open
        lower = np.maximum(y, 0)
        x = x * (1 + self.wide + self.taper * y + self.square * _bell(y - 0.28, 0.12))
        y = y + self.chin * lower * lower / _CHIN
        return np.stack([x, y, z * (1 + self.deep)], -1) @ self.rotation.T

    def landmarks(self):
        """The 68 landmarks after the rotation, ndarray of shape (68, 3)."""
        mouth, drop = self._mouth()
        flat = np.concatenate([*map(self._brow, (0, 1)), self._nose(), *map(self._eye, (0, 1))])
        above = self.place(flat[:, 0], flat[:, 1], np.zeros(len(flat)))
        return np.concatenate([self._jaw(), above, self.place(mouth[:, 0], mouth[:, 1], drop)])

    def _brow(self, k):
        """Landmarks of the image-left (0) or image-right (1) brow, frontal, (5, 2)."""
        x, y = _BROWS[k].T
        height, arch, slope = self.brow
        y = -0.435 + (y + 0.435) * (1 + arch) + slope * (np.abs(x) - 0.26)
        return np.stack([x, y + height - self.raised[k]], -1)

    def _eye(self, k):
        """Landmarks of the image-left (0) or image-right (1) eye, frontal, (6, 2)."""
        wide, tall, apart, tilt = self.eye
        side, closed = (-1, 1)[k], self.closed[k]
        centre = np.array([0.23 * side, -0.303])
        eye = (_EYES[k] - centre) * [1 + wide, 1 + tall]
        upper, lower = ([1, 2], [5, 4])
        gap = eye[lower, 1] - eye[upper, 1]
        eye[upper, 1] += 0.85 * closed * gap
        eye[lower, 1] -= 0.12 * max(closed, 0) * gap
        eye[:, 1] -= tilt * side * eye[:, 0] / 0.09
        return eye + centre + [apart * side, 0]

    def _nose(self):
        """Landmarks of the nose, frontal, (9, 2)."""
        x, y = _NOSE.T
        return np.stack([x * self.nose_width, -0.32 + (y + 0.32) * self.nose_length], -1)

    def _mouth(self):
        """The lips, (20, 2), and the share of the jaw's drop that each point takes, (20,)."""
        x, y = _MOUTH.T
        wide, thick, low = self.mouth
        corner = np.abs(x) / 0.2
        y = _MOUTH_LINE + (y - _MOUTH_LINE) * (1 + thick - 0.15 * self.smile)
        y = y + low + 0.3 * (self.nose_length - 1) - 0.045 * self.smile * corner**2
        lower = 1 - corner[_LOWER_LIP] ** 3
        y[_LOWER_LIP] += self.parted * lower
        drop = np.zeros(len(x))
        drop[_LOWER_LIP] = 0.85 * lower
        drop[_CORNERS] = 0.25
        x = x * (1 + wide + 0.16 * self.smile - 0.8 * self.open)
        return np.stack([x, y], -1), drop

    def _jaw(self):
        """The outline of the face: on each arc of the surface the outermost point seen."""
        s = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 61))
        width = np.interp(_JAW_HEIGHTS, _HEIGHTS, _HALF_WIDTH)
        arcs = self.place(width[:, None] * s, np.repeat(_JAW_HEIGHTS[:, None], len(s), 1))
        outline = np.concatenate([arcs[:, 0], arcs[-2::-1, -1]])
        tangent = np.gradient(outline[:, :2], axis=0)
        outward = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
        rows = np.r_[0:9, 7:-1:-1]
        reach = np.einsum("lsk,lk->ls", arcs[rows, :, :2], outward)
        return arcs[rows, reach.argmax(1)]

    def mesh(self):
        """The face below the hair line.

        Returns
        -------
        points : ndarray of shape (rows, columns, 3)
        x, y : ndarrays of shape (rows, columns)
            Where on the frontal face each vertex lies.
        """
        a = np.linspace(-1, 1, _COLUMNS)
        s = np.sin(np.pi / 2 * (0.55 * a + 0.45 * a**3))  # dense at the nose
        middle, slope = self.hairline
        top = middle + slope * s * (1 - s**2) + (-0.36 - middle) * np.abs(s) ** 5
        t = np.linspace(0, 1, _ROWS)[:, None]
        t = 1 - (1 - t) ** 1.25
        y = top + (_CHIN - top) * t
        x = np.interp(y, _HEIGHTS, _HALF_WIDTH) * s
        return self.place(x, y), x, y


def _rotation(yaw, pitch, roll):
    """Pitch, then yaw, then roll; positive: chin down, face to image-right, clockwise."""
    c, s = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_x = np.array([[1, 0, 0], [0, c[1], s[1]], [0, -s[1], c[1]]])
    about_y = np.array([[c[0], 0, s[0]], [0, 1, 0], [-s[0], 0, c[0]]])
    about_z = np.array([[c[2], -s[2], 0], [s[2], c[2], 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


# --------------------------------------------------------------------------------- the painting

_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws


@njit(cache=True, nogil=True)
def _draw_mesh(tones, nearest, xy, z, tone):
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


def _curve(points, closed=False, steps=6):
    return _catmull_rom(len(points), closed, steps) @ points


def _lens(upper, lower):
    """A closed outline of two curves that meet in corners (eye, lips)."""
    return np.concatenate([_curve(upper), _curve(lower)[1:-1]])


@lru_cache(maxsize=8)
def _circle(n):
    a = np.linspace(0, 2 * np.pi, n, endpoint=False)[:, None]
    return np.cos(a), np.sin(a)


def _ellipse(centre, axis, other, n=20):
    """An ellipse as a polygon of `n` corners, from its centre and two half axes."""
    cos, sin = _circle(n)
    return centre + cos * axis + sin * other


def _fixed(points):
    return [np.rint(np.asarray(points) * (1 << _SHIFT)).astype(np.int32)]


def _level(value):
    return min(max(float(value), 0.0), 255.0)


class _Canvas:
    """A grey image to draw polygons and curves on, in pixels and grey levels."""

    def __init__(self, pixels):
        self.pixels = pixels

    def like(self, value):
        """A canvas of the same size and one grey level."""
        return _Canvas(np.full_like(self.pixels, int(_level(value))))

    def sample(self, points):
        """Mean grey level at `points`."""
        x, y = np.rint(points).astype(int).T
        height, width = self.pixels.shape
        return float(self.pixels[y.clip(0, height - 1), x.clip(0, width - 1)].mean())

    def fill(self, polygon, value):
        cv2.fillPoly(self.pixels, _fixed(polygon), _level(value), cv2.LINE_AA, _SHIFT)

    def stroke(self, curve, value, width):
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
        mask = _Canvas(np.zeros((high - low)[::-1], np.uint8))
        if width is None:
            mask.fill(curve - low, 255)
        else:
            mask.stroke(curve - low, 255, width)
            opacity *= min(1.0, width)  # thinner than OpenCV draws
        radius = round(2.45 * blur - 1)
        if radius > 0:  # a triangle of this variance is nearly a Gaussian, and faster
            mask.pixels = cv2.stackBlur(mask.pixels, (2 * radius + 1, 2 * radius + 1))
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


class _Portrait:
    """A head at its place in the image, with its tones."""

    def __init__(self, rng, head, landmarks, centre, unit):
        self.rng, self.head = rng, head
        self.centre, self.unit = centre, unit
        self.skin = rng.uniform(75, 215)
        self.hair = np.clip(rng.choice([rng.uniform(8, 90), rng.uniform(60, 210)]), 8, 235)
        self.cloth = rng.uniform(15, 235)
        light = np.array([rng.normal(0, 0.55), rng.uniform(-0.9, 0.15), 1.0])
        self.light = light / np.linalg.norm(light)
        self.ambient = rng.uniform(0.3, 0.75)
        self.beard = rng.uniform(0.25, 0.75) * (rng.random() < 0.22)
        self.brow_taper = rng.uniform([0.5, 0.7, 0.5, 0.1], [1.0, 1.1, 0.9, 0.4])
        self.brow_strength = rng.uniform(0.6, 1.0)
        self.iris, self.iris_size = rng.uniform(15, 110), rng.uniform(0.9, 1.12)
        self.gaze = _clipped_normal(rng, [0.18, 0.12], [0.4, 0.25])
        self.lash = rng.uniform(0.008, 0.02)
        self.lips = rng.uniform(0.55, 0.9)
        self.teeth = rng.random() < (0.9 if head.smile > 0.2 else 0.45)
        self.points = self.project(landmarks)

    def project(self, points):
        return self.centre + self.unit * points[..., :2]

    def spot(self, x, y, z):
        """Points of the head's frame in the image."""
        return self.project(np.stack(np.broadcast_arrays(x, y, z), -1) @ self.head.rotation.T)

    def paint(self, canvas):
        self._back(canvas)
        self._face(canvas)
        self._nose(canvas)
        for eye in (self.points[36:42], self.points[42:48][[3, 2, 1, 0, 5, 4]]):
            self._eye(canvas, eye)
        for brow in (self.points[17:22][::-1], self.points[22:27]):
            self._brow(canvas, brow)
        self._mouth(canvas)

    def _back(self, canvas):
        """Hair, neck, shoulders and ears: what lies behind the face."""
        rng, unit = self.rng, self.unit
        volume = rng.uniform(1.0, 1.16)
        a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 16), np.linspace(-1.4, 1.4, 9))
        skull = self.spot(
            0.53 * volume * np.cos(b) * np.cos(a),
            -0.42 + 0.56 * volume * np.sin(b),
            -0.52 + 0.56 * np.cos(b) * np.sin(a),
        )
        skull = cv2.convexHull(skull.reshape(-1, 2).astype(np.float32))[:, 0]
        strands = _noise(rng, canvas.pixels.shape, rng.integers(3, 60, 2)) * rng.uniform(8, 30)
        locks = np.clip(self.hair + strands, 0, 255)
        if rng.random() < 0.4:  # long hair
            low, y = rng.uniform(0.2, 1.1), np.array([-0.35, 0.1])
            x = np.array([-0.5, -0.58, -0.5, 0.5, 0.58, 0.5]) * volume
            long = self.spot(x, np.concatenate([y, [low, low], y[::-1]]), -0.6)
            canvas.blend(_curve(long, closed=True), locks)

        throat = self.spot(0, 0.25, -0.45)
        right, down = np.array([[unit, 0], [0, unit]])
        collar = throat + 0.7 * down - 0.25 * np.sin(self.head.roll) * right
        slim = rng.uniform(0.27, 0.38)
        neck = self.skin * (self.ambient + (1 - self.ambient) * 0.7) * rng.uniform(0.6, 0.95)
        sides = [
            np.stack([throat + k * slim * right, collar + k * (slim + 0.02) * right,
                      collar + k * (slim + 0.25) * right + 0.3 * down])
            for k in (-1, 1)
        ]  # fmt: skip
        canvas.blend(np.concatenate([sides[0], sides[1][::-1]]), neck)
        for side, k in zip(sides, (-1, 1), strict=True):
            shade = neck * (0.75 + 0.3 * k * self.light[0])
            canvas.blend(side, shade, 0.7, 0.05 * unit, 0.08 * unit)
        chin = self.points[2:15] + 0.1 * down
        canvas.blend(chin, 0.55 * neck, 0.8, 0.04 * unit)  # the shadow of the chin
        cut, slope = rng.uniform(-0.1, 0.3), rng.uniform(0.1, 0.45)
        half = np.array([[0.0, cut], [slim + 0.02, -0.12], [0.9, slope - 0.1], [1.3, 0.8]])
        coat = np.concatenate([half[::-1] * [-1, 1], half[1:]]) * unit + collar
        canvas.blend(np.concatenate([coat, coat[[-1, 0]] + 3 * down]), self.cloth)
        canvas.blend(_curve(skull, closed=True, steps=2), locks, blur=0.006 * unit)
        if rng.random() < 0.75:  # ears that no hair covers
            cos, sin = np.concatenate(_circle(14), 1).T
            for side in (-1, 1):
                lit = 0.85 + 0.25 * side * self.light[0]
                for size, tone in ((1.0, lit), (0.6, 0.75 * lit)):
                    z = -0.56 + 0.085 * size * cos - 0.02 * sin
                    ear = self.spot(side * (0.25 - 0.5 * z), -0.17 + 0.15 * size * sin, z)
                    canvas.blend(ear, self.skin * tone, blur=0.004 * unit)

    def _face(self, canvas):
        points, x, y = self.head.mesh()
        normal = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
        normal[-1] = normal[-2]  # the last row is one point, the chin
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
        diffuse = np.maximum(normal @ self.light, 0)
        between = (self.light + np.array([0, 0, 1])) / 2  # light and viewer
        gloss = np.maximum(normal @ between, 0) ** 20
        tone = self.skin * (self.ambient + (1.12 - self.ambient) * diffuse)
        tone *= 1 + 0.03 * cv2.resize(
            self.rng.standard_normal((10, 10), np.float32), tone.shape[::-1]
        )
        tone += self.rng.uniform(0, 25) * gloss
        if self.beard:
            chin = _smoothstep((y - 0.02) / 0.12 + (np.abs(x) - 0.25) / 0.3)
            lip = _bell(y - 0.17, 0.05) * _bell(x, 0.17)
            weight = self.beard * np.clip(chin - lip, 0, 1)
            tone += weight * (self.hair * 0.8 - tone)
        xy = self.project(points)
        low = np.maximum(np.floor(xy.min((0, 1))).astype(int), 0)
        high = np.minimum(np.ceil(xy.max((0, 1))).astype(int) + 1, canvas.pixels.shape[::-1])
        # Twice the resolution gives the mesh an anti-aliased outline.
        fine = np.zeros(2 * (high - low)[::-1], np.float32)
        nearest = np.full_like(fine, -np.inf)
        xy = 2 * (xy - low) + 0.5
        _draw_mesh(fine, nearest, *(v.astype(np.float32) for v in (xy, points[..., 2], tone)))
        share = (nearest > -np.inf).astype(np.float32)
        fine, share = (
            cv2.resize(v, tuple(map(int, high - low)), interpolation=cv2.INTER_AREA)
            for v in (fine, share)
        )
        fine = np.minimum(fine / np.maximum(share, 0.1), 255)
        canvas.mix(np.s_[low[1] : high[1], low[0] : high[0]], fine, share)
        jaw = _curve(self.points[1:16])
        dark = 0.6 * canvas.sample(self.points[3:14])
        canvas.blend(jaw, dark, 0.35, 0.008 * self.unit, 0.012 * self.unit)

    def _nose(self, canvas):
        """Nostrils, wings and the shadow under the tip; the ridge comes from the mesh."""
        unit, base = self.unit, self.points[31:36]
        skin = canvas.sample(self.points[30:31])
        up = (self.points[30] - self.points[33]) * 0.5
        canvas.blend(_curve(base), 0.45 * skin, 0.55, 0.008 * unit, 0.02 * unit)
        for wing, inner in ((base[0], base[1]), (base[4], base[3])):
            out = wing - base[2]
            side = np.stack([wing + 0.15 * out, wing + 0.25 * out + 0.6 * up, wing + 1.1 * up])
            canvas.blend(_curve(side), 0.5 * skin, 0.45, 0.007 * unit, 0.012 * unit)
            hole = _ellipse(inner + 0.12 * up, 0.26 * out, 0.16 * up)
            canvas.blend(hole, 0.2 * skin, 0.9, 0.004 * unit)

    def _brow(self, canvas, points):
        """`points` from the nose outward."""
        unit = self.unit
        skin = canvas.sample(points)
        dark = min(0.75 * skin, 0.35 * skin + 0.4 * self.hair)
        up = self.spot(0, -0.03, 0) - self.spot(0, 0, 0)
        taper = np.interp(np.linspace(0, 1, 25), [0, 0.3, 0.7, 1], self.brow_taper)[:, None]
        curve = _curve(points)
        brow = np.concatenate([curve + taper * up, (curve - taper * up)[::-1]])
        canvas.blend(brow, dark, self.brow_strength, 0.006 * unit)

    def _eye(self, canvas, points):
        """`points` from the outer corner over the upper lid."""
        unit = self.unit
        corner, other = points[0], points[3]
        upper, lower = points[:4], points[[3, 4, 5, 0]]
        skin = canvas.sample(points)
        outline = _lens(upper, lower)
        middle = points[[1, 2, 4, 5]].mean(0)
        across = (other - corner) / 2
        down = self.spot(0, 0.01, 0) - self.spot(0, 0, 0)
        crease = points[:4] + down * np.array([[0.5], [-3.2], [-3.2], [0.5]])
        canvas.blend(_curve(crease), 0.6 * skin, 0.5, 0.006 * unit, 0.01 * unit)
        bag = points[[0, 5, 4, 3]] + down * np.array([[0.5], [3.5], [3.5], [0.5]])
        canvas.blend(_curve(bag), 0.7 * skin, 0.3, 0.01 * unit, 0.012 * unit)

        layer = canvas.like(0.75 * skin + 70)
        radius = 0.055 * self.iris_size
        look = middle + self.gaze[0] * across + 100 * radius * self.gaze[1] * down
        wide = radius * unit * np.cos(self.head.yaw) * across / np.hypot(*across)
        tall = 100 * radius * down
        layer.fill(_ellipse(look, wide, tall), self.iris)
        layer.fill(_ellipse(look, 0.45 * wide, 0.45 * tall), 12)
        glint = look + 0.35 * (wide * np.sign(self.light[0]) - tall)
        layer.fill(_ellipse(glint, 0.2 * wide, 0.2 * tall), 240)
        layer.stroke(_curve(upper) + 0.6 * down, 0.4 * skin, 0.012 * unit)  # shadow of the lid
        canvas.blend(outline, layer.pixels, 1, 0.002 * unit)
        canvas.blend(_curve(upper), 0.22 * skin, 0.9, 0.003 * unit, self.lash * unit)
        canvas.blend(_curve(lower), 0.45 * skin, 0.7, 0.003 * unit, 0.007 * unit)

    def _mouth(self, canvas):
        unit, p = self.unit, self.points
        skin = canvas.sample(p[[33, 50, 52, 6, 10]])
        inner = _lens(p[60:65], p[[64, 65, 66, 67, 60]])
        outer = _lens(p[48:55], p[[54, 55, 56, 57, 58, 59, 48]])
        canvas.blend(outer, self.lips * skin, 0.9, 0.005 * unit)
        middle = np.concatenate([p[48:49], p[60:65], p[54:55]])
        upper = np.concatenate([_curve(p[48:55]), _curve(middle)[::-1]])
        canvas.blend(upper, 0.8 * self.lips * skin, 0.7, 0.004 * unit)
        shine = 0.5 * p[[67, 66, 65]] + 0.5 * p[[58, 57, 56]]
        canvas.blend(_curve(shine), 1.15 * skin, 0.35, 0.008 * unit, 0.012 * unit)
        below = 1.35 * p[[58, 57, 56]] - 0.35 * p[[67, 66, 65]]
        canvas.blend(_curve(below), 0.6 * skin, 0.4, 0.012 * unit, 0.02 * unit)
        layer = canvas.like(0.18 * skin)
        if self.teeth:
            gap = p[66] - p[62]
            bite = p[60:65] + min(1.0, 0.055 * unit / (np.hypot(*gap) + 1e-6)) * gap
            teeth = np.concatenate([p[60:65], bite[::-1]])
            layer.blend(teeth, 0.65 * skin + 85, 1, 0.004 * unit)
        canvas.blend(inner, layer.pixels, 1, 0.002 * unit)
        canvas.blend(_curve(middle), 0.25 * skin, 0.75, 0.003 * unit, 0.008 * unit)
        fold = 0.25 + 0.35 * max(0.0, self.head.smile)
        for wing, corner in ((31, 48), (35, 54)):
            out = 0.35 * (p[corner] - p[51])
            line = np.stack([p[wing] + 0.3 * out, 0.5 * (p[wing] + p[corner]) + 0.9 * out,
                             p[corner] + 0.8 * out])  # fmt: skip
            canvas.blend(_curve(line), 0.6 * skin, fold, 0.01 * unit, 0.01 * unit)


# -------------------------------------------------------------------- surroundings and the camera


def _noise(rng, shape, cells):
    """Smooth noise of about unit variance, float32, with `cells` (rows, columns) bumps."""
    coarse = rng.standard_normal((int(cells[0]), int(cells[1])), np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _background(rng, size):
    """Clutter: gradients and textures at several scales, stripes, discs and boxes."""
    half = (size + 1) // 2  # out of focus: half the resolution will do
    scene = np.full((half, half), rng.uniform(30, 220), np.float32)
    for cells, strength in ((3, 40), (9, 18), (40, 8)):
        scene += _noise(rng, scene.shape, (cells, cells)) * np.float32(rng.uniform(0, strength))
    if rng.random() < 0.25:
        (c, s), step = rng.normal(0, 1, 2), rng.uniform(0.04, 0.3) * 256 / size
        ramp = np.arange(half, dtype=np.float32) * np.float32(step)
        scene += np.sin(c * ramp + s * ramp[:, None]) * rng.uniform(5, 30)
    canvas = _Canvas(np.clip(scene, 0, 255).astype(np.uint8))
    for _ in range(rng.integers(0, 9)):
        centre, axes = rng.uniform(0, half, 2), rng.normal(0, half / 6, (2, 2))
        canvas.fill(_ellipse(centre, *axes, int(rng.choice([3, 4, 20]))), rng.uniform(0, 255))
    scene = cv2.GaussianBlur(canvas.pixels, (0, 0), rng.uniform(0.5, 3) * size / 256)
    return cv2.resize(scene, (size, size))


def _occlude(rng, canvas, points, unit):
    """Paint sunglasses, a scarf, a hand or a board over the face.

    Returns
    -------
    ndarray of shape (68,), bool
        False where a landmark is covered.
    """
    across = (points[45] - points[36]) / np.hypot(*(points[45] - points[36])) * unit
    down = np.array([-across[1], across[0]])
    tone = rng.uniform(10, 240)
    cover, layer = canvas.like(0), canvas.like(tone)
    kind = rng.integers(4)
    if kind == 0:  # sunglasses
        layer.pixels[:] = rng.integers(5, 60)
        for eye in (points[36:42], points[42:48]):
            reach = max(np.hypot(*(eye[3] - eye[0])), 0.1 * unit) / unit
            lens = _ellipse(eye.mean(0) + 0.02 * down, 0.85 * reach * across, 0.1 * down)
            cover.fill(lens, 255)
            glare = _ellipse(eye.mean(0) - 0.02 * down, 0.25 * reach * across, 0.03 * down)
            layer.blend(glare, rng.uniform(60, 200), 0.6, 0.02 * unit)
        cover.stroke(points[[39, 42]], 255, 0.025 * unit)
        cover.stroke(points[[0, 36]], 255, 0.02 * unit)
        cover.stroke(points[[45, 16]], 255, 0.02 * unit)
    elif kind == 1:  # scarf or mask: everything below a line across nose or mouth
        start = rng.uniform(0.25, 0.9)
        top = points[[3, 33, 13]] + start * (points[[5, 57, 11]] - points[[3, 33, 13]])
        top[[0, 2]] += 0.12 * np.stack([-across, across])
        bottom = top[[2, 0]] + 2.5 * down + 0.8 * np.stack([across, -across])
        folds = _noise(rng, canvas.pixels.shape, rng.integers(8, 60, 2)) * rng.uniform(4, 25)
        layer.pixels[:] = np.clip(tone + folds, 0, 255)
        cover.fill(np.concatenate([_curve(top), bottom]), 255)
    elif kind == 2:  # hand: parallel fingers that reach over the outline
        side, tone = rng.choice([-1, 1]), rng.uniform(70, 215)
        angle = rng.uniform(-0.9, 0.9)
        along = -side * (np.cos(angle) * across + np.sin(angle) * down)
        aside = np.array([-along[1], along[0]])
        tip = points.mean(0) + side * 0.3 * across + rng.uniform(-0.1, 0.35) * down
        for k, length in enumerate((0.0, 0.06, 0.04, -0.04)):
            start = tip + (k - 1.5) * 0.1 * aside + length * along
            finger = np.stack([start, start - 1.5 * along])
            cover.stroke(finger, 255, 0.1 * unit)
            layer.stroke(finger, 0.55 * tone, 0.1 * unit)
            layer.blend(finger, tone, 0.9, 0.01 * unit, 0.065 * unit)
    else:  # a board: any convex patch
        centre = points[rng.integers(68)] + rng.normal(0, 0.05, 2) * unit
        corners = _ellipse(centre, *rng.normal(0, 0.2, (2, 2)) * unit, int(rng.integers(4, 12)))
        cover.fill(corners, 255)
        layer.pixels[:] = np.clip(
            tone + _noise(rng, canvas.pixels.shape, (24, 24)) * rng.uniform(0, 30), 0, 255
        )
    x, y = np.rint(points).astype(int).T
    share = cover.pixels * np.float32(1 / 255)
    canvas.mix(np.s_[:], layer.pixels.astype(np.float32), share)
    return cover.pixels[y, x] < 128


def _expose(rng, image):
    """The camera: blur, contrast, gamma and sensor noise."""
    blur = max(0.0, rng.normal(0.3, 0.5)) * len(image) / 256
    if blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    level = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.25))
    level = 0.5 + (level - 0.5) * rng.uniform(0.7, 1.25) + rng.normal(0, 0.04)
    image = cv2.LUT(image, (level * 255).astype(np.float32))
    # The sum of two uniform bytes is near enough to a Gaussian and much faster.
    noise = rng.integers(0, 256, (2, *image.shape), np.uint8).astype(np.float32)
    image += (noise[0] + noise[1] - 255) * np.float32(rng.uniform(0.5, 7) / 104.5)
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


def _detect(rng, shape):
    """The box of a face detector: square up to 2 %, shifted and scaled at random."""
    low, high = shape.min(0), shape.max(0)
    side = BOX_TO_EXTENT * (high - low).mean()
    centre = (low + high) / 2 + _clipped_normal(rng, BOX_SHIFT, 3 * BOX_SHIFT, 2) * side
    side = side * np.exp(_clipped_normal(rng, BOX_SCALE, 3 * BOX_SCALE))
    aspect = np.exp(_clipped_normal(rng, 0.01, 0.02))
    half = np.array([side * np.sqrt(aspect), side / np.sqrt(aspect)]) / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


# ------------------------------------------------------------------------------------ the public


def render_face(rng, size=256, *, occluders=0.0, scale=(0.45, 0.62)):
    """Render one random face.

    Parameters
    ----------
    rng : numpy.random.Generator
        All randomness comes from it. An occluder does not change the face behind it.
    size : int, default 256
        Width and height of the image in pixels, 32 to 2048.
    occluders : float in [0, 1], default 0
        Probability that sunglasses, a scarf, a hand or another object covers part of the face.
    scale : (float, float), default (0.45, 0.62)
        Range of the side of the face as a share of `size`, within 0.1 and 0.75.

    Returns
    -------
    image : ndarray of shape (size, size), uint8
    shape : ndarray of shape (68, 2), float32
        Landmarks (x, y) in pixels, all inside the image, also where an occluder covers them.
    visible : ndarray of shape (68,), bool
        False under an occluder.
    box : ndarray of shape (4,), float32
        (left, top, right, bottom), as a face detector would place it: around the landmarks with
        a random shift (σ 4 %) and scale (σ 6 %).

    Raises
    ------
    InputError
        If an argument is out of its range.

    Examples
    --------
    >>> image, shape, visible, box = render_face(np.random.default_rng(0), size=96)
    >>> image.shape, shape.shape, bool(visible.all())
    ((96, 96), (68, 2), True)
    """
    _check(size, occluders, scale)
    cover_rng, box_rng, rng = rng.spawn(3)
    head = _Head(rng)
    landmarks = head.landmarks()
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    extent = high - low
    unit = size * rng.uniform(*scale) / (BOX_TO_EXTENT * extent.mean())
    unit = min(unit, (size - 5) / extent.max())
    room = np.minimum((size - 5 - unit * extent) / 2, 0.08 * size)
    centre = (size - 1) / 2 + rng.uniform(-1, 1, 2) * room - unit * (low + high) / 2

    portrait = _Portrait(rng, head, landmarks, centre, unit)
    canvas = _Canvas(_background(rng, size))
    portrait.paint(canvas)
    visible = np.ones(68, bool)
    if cover_rng.random() < occluders:
        visible = _occlude(cover_rng, canvas, portrait.points, unit)
    shape = portrait.points.astype(np.float32)
    return _expose(rng, canvas.pixels), shape, visible, _detect(box_rng, shape)


def synthetic_faces(n, seed=0, size=256, *, occluders=0.0, scale=(0.45, 0.62), progress=None):
    """A dataset of rendered faces.

    Face i has a random stream of its own, so that it is the same whatever `n` is.

    Parameters
    ----------
    n : int
        Number of faces, at least 1.
    seed : int, default 0
    size, occluders, scale
        As in `render_face`.
    progress : callable, optional
        Called as ``progress(done, n)`` after each face.

    Returns
    -------
    data_tools.dataset.FaceDataset
        With images, shapes, boxes and `visible`.

    Raises
    ------
    InputError
        If an argument is out of its range.
    """
    from .dataset import FaceDataset

    _check(size, occluders, scale)
    if not isinstance(n, Integral) or n < 1:
        raise InputError(f"n must be a whole number of faces, at least 1, not {n!r}")
    if not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"seed must be a whole number, at least 0, not {seed!r}")
    images = np.empty((n, size, size), np.uint8)
    shapes, boxes = np.empty((n, 68, 2), np.float32), np.empty((n, 4), np.float32)
    visible = np.empty((n, 68), bool)
    for i, sequence in enumerate(np.random.SeedSequence(seed).spawn(n)):
        images[i], shapes[i], visible[i], boxes[i] = render_face(
            np.random.default_rng(sequence), size, occluders=occluders, scale=scale
        )
        if progress is not None:
            progress(i + 1, n)
    return FaceDataset.from_arrays(images, shapes, boxes, visible=visible)


def _check(size, occluders, scale):
    if not isinstance(size, Integral) or not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"size must be {MIN_SIZE} to {MAX_SIZE} whole pixels, not {size!r}")
    if not 0 <= occluders <= 1:
        raise InputError(f"occluders is a probability, 0 to 1, not {occluders!r}")
    if len(scale) != 2 or not 0.1 <= scale[0] <= scale[1] <= 0.75:
        raise InputError(f"scale must be (low, high) within 0.1 and 0.75, not {scale!r}")
