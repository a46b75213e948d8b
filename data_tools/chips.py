"""Face chips: upright faces of one size, the usual input of networks for face recognition."""

import numpy as np

from features.errors import InputError, require_count, require_range
from features.geometry import inverse, rotate, similarity
from features.images import as_grey
from features.opencv import cv2

from .heads import head_shape
from .schemes import get_scheme

MIN_SIZE, MAX_SIZE = 8, 4096
MAX_MARGIN = 4.0
# Pixels a side of what a chip is averaged from.
_MOST = 8192


def chip(image, shape, scheme, size=256, margin=0.25, *, mean=None):
    """Cut a face out upright, at one size.

    Parameters
    ----------
    image : ndarray of shape (H, W), (H, W, 3) or (H, W, 4), uint8
        Colours are kept. Outside the image the chip is black.
    shape : array_like of shape (L, 2)
        Landmarks in pixels, NaN where missing.
    scheme : Scheme or str
        Of the landmarks.
    size : int
        Side of the chip in pixels, 8 to 4096.
    margin : float
        Width of the border around the square that holds the mean face from brows to chin, as a
        share of the square's side, 0 to 4.
    mean : array_like of shape (L, 2), optional
        An upright mean shape in any unit; the square is then computed from its landmarks. By
        default the frontal view of the scheme's head model is used (see
        `data_tools.heads.head_shape`), so that chips show the same part of the head for all schemes
        that have one.

    Returns
    -------
    chip : ndarray of shape (size, size) or (size, size, C), uint8
        Where the photograph is reduced, each pixel is the mean of the area that it covers.
    matrix : ndarray of shape (2, 3), float64
        A similarity: ``chip pixel = matrix @ (x, y, 1)`` for pixel (x, y) of the image.

    Raises
    ------
    InputError
        If the image or an argument is unusable, the scheme has no known head and there is no
        `mean`, or fewer than two different landmarks are known.

    Examples
    --------
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(1, seed=1, size=128)
    >>> found, matrix = chip(faces.image(0), faces.shapes[0], "face68", size=64)
    >>> found.shape, matrix.shape
    ((64, 64), (2, 3))
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or not image.size:
        image = as_grey(image)
    require_count("size", size, MIN_SIZE, MAX_SIZE)
    require_range("margin", margin, 0, MAX_MARGIN)
    matrix = chip_matrix(shape, scheme, size, margin, mean=mean)
    return _warp(image, matrix, size), matrix


def chip_matrix(shape, scheme, size=256, margin=0.25, *, mean=None):
    """The similarity from the image to the chip: the second thing that `chip` returns."""
    scheme = get_scheme(scheme)
    shape = np.asarray(shape, np.float64)
    if shape.shape != (scheme.n_points, 2):
        raise InputError(
            f"landmark scheme {scheme.name!r} needs a shape ({scheme.n_points}, 2), not "
            f"{shape.shape}"
        )
    if mean is None:
        try:
            own, whole = (head_shape(of).points[:, :2] for of in (scheme, "face68"))
        except InputError as error:
            raise InputError(
                f"no head model is known for landmark scheme {scheme.name!r}; give an upright "
                "mean shape of its landmarks"
            ) from error
        target = _placed(own, whole, size, margin)
    else:
        target = _placed(mean, mean, size, margin)
    if target.shape != shape.shape:
        raise InputError(f"the mean shape must be {shape.shape}, not {target.shape}")
    known = np.isfinite(shape).all(1) & np.isfinite(target).all(1)
    if known.sum() < 2 or np.ptp(shape[known], axis=0).max() < 1e-3:
        raise InputError(
            "a chip needs at least two landmarks at different places that the mean shape has, too"
        )
    # From the mean face to the photograph: landmarks are noisy there, and all count alike.
    linear, shift = similarity(target, shape[None])
    if not np.isfinite(linear).all() or np.hypot(*linear[0]) < 1e-6:
        raise InputError(
            "the landmarks do not look like a face: the mean face cannot be aligned with them"
        )
    back = inverse(linear.astype(np.float64))
    (a, b), (dx, dy) = back[0], -rotate(shift[None].astype(np.float64), back)[0, 0]
    return np.array([[a, -b, dx], [b, a, dy]])


def _placed(mean, whole, size, margin):
    """The mean face in a chip, in the middle of which lies the whole of it."""
    mean, whole = np.asarray(mean, np.float64), np.asarray(whole, np.float64)
    known = whole[np.isfinite(whole).all(-1)]
    low, high = known.min(0), known.max(0)
    scale = size / ((high - low).max() * (1 + 2 * margin))
    return (mean - (low + high) / 2) * scale + (size - 1) / 2


def _warp(image, matrix, size):
    """The chip: area-true where the photograph shrinks, bilinear where it grows."""
    image, matrix = _around(image, matrix, size)
    # The chip is cut out several times as large, at a scale where bilinear interpolation leaves no
    # pixel out, and then averaged.
    times = max(1, int(np.ceil(1 / np.hypot(*matrix[:, 0]) - 1e-6)))
    times = min(times, max(1, _MOST // size))
    fine = matrix * times
    fine[:, 2] += (times - 1) / 2
    found = cv2.warpAffine(image, fine, (size * times,) * 2, flags=cv2.INTER_LINEAR)
    if times > 1:
        found = cv2.resize(found, (size, size), interpolation=cv2.INTER_AREA)
    return found


def _around(image, matrix, size):
    """The part of the image that the chip shows, and the matrix from there."""
    corners = np.array([[-1, -1], [size, -1], [-1, size], [size, size]], np.float64)
    corners = np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T).T
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(corners.min(0)) - 1, 0, limit - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 2, low + 1, limit).astype(int)
    # OpenCV warps no image that is wider than 32767 pixels.
    average = -(-int((high - low).max()) // _MOST)
    if average > 1:
        high = low + np.maximum((high - low) // average, 1) * average
    part = image[low[1] : high[1], low[0] : high[0]]
    if average > 1:
        shape = tuple(np.maximum((high - low) // average, 1).tolist())
        part = cv2.resize(part, shape, interpolation=cv2.INTER_AREA)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (low + (average - 1) / 2)
    moved[:, :2] *= average
    return part, moved
