"""Rendered faces with 68 landmarks in the order of 300-W (iBUG), or more: data without photographs.

A face is a parametric surface: horizontal arcs from one edge of the jaw to the other, with bumps
for nose, brows, cheeks and lips. Identity and expression move it, a rotation and weak perspective
project it, Lambert's law shades it, and the features are painted on as curves through the
landmarks. As annotators do, the landmarks of the far jaw follow the visible outline of a turned
head.
"""

from numbers import Integral

import numpy as np

from features.errors import InputError

from ..dataset import FaceDataset
from ..schemes import MAX_POINTS
from .camera import BOX_SCALE, BOX_SHIFT, BOX_TO_EXTENT, detect, expose
from .clutter import background
from .dense import N_LANDMARKS, dense_scheme, further_points
from .drawing import Canvas
from .head import MAX_PITCH, MAX_ROLL, MAX_YAW, Head
from .occluders import occlude, uncovered
from .portrait import Portrait

__all__ = [
    "BOX_SCALE",
    "BOX_SHIFT",
    "BOX_TO_EXTENT",
    "MAX_PITCH",
    "MAX_ROLL",
    "MAX_SIZE",
    "MAX_YAW",
    "MIN_SIZE",
    "dense_scheme",
    "render_face",
    "render_portrait",
    "synthetic_faces",
]

MIN_SIZE, MAX_SIZE = 32, 2048


def render_face(rng, size=256, *, points=N_LANDMARKS, occluders=0.0, scale=(0.45, 0.62)):
    """Render one random face.

    Parameters
    ----------
    rng : numpy.random.Generator
        All randomness comes from it. An occluder does not change the face behind it.
    size : int, default 256
        Width and height of the image in pixels, 32 to 2048.
    points : int, default 68
        Landmarks, 68 to `data_tools.schemes.MAX_POINTS`; the image is the same. See `dense_scheme`.
    occluders : float in [0, 1], default 0
        Probability that sunglasses, a scarf, a hand or another object covers part of the face.
    scale : (float, float), default (0.45, 0.62)
        Range of the side of the face as a share of `size`, within 0.1 and 0.75.

    Returns
    -------
    image : ndarray of shape (size, size), uint8
    shape : ndarray of shape (points, 2), float32
        Landmarks (x, y) in pixels, also where an occluder or the head itself hides them. The first
        68 are those of 300-W and lie inside the image; of the others, some may lie beyond.
    visible : ndarray of shape (points,), bool
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
    image, portrait, cover, box = render_portrait(
        rng, size, points=points, occluders=occluders, scale=scale
    )
    shape = portrait.points
    if points > N_LANDMARKS:
        further = portrait.project(further_points(portrait.head, points - N_LANDMARKS))
        shape = np.concatenate([shape, further])
    visible = np.ones(points, bool) if cover is None else uncovered(cover, shape)
    return image, shape.astype(np.float32), visible, box


def render_portrait(rng, size=256, *, points=N_LANDMARKS, occluders=0.0, scale=(0.45, 0.62)):
    """Render one random face, and return the model it was rendered from.

    Parameters
    ----------
    rng, size, points, occluders, scale
        As of `render_face`.

    Returns
    -------
    image : ndarray of shape (size, size), uint8
    portrait : Portrait
        ``points`` are the 68 landmarks in pixels; ``head`` has the surface in three dimensions and
        ``project`` takes points of it, turned, to pixels.
    cover : ndarray of shape (size, size), uint8, or None
        How far an occluder covers each pixel; None where there is none.
    box : ndarray of shape (4,), float32

    Raises
    ------
    InputError
        If an argument is out of its range.
    """
    _check(size, points, occluders, scale)
    cover_rng, box_rng, rng = rng.spawn(3)
    head = Head(rng)
    landmarks = head.landmarks()
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    extent = high - low
    unit = size * rng.uniform(*scale) / (BOX_TO_EXTENT * extent.mean())
    unit = min(unit, (size - 5) / extent.max())
    room = np.minimum((size - 5 - unit * extent) / 2, 0.08 * size)
    centre = (size - 1) / 2 + rng.uniform(-1, 1, 2) * room - unit * (low + high) / 2

    portrait = Portrait(rng, head, landmarks, centre, unit)
    canvas = Canvas(background(rng, size))
    portrait.paint(canvas)
    cover = None
    if cover_rng.random() < occluders:
        cover = occlude(cover_rng, canvas, portrait.points, unit)
    box = detect(box_rng, portrait.points.astype(np.float32))
    return expose(rng, canvas.pixels), portrait, cover, box


def synthetic_faces(n, seed=0, size=256, *, points=N_LANDMARKS, occluders=0.0, scale=(0.45, 0.62),
                    progress=None):  # fmt: skip
    """A dataset of rendered faces.

    Face i has its own random stream, so it does not depend on `n`.

    Parameters
    ----------
    n : int
        Number of faces, at least 1.
    seed : int, default 0
    size, points, occluders, scale
        As in `render_face`.
    progress : callable, optional
        Called as ``progress(done, n)`` after each face.

    Returns
    -------
    data_tools.dataset.FaceDataset
        With images, shapes, boxes and `visible`, in the scheme `dense_scheme` of `points`.

    Raises
    ------
    InputError
        If an argument is out of its range.
    """
    _check(size, points, occluders, scale)
    if not isinstance(n, Integral) or n < 1:
        raise InputError(f"n must be a whole number of faces, at least 1, not {n!r}")
    if not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"seed must be a whole number, at least 0, not {seed!r}")
    images = np.empty((n, size, size), np.uint8)
    shapes, boxes = np.empty((n, points, 2), np.float32), np.empty((n, 4), np.float32)
    visible = np.empty((n, points), bool)
    for i, sequence in enumerate(np.random.SeedSequence(seed).spawn(n)):
        images[i], shapes[i], visible[i], boxes[i] = render_face(
            np.random.default_rng(sequence), size, points=points, occluders=occluders, scale=scale
        )
        if progress is not None:
            progress(i + 1, n)
    return FaceDataset.from_arrays(
        images, shapes, boxes, scheme=dense_scheme(points), visible=visible
    )


def _check(size, points, occluders, scale):
    if not isinstance(size, Integral) or not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"size must be {MIN_SIZE} to {MAX_SIZE} whole pixels, not {size!r}")
    if not isinstance(points, Integral) or not N_LANDMARKS <= points <= MAX_POINTS:
        raise InputError(
            f"points must be a whole number, {N_LANDMARKS} to {MAX_POINTS}, not {points!r}"
        )
    if not 0 <= occluders <= 1:
        raise InputError(f"occluders is a probability, 0 to 1, not {occluders!r}")
    if len(scale) != 2 or not 0.1 <= scale[0] <= scale[1] <= 0.75:
        raise InputError(f"scale must be (low, high) within 0.1 and 0.75, not {scale!r}")
