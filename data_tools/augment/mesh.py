"""The surface of a head that 68 landmarks span: vertices in three dimensions, and triangles.

Lengths are those of `data_tools.heads`: the distance of the outer corners of the eyes is 1, x is to
the right of the image, y down, z towards the viewer.
"""

from copy import copy
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..heads import angles, head_shape
from ..schemes import FACE68
from .jaw import KNOWN

# What an arc over the cheek leads to from each point of the jaw's right half, at about its height:
# shares of landmarks. That of the chin goes up to the lip.
_ENDS = ({36: 1}, {31: 0.5, 41: 0.5}, {31: 1}, {48: 1}, {59: 1}, {8: 0.4, 57: 0.6},
         {8: 0.7, 57: 0.3}, {8: 0.9, 57: 0.1}, {57: 1})  # fmt: skip
# What is farther in at that height, on the middle of the face: it is the outline of a profile.
_MIDDLES = ({27: 1}, {29: 1}, {33: 1}, {51: 1}, {57: 1}, {8: 0.4, 57: 0.6},
            {8: 0.7, 57: 0.3}, {8: 0.9, 57: 0.1}, {57: 1})  # fmt: skip
BETWEEN = 3  # arcs from one point of the jaw to the next
_CHIN = 8 * BETWEEN
# Along an arc, in degrees of a quarter ellipse: for the mesh, and to find the outline.
_STEPS = np.radians([12, 25, 40, 58, 75])
_FINE = np.radians(np.arange(0, 91, 4.5))
_BEYOND = np.linspace(0, 1, 6)[1:, None]  # and from there to the middle of the face
# Rows of the forehead and the hair: height above the eyes' outer corners, half width, depth of the
# edge and of the middle against these corners.
_ROWS = np.array([[-0.39, 0.76, -0.58, 0.24], [-0.63, 0.70, -0.53, 0.17],
                  [-0.87, 0.60, -0.50, 0.00], [-1.10, 0.45, -0.52, -0.24]])  # fmt: skip
_COLUMNS = np.array([-1, -0.75, -0.4, 0, 0.4, 0.75, 1])
_PIVOT = np.array([0, 0.1, -0.35])  # what stays in its place when the head turns
_RIM, _BEHIND = 0.16, 0.30  # how far ears and hair reach out, and lie behind the outline
_RING = 2.1  # radii of the ring where the background stays as it is
_MIDDLE = 0.4  # between rim and ring, and how much of the rim's motion a loop there shares


class Layout(NamedTuple):
    """What all heads share: how vertices hang together."""

    triangles: np.ndarray
    """(T, 3), int32, of the head; clockwise in the image where they face the viewer."""
    flip: np.ndarray
    """(V,), each vertex' mirror image."""
    loop: np.ndarray
    """(N,), the vertices around the head: the jaw, then the hair from left to right."""
    begins: np.ndarray
    """(A, 68), where arcs over the cheeks begin: the jaw's points and points between them."""
    ends: np.ndarray
    """(A, 68), what they lead to."""
    middles: np.ndarray
    """(A, 68), and what is at that height on the middle of the face."""
    background: np.ndarray
    """(B, 3), int32, triangles between three loops of N vertices, the inmost first."""


def _curve(n, between):
    """Weights (m, n) of n points in a Catmull-Rom curve through them, `between` points apart."""
    t = np.arange(between)[:, None] / between
    basis = np.hstack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3,
                       t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2  # fmt: skip
    weights = np.zeros(((n - 1) * between + 1, n))
    for i in range(n - 1):
        for k, column in enumerate(basis.T):
            weights[i * between : (i + 1) * between, np.clip(i + k - 1, 0, n - 1)] += column
    weights[-1, -1] = 1
    return weights


def _arc_weights():
    """Where arcs begin, on the jaw and between its points, end, and go on to: (A, 68) each."""
    begins = np.zeros(((17 - 1) * BETWEEN + 1, 68))
    begins[:, :17] = _curve(17, BETWEEN)
    return begins, _shares(_ENDS), _shares(_MIDDLES)


def _shares(parts):
    """Shares (A, 68) of landmarks, from those for the jaw's right half, linear between points."""
    table = np.zeros((17, 68))
    for k, part in enumerate(parts):
        for i, share in part.items():
            table[k, i] = table[16 - k, FACE68.flip[i]] = share
    at = np.arange((17 - 1) * BETWEEN + 1) / BETWEEN
    before = np.minimum(at.astype(int), 15)
    share = (at - before)[:, None]
    return (1 - share) * table[before] + share * table[before + 1]


def arcs(points, layout, steps):
    """Arcs of quarter ellipses from the jaw into the face, (A, len(steps), 3)."""
    jaw = layout.begins @ points
    along = (layout.ends @ points - jaw)[:, None]
    share = np.stack([1 - np.cos(steps), 1 - np.cos(steps), np.sin(steps)], -1)
    return jaw[:, None] + along * share


def _forehead(points):
    eyes = (points[36] + points[45]) / 2
    half = np.linalg.norm(points[16, :2] - points[0, :2]) / 2
    y, width, edge, front = _ROWS.T[:, :, None]
    x = _COLUMNS * width * half / 0.81
    z = edge + (front - edge) * np.sqrt(1 - _COLUMNS**2)
    return eyes + np.stack(np.broadcast_arrays(x, y, z), -1)


def vertices(points, layout):
    """All vertices of a head from its 68 points, (V, 3): landmarks, cheeks, forehead, rim."""
    cheeks = arcs(points, layout, np.concatenate([[0], _STEPS]))
    inner = np.concatenate([points, cheeks.reshape(-1, 3), _forehead(points).reshape(-1, 3)])
    edge = inner[layout.loop]
    out = edge[:, :2] - edge[:, :2].mean(0)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    rim = edge + np.column_stack([_RIM * out, np.full(len(out), -_BEHIND)])
    return np.concatenate([inner, rim])


@lru_cache(maxsize=1)
def layout():
    """The layout, found once on the mean head."""
    from scipy.spatial import Delaunay

    weights = _arc_weights()
    jaw = 68 + np.arange(len(weights[0])) * (len(_STEPS) + 1)
    grid = np.arange(_ROWS.shape[0] * len(_COLUMNS)).reshape(-1, len(_COLUMNS))
    grid += jaw[-1] + len(_STEPS) + 1
    loop = np.concatenate([jaw, grid[:, -1], grid[-1, -2:0:-1], grid[::-1, 0]])
    flat = vertices(head_shape(FACE68).points, Layout(None, None, loop, *weights, None))[:, :2]
    # The jaw's points are in the arcs, too, and triangles hang on those.
    used = np.arange(17, len(flat))
    flip = used[np.linalg.norm(flat[:, None] * [-1, 1] - flat[used], axis=-1).argmin(1)]
    triangles = used[Delaunay(flat[used]).simplices]
    a, b, c = flat[triangles].transpose(1, 0, 2)
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    triangles[area < 0] = triangles[area < 0][:, [0, 2, 1]]
    n = len(loop)
    k = np.arange(n)
    after = (k + 1) % n
    background = np.concatenate(
        [np.stack(each, -1) for inner in (0, n)
         for each in ((inner + k, inner + n + k, inner + after),
                      (inner + after, inner + n + k, inner + n + after))]
    )  # fmt: skip
    return Layout(triangles.astype(np.int32), flip, loop, *weights,
                  background.astype(np.int32))  # fmt: skip


class Surface:
    """The head of one face: its vertices, where they are in the image, and where after a turn.

    Parameters
    ----------
    shape : ndarray of shape (68, 2)
        Landmarks in pixels; NaN where missing.
    head : HeadShape, optional
        What depth is taken from; without it, the head that is known for 68 points.
    jaw : JawPlaces, optional
        Where annotators put the jaw of a head that turns; without it, as is known of 300-W's.

    Attributes
    ----------
    on_outline : ndarray of shape (L,), bool
        Which landmarks annotators place on the outline that is seen.
    margins : ndarray of shape (L,)
        What is in front of a landmark by less, in distances of the eyes, is the same skin (or lip).
    """

    on_outline = np.arange(68) < 17
    margins = np.where(np.arange(68) < 48, 0.03, 0.12)

    def __init__(self, shape, head=None, jaw=None):
        self._places = KNOWN if jaw is None else jaw
        head, self.layout = head_shape(FACE68) if head is None else head, layout()
        placement = head.place(shape[None])
        self.rotation = placement.rotation[0]
        self.scale, self.shift = placement.scale[0], placement.shift[0]
        # Depth is that of the mean head. Where an annotator followed the outline instead of the
        # jaw, the same shift that brings the outline to its place brings the jaw to its own.
        expected = self._project(head.points, self.rotation)
        slid = self.jaw(head.points, self.rotation)
        seen = np.where(np.isfinite(shape), shape, expected[:, :2])
        seen[:17] = np.where(np.isfinite(shape[:17]), shape[:17], slid)
        offset = seen - expected[:, :2]
        offset[:17] = seen[:17] - slid
        for _ in range(3):
            own = np.column_stack([offset / self.scale, np.zeros(68)])
            self.points = head.points + own @ self.rotation
            self._rest = seen[:17] - self.jaw(self.points, self.rotation)
            offset[:17] += self._rest
        self.vertices = vertices(self.points, self.layout)
        self.centre = self._project(_PIVOT[None], self.rotation)[0, :2]
        self.radius = np.linalg.norm(seen - self.centre, axis=1).max()

    def with_points(self, points):
        """The same head in the same place with other points (68, 3)."""
        other = copy(self)
        other.points, other.vertices = points, vertices(points, self.layout)
        return other

    def _project(self, points, rotation):
        """Points of the head on the image, with depth, in pixels, as the pivot stays."""
        placed = self.scale * (points - _PIVOT) @ rotation.T
        placed[..., :2] += self.shift + self.scale * (_PIVOT @ self.rotation.T)[:2]
        return placed

    def place(self, rotation):
        """The vertices (V, 3) under a rotation: pixels, and depth in pixels."""
        return self._project(self.vertices, rotation)

    def outline(self, points, rotation):
        """Where an annotator sees the jaw, (A, 2): on each arc the outermost point."""
        fine = arcs(points, self.layout, _FINE)
        middle = (self.layout.middles @ points)[:, None]
        fine = np.concatenate([fine, fine[:, -1:] + _BEYOND * (middle - fine[:, -1:])], 1)
        fine = self._project(fine, rotation)[..., :2]
        tangent = np.gradient(fine[:, 0], axis=0)
        outward = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
        farthest = np.einsum("lsk,lk->ls", fine, outward).argmax(1)
        farthest[_CHIN] = 0  # its arc runs up the middle of the face
        return fine[np.arange(len(fine)), farthest]

    def jaw(self, points, rotation):
        """The 17 landmarks of the jaw where annotators put them."""
        outline = self.outline(points, rotation)
        return self._places.on(outline, BETWEEN, angles(rotation)[0], self.scale)

    def landmarks(self, rotation):
        """The 68 landmarks (68, 2) as an annotator would place them after a turn."""
        shape = self._project(self.points, rotation)[:, :2]
        shape[:17] = self.jaw(self.points, rotation) + self._rest
        return shape

    def depths(self, places):
        """Depth of each landmark where `places` are those of the vertices, in pixels."""
        return places[:68, 2]

    def loops(self, before, after):
        """Three loops around the head, (3 N, 2) each, in the photograph and after a turn.

        The inmost is the rim, the outmost the ring where the background stays. In the photograph,
        the rim lies around what is seen, also where the head's own is hidden behind it.

        Parameters
        ----------
        before, after : ndarray of shape (V, 3)
            As `place` gives them.
        """
        loop = self.layout.loop
        rim = before[loop, :2].copy()
        outline = self.outline(self.points, self.rotation)
        rim[: len(outline)] = outline
        out = rim - self.centre
        length = np.linalg.norm(out, axis=1, keepdims=True)
        rim += _RIM * self.scale * out / length
        ring = self.centre + _RING * self.radius * _evenly(out / length)
        middle = rim + _MIDDLE * (ring - rim)
        moved = (after - before)[-len(loop) :, :2]
        return (np.concatenate([rim, middle, ring]),
                np.concatenate([rim + moved, middle + _MIDDLE * moved, ring]))  # fmt: skip


def _evenly(directions):
    """Directions in the same order around, but none crowded: half way to an even spread."""
    angle = np.unwrap(np.arctan2(directions[:, 1], directions[:, 0]))
    even = angle.mean() + np.sign(angle[-1] - angle[0]) * 2 * np.pi * (
        np.arange(len(angle)) / len(angle) - 0.5 + 0.5 / len(angle)
    )
    angle = (angle + even) / 2
    return np.stack([np.cos(angle), np.sin(angle)], -1)
