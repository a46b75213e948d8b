"""The head: a surface in three dimensions with identity, expression, pose and 68 landmarks.

Lengths are in units of the face box (about the width of a face): x to the right of the image,
y down, z towards the viewer.
"""

import numpy as np
from scipy.interpolate import PchipInterpolator

from .functions import bell, clipped_normal, smoothstep

MAX_YAW, MAX_PITCH, MAX_ROLL = 35.0, 20.0, 20.0  # degrees

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


BROWS = _BROW, _BROW[::-1] * [-1, 1]
EYES = _EYE, _EYE[[3, 2, 1, 0, 5, 4]] * [-1, 1]
NOSE = np.concatenate([_BRIDGE, _mirror(_NOSTRILS, (1, 0))])
MOUTH = np.concatenate(
    [
        _mirror(_LIPS[:4], (2, 1, 0)),
        _LIPS[[6, 5]] * [-1, 1],
        _LIPS[4:],
        _mirror(_INNER_LIPS[:3], (1, 0)),
        _INNER_LIPS[[4]] * [-1, 1],
        _INNER_LIPS[3:],
    ]
)
_LOWER_LIP = [*range(7, 12), *range(17, 20)]  # rows of MOUTH that the jaw carries
_CORNERS = [0, 6, 12, 16]


class Head:
    """One person with one expression in one pose, in units of the face box."""

    def __init__(self, rng):
        # identity
        self.wide, self.taper, self.square, self.chin, self.deep = clipped_normal(
            rng, [0.03, 0.06, 0.025, 0.05, 0.06], [0.07, 0.15, 0.06, 0.12, 0.15]
        )
        self.nose_length, self.nose_width, self.nose_height = 1 + clipped_normal(
            rng, [0.05, 0.1, 0.12], [0.11, 0.22, 0.3]
        )
        # each: how wide, how tall or thick, and displacements
        self.mouth = clipped_normal(rng, [0.1, 0.18, 0.014], [0.2, 0.4, 0.03])
        self.eye = clipped_normal(rng, [0.07, 0.16, 0.015, 0.015], [0.15, 0.35, 0.03, 0.03])
        self.brow = clipped_normal(rng, [0.016, 0.2, 0.04], [0.035, 0.45, 0.09])
        # expression
        self.open = max(0.0, rng.uniform(-0.16, 0.2)) * rng.uniform(0.3, 1)
        self.smile = rng.uniform(-0.5, 1)
        self.parted = 0.02 * max(0.0, self.smile) * rng.uniform(0, 1.5)
        self.raised = clipped_normal(rng, 0.018, 0.045) + clipped_normal(rng, 0.006, 0.012, 2)
        # 0 is at rest, 1 shut
        lids = np.clip(rng.normal(0.0, 0.2), -0.3, 0.6) if rng.random() > 0.06 else 0.95
        self.closed = np.clip(lids + rng.normal(0, 0.04, 2), -0.3, 1)
        # pose
        self.yaw, self.pitch, self.roll = np.deg2rad(
            clipped_normal(rng, [16, 8, 8], [MAX_YAW, MAX_PITCH, MAX_ROLL])
        )
        self.rotation = rotation(self.yaw, self.pitch, self.roll)
        # hair line: height at the middle, slope
        self.hairline = rng.uniform(-0.80, -0.56), clipped_normal(rng, 0.06, 0.15)

    def depth(self, x, y):
        """z of the surface at x, y before the identity's warp."""
        width = half_width(y)
        edge, front = np.interp(y, _HEIGHTS, _EDGE), np.interp(y, _HEIGHTS, _FRONT)
        z = edge + (front - edge) * np.sqrt(np.clip(1 - (x / width) ** 2, 0, 1))
        side = np.abs(x)
        # nose: a ridge that grows from the root to the tip, falls to the lip, and has wings
        t = (y + 0.34) / (0.285 * self.nose_length)
        fall = 1 - smoothstep((t - 0.98) / 0.32)
        ridge = np.clip(t, 0, 1) ** 1.2 * fall
        flank = (0.038 + 0.022 * np.clip(t, 0, 1)) * self.nose_width
        wing_y = -0.32 + 0.305 * self.nose_length
        wings = bell(side - 0.07 * self.nose_width, 0.022) * bell(y - wing_y, 0.035)
        z = z + self.nose_height * (0.19 * ridge * bell(x, flank) + 0.05 * wings)
        z = z - 0.055 * bell(side - 0.21, 0.085) * bell(y + 0.315, 0.06)  # sockets
        z = z + 0.02 * bell(y + 0.43, 0.045) * bell(side - 0.2, 0.15)  # brow ridges
        cheek = 0.03 + 0.02 * self.smile
        z = z + cheek * bell(side - 0.27, 0.09) * bell(y + 0.03, 0.1)
        lips = bell(y - 0.13, 0.03) + bell(y - 0.21, 0.035)
        return z + 0.03 * lips * bell(x, 0.12) + 0.025 * bell(x, 0.1) * bell(y - 0.42, 0.05)

    def place(self, x, y, drop=None):
        """Points of the surface after identity, jaw and rotation, ndarray of shape (..., 3).

        `drop` is how far the jaw lowers each point, as a share of the opening of the mouth.
        """
        z = self.depth(x, y)
        if drop is None:
            drop = self.jaw_share(x, y)
        y = y + drop * self.open
        lower = np.maximum(y, 0)
        x = x * (1 + self.wide + self.taper * y + self.square * bell(y - 0.28, 0.12))
        y = y + self.chin * lower * lower / _CHIN
        return np.stack([x, y, z * (1 + self.deep)], -1) @ self.rotation.T

    @staticmethod
    def jaw_share(x, y):
        """Share of the opening of the mouth by which the jaw lowers the skin at x, y."""
        return smoothstep((y - 0.1) / 0.2) * (1 - np.minimum(1, (x / 0.5) ** 2))

    def landmarks(self):
        """The 68 landmarks after the rotation, ndarray of shape (68, 3)."""
        mouth, drop = self.mouth_points()
        flat = np.concatenate(
            [*map(self.brow_points, (0, 1)), self.nose_points(), *map(self.eye_points, (0, 1))]
        )
        above = self.place(flat[:, 0], flat[:, 1], np.zeros(len(flat)))
        return np.concatenate([self._jaw(), above, self.place(mouth[:, 0], mouth[:, 1], drop)])

    def brow_points(self, k):
        """Landmarks of the image-left (0) or image-right (1) brow, frontal, (5, 2)."""
        x, y = BROWS[k].T
        height, arch, slope = self.brow
        y = -0.435 + (y + 0.435) * (1 + arch) + slope * (np.abs(x) - 0.26)
        return np.stack([x, y + height - self.raised[k]], -1)

    def eye_points(self, k):
        """Landmarks of the image-left (0) or image-right (1) eye, frontal, (6, 2)."""
        wide, tall, apart, tilt = self.eye
        side, closed = (-1, 1)[k], self.closed[k]
        centre = np.array([0.23 * side, -0.303])
        eye = (EYES[k] - centre) * [1 + wide, 1 + tall]
        upper, lower = ([1, 2], [5, 4])
        gap = eye[lower, 1] - eye[upper, 1]
        eye[upper, 1] += 0.85 * closed * gap
        eye[lower, 1] -= 0.12 * max(closed, 0) * gap
        eye[:, 1] -= tilt * side * eye[:, 0] / 0.09
        return eye + centre + [apart * side, 0]

    def nose_points(self):
        """Landmarks of the nose, frontal, (9, 2)."""
        x, y = NOSE.T
        return np.stack([x * self.nose_width, -0.32 + (y + 0.32) * self.nose_length], -1)

    def mouth_points(self):
        """The lips, (20, 2), and the share of the jaw's drop that each point takes, (20,)."""
        x, y = MOUTH.T
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
        width = half_width(_JAW_HEIGHTS)
        arcs = self.place(width[:, None] * s, np.repeat(_JAW_HEIGHTS[:, None], len(s), 1))
        outline = np.concatenate([arcs[:, 0], arcs[-2::-1, -1]])
        tangent = np.gradient(outline[:, :2], axis=0)
        outward = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
        rows = np.r_[0:9, 7:-1:-1]
        reach = np.einsum("lsk,lk->ls", arcs[rows, :, :2], outward)
        return arcs[rows, reach.argmax(1)]

    def mesh(self, hairline=None):
        """The face below the hair line.

        Parameters
        ----------
        hairline : (float, float), optional
            Its height at the middle and its slope, in place of the head's own: one for all heads
            makes a vertex the same place of each.

        Returns
        -------
        points : ndarray of shape (rows, columns, 3)
        x, y : ndarrays of shape (rows, columns)
            Where on the frontal face each vertex lies.
        """
        a = np.linspace(-1, 1, _COLUMNS)
        s = np.sin(np.pi / 2 * (0.55 * a + 0.45 * a**3))  # dense at the nose
        middle, slope = self.hairline if hairline is None else hairline
        top = middle + slope * s * (1 - s**2) + (-0.36 - middle) * np.abs(s) ** 5
        t = np.linspace(0, 1, _ROWS)[:, None]
        t = 1 - (1 - t) ** 1.25
        y = top + (_CHIN - top) * t
        x = half_width(y) * s
        return self.place(x, y), x, y


def half_width(y):
    """Half the width of the mean face at the height `y` of its frontal view."""
    return np.interp(y, _HEIGHTS, _HALF_WIDTH)


def rotation(yaw, pitch, roll):
    """Pitch, then yaw, then roll; positive: chin down, face to image-right, clockwise."""
    c, s = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_x = np.array([[1, 0, 0], [0, c[1], s[1]], [0, -s[1], c[1]]])
    about_y = np.array([[c[0], 0, s[0]], [0, 1, 0], [-s[0], 0, c[0]]])
    about_z = np.array([[c[2], -s[2], 0], [s[2], c[2], 0], [0, 0, 1]])
    return about_z @ about_y @ about_x
