"""Box frames and similarity alignment of shapes."""

import reprlib

import numpy as np

from .errors import InputError

#: Limit, in pixels, of the sides and coordinates of boxes: no photograph is that large.
FARTHEST = 1e9


def as_numbers(values, what):
    """Values as an array of float32; what is too large for it becomes infinite.

    Raises
    ------
    InputError
        If they are not numbers, or the rows have different lengths; the message begins with `what`.
    """
    try:
        with np.errstate(over="ignore"):
            return np.asarray(values, np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        text = reprlib.repr(values)
        raise InputError(f"{what} must be numbers, not {text}") from error


def as_boxes(boxes):
    """One box, many boxes or none as an array.

    Parameters
    ----------
    boxes : array_like of shape (4,) or (n, 4)

    Returns
    -------
    ndarray of shape (n, 4), float32

    Raises
    ------
    InputError
        If these are not numbers, or not four per box.
    """
    array = as_numbers(boxes, "boxes (left, top, right, bottom)")
    if not array.size:
        return array.reshape(0, 4)
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 4:
        raise InputError(
            f"boxes must be (left, top, right, bottom), one (4,) or many (n, 4), not an array of "
            f"shape {np.shape(boxes)}"
        )
    return array


def sound_boxes(boxes, size=None):
    """The edges of boxes that can hold a face.

    Parameters
    ----------
    boxes : ndarray of shape (n, 4)
        (left, top, right, bottom) in pixels.
    size : (int, int), optional
        Height and width of the image that each of them must touch.

    Returns
    -------
    list of [float, float, float, float]

    Raises
    ------
    InputError
        Naming the box that is not finite, has no extent, is 1e9 pixels wide or away, or lies
        outside the image.
    """
    # A loop: for the one or two boxes of a photograph it is faster than operations on arrays.
    edges = boxes.tolist()
    for i, (left, top, right, bottom) in enumerate(edges):
        if not (-FARTHEST < left < right < FARTHEST and -FARTHEST < top < bottom < FARTHEST):
            raise InputError(
                f"box {i} is {edges[i]}: need finite numbers with left < right and top < bottom"
            )
        if size is not None and (
            right < 0 or bottom < 0 or left > size[1] - 1 or top > size[0] - 1
        ):
            raise InputError(f"box {i} is {edges[i]}: outside the {size[1]}x{size[0]} image")
    return edges


def box_placement(boxes):
    """Placement of the box frame in the image of each box.

    Parameters
    ----------
    boxes : array_like of shape (4,) or (n, 4)
        (left, top, right, bottom) in pixels.

    Returns
    -------
    ndarray of shape (3,) or (n, 3), float32
        (cx, cy, side): the centre, and the side ``sqrt(width * height)`` that is the frame's unit.

    Raises
    ------
    InputError
        As `sound_boxes`.

    Examples
    --------
    >>> box_placement([10, 20, 30, 40]).tolist()
    [20.0, 30.0, 20.0]
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.shape[-1:] != (4,):
        raise InputError(
            f"a box is (left, top, right, bottom); got an array of shape {boxes.shape}"
        )
    edges = sound_boxes(boxes.reshape(-1, 4))
    rows = [
        ((left + right) / 2, (top + bottom) / 2, ((right - left) * (bottom - top)) ** 0.5)
        for left, top, right, bottom in edges
    ]
    return np.array(rows, np.float32).reshape(*boxes.shape[:-1], 3)


def to_box_frame(shapes, placements):
    """Shapes (n, L, 2) from pixels to the box frame of `placements` (n, 3)."""
    placements = np.asarray(placements, np.float32)
    return (np.asarray(shapes, np.float32) - placements[..., None, :2]) / placements[..., None, 2:]


def from_box_frame(shapes, placements):
    """Shapes (n, L, 2) from the box frame of `placements` (n, 3) to pixels."""
    placements = np.asarray(placements, np.float32)
    # Coordinate by coordinate: a sum over pairs would loop over two numbers at a time.
    pixels = np.asarray(shapes, np.float32) * placements[..., 2, None, None]
    pixels[..., 0] += placements[..., 0, None]
    pixels[..., 1] += placements[..., 1, None]
    return pixels


def similarity(source, target):
    """Least-squares similarity from `source` to each of `target` (Umeyama 1991), in two dimensions.

    Landmarks that are NaN in either shape are left out.

    Parameters
    ----------
    source : ndarray of shape (L, 2) or (n, L, 2)
    target : ndarray of shape (n, L, 2)

    Returns
    -------
    linear : ndarray of shape (n, 2), float32
        (a, b) of the scaled rotation ``[[a, -b], [b, a]]``.
    shift : ndarray of shape (n, 2), float32
        So that ``target ≈ rotate(source, linear) + shift``.
    """
    source, target = np.broadcast_arrays(
        np.asarray(source, np.float64), np.asarray(target, np.float64)
    )
    seen = np.isfinite(source).all(-1, keepdims=True) & np.isfinite(target).all(-1, keepdims=True)
    count = np.maximum(seen.sum(1, keepdims=True), 1)
    source, target = np.where(seen, source, 0.0), np.where(seen, target, 0.0)
    source_mean, target_mean = (
        source.sum(1, keepdims=True) / count,
        target.sum(1, keepdims=True) / count,
    )
    x, y = np.moveaxis((source - source_mean) * seen, -1, 0)
    u, v = np.moveaxis((target - target_mean) * seen, -1, 0)
    energy = np.maximum((x * x + y * y).sum(1), 1e-12)
    linear = np.stack([(x * u + y * v).sum(1), (x * v - y * u).sum(1)], -1) / energy[:, None]
    shift = target_mean[:, 0] - rotate(source_mean, linear)[:, 0]
    return linear.astype(np.float32), shift.astype(np.float32)


def rotate(shapes, linear):
    """Apply the scaled rotations (a, b) of `linear` (n, 2) to `shapes` (n, L, 2)."""
    a, b = linear[..., None, 0], linear[..., None, 1]
    x, y = shapes[..., 0], shapes[..., 1]
    return np.stack([a * x - b * y, b * x + a * y], axis=-1)


def inverse(linear):
    """The scaled rotations that undo `linear` (n, 2)."""
    a, b = linear[..., 0], linear[..., 1]
    energy = a * a + b * b
    return np.stack([a / energy, -b / energy], axis=-1)


def procrustes_mean(shapes, n_iterations=10):
    """Mean of `shapes` (n, L, 2) after similarity alignment, at the average position and size.

    Generalised Procrustes analysis (Gower 1975) that skips NaN landmarks. The result keeps the
    frame of the input: its centroid, size and angle are the averages of the shapes'.
    """
    mean = np.nanmean(shapes, axis=0)
    for _ in range(n_iterations):
        linear, shift = similarity(mean[None], shapes)
        aligned = rotate(shapes - shift[:, None], inverse(linear))
        update = np.nanmean(aligned, axis=0)
        linear, shift = similarity(update[None], mean[None])
        mean = (rotate(update[None], linear) + shift[:, None])[0]
    return mean.astype(np.float32)
