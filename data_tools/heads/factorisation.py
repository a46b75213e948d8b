"""A 3-D mean shape from 2-D shapes: factorisation under the rules of a camera and a mirror.

Tomasi and Kanade (1992) factor the landmarks of many views of one rigid body into motion and shape
of rank 3; a metric upgrade then makes the motion rotations. On many heads, whose differences are no
motion, that upgrade compresses the depth of rotation: heads seem to turn less than they do. Here
rotations are rotations from the start and each face is joined by its mirror image: pose by the
shape and shape by the poses are solved in turn, each by least squares.
"""

import numpy as np

from features.errors import InputError

from .angles import angles
from .published import known

FEWEST_SHAPES = 20
_TURNED = 5.0  # degrees of yaw, standard deviation, below which depth cannot be told


def factorise(make, shapes, scheme, n_rounds, tolerance=1e-4):
    """See `HeadShape.fit`; `make` is that class."""
    shapes = np.asarray(shapes, np.float64)
    if shapes.ndim != 3 or shapes.shape[1:] != (scheme.n_points, 2):
        raise InputError(
            f"shapes of landmark scheme {scheme.name!r} must be (n, {scheme.n_points}, 2), "
            f"not {shapes.shape}"
        )
    if len(shapes) < FEWEST_SHAPES:
        raise InputError(f"a head shape needs at least {FEWEST_SHAPES} faces, not {len(shapes)}")
    flip = np.array(scheme.flip if scheme.flip is not None else range(scheme.n_points))
    if (flip == np.arange(scheme.n_points)).all():
        raise InputError(
            f"a head shape needs to know which landmarks mirror each other, and landmark scheme "
            f"{scheme.name!r} does not say so; give it a flip index"
        )
    both = np.concatenate([shapes, shapes[:, flip] * [-1, 1]])
    seen = np.isfinite(both).all(-1)
    if not seen.any(0).all():
        raise InputError("a landmark is missing in all faces; a head shape needs each of them")
    head = make(_normalised(_relief(both), scheme), np.ones(scheme.n_points), scheme)
    for _ in range(n_rounds):
        before = head.points
        head = _improved(head, both, seen, flip)
        if np.abs(head.points - before).max() < tolerance:
            break
    yaw, pitch, _ = head.pose(shapes).T
    if not np.nanstd(yaw) >= _TURNED:
        raise InputError(
            "the faces hardly turn to the sides, so that their depth cannot be told; add turned "
            "faces, or use a scheme whose head is known"
        )
    return head.tilted(_tilt(head, np.nanmedian(pitch)))


def _tilt(head, middle):
    """Degrees to lift the chin by, so that pitch is 0 where it is by convention."""
    found = known(head.scheme)
    if found is None:
        return middle
    both = np.isfinite(found[0]).all(1)
    _, y, z = (head.points[both] - head.points[both].mean(0)).T
    _, to_y, to_z = (found[0][both] - found[0][both].mean(0)).T
    # The turn about x that brings (y, z) nearest to their places.
    return np.degrees(np.arctan2(y @ to_z - z @ to_y, y @ to_y + z @ to_z))


def _relief(shapes):
    """A first guess: the mean shape with its outer points behind, which also says what is front."""
    centre = np.nanmean(shapes, 1, keepdims=True)
    size = np.sqrt(np.nanmean((shapes - centre) ** 2, (1, 2), keepdims=True))
    mean = np.nanmean((shapes - centre) / size, 0)
    return np.column_stack([mean, -0.5 * (mean**2).sum(1)])


def _normalised(points, scheme):
    """Centred, with the outer corners of the eyes one unit apart, or else spread by half a unit."""
    points = points - points.mean(0)
    if scheme.eye_corners:
        unit = np.linalg.norm(np.subtract(*points[list(scheme.eye_corners)]))
    else:
        unit = 2 * np.sqrt((points[:, :2] ** 2).sum(1).mean())
    return points / unit


def _improved(head, shapes, seen, flip):
    """The head that fits the shapes best under the poses found with `head`."""
    placement = head.place(shapes)
    found = np.isfinite(placement.scale) & (placement.scale > 0)
    rotation, scale, shift = (part[found] for part in placement)
    rows = rotation[:, :2]
    weights = seen[found] * head.shares(angles(rotation)[:, 0])
    places = np.where(seen[found][..., None], shapes[found], 0)
    places = (places - shift[:, None]) / scale[:, None, None]
    # Normal equations of each landmark: three unknowns, two equations a face.
    products = np.einsum("nij,nik->njk", rows, rows).reshape(-1, 9)
    normal = (weights.T @ products).reshape(-1, 3, 3)
    right = np.einsum("nl,nij,nli->lj", weights, rows, places, optimize=True)
    points = np.linalg.solve(normal + 1e-9 * np.eye(3), right[..., None])[..., 0]
    points = (points + points[flip] * [-1, 1, 1]) / 2
    residual = places - np.einsum("nij,lj->nli", rows, points)
    variance = (weights[..., None] * residual**2).sum((0, 2)) / weights.sum(0)
    variance = (variance + variance[flip]) / 2
    # Few landmarks could explain some points perfectly, and those would get all the weight.
    precision = 1 / (variance + 0.3 * variance.mean() + 1e-12)
    return type(head)(_normalised(points, head.scheme), precision / precision.mean(), head.scheme)
