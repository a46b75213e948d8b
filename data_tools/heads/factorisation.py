"""A 3-D mean shape from 2-D shapes: factorisation under the rules of a camera and a mirror.

Tomasi and Kanade (1992) factor the landmarks of many views of one rigid body into motion and shape
of rank 3; a metric upgrade then makes the motion rotations. On many heads, whose differences are no
motion, that upgrade compresses the depth of rotation: heads seem to turn less than they do. Here
rotations are rotations from the start and each face is joined by its mirror image: pose by the
shape and shape by the poses are solved in turn, each by least squares.
"""

import numpy as np

from features.errors import InputError

from .angles import angles, tilt
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
    depths = []
    for _ in range(n_rounds):
        before = head.points
        head = _improved(head, both, seen, flip)
        change = np.abs(head.points - before).max()
        if change < tolerance:
            break
        depths.append(head.points[:, 2].std())
        if len(depths) == 4:
            # Depth alone comes to rest slowly: less of it with more yaw fits nearly as well.
            stretched = head.points * [1, 1, _limit(*depths[1:]) / depths[-1]]
            head, depths = make(stretched, head.weights, head.scheme), []
    yaw, pitch, _ = head.pose(shapes).T
    if not np.nanstd(yaw) >= _TURNED:
        raise InputError(
            "the faces hardly turn to the sides, so that their depth cannot be told; add turned "
            "faces, or use a scheme whose head is known"
        )
    found = known(head.scheme)
    if found is None:
        return head.tilted(np.nanmedian(pitch))
    return _alike(head, *found)


def _alike(head, points, weights):
    """The head with the depth and the tilt of one that is known.

    What is behind and what in front comes from the faces, how far does not: heads that differ fit a
    deeper head that turns less nearly as well, the more so the less they turn.
    """
    both = np.isfinite(points).all(1)
    weights = weights[both] / weights[both].sum()
    own, other = (each[both] - weights @ each[both] for each in (head.points, points))
    for _ in range(10):
        ratio = np.sqrt((weights @ other[:, 2] ** 2) / (weights @ own[:, 2] ** 2))
        head = type(head)(head.points * [1, 1, ratio], head.weights, head.scheme)
        own = own * [1, 1, ratio]
        # The turn about x that brings (y, z) nearest to their places.
        (_, y, z), (_, to_y, to_z) = weights * own.T, other.T
        degrees = np.degrees(np.arctan2(y @ to_z - z @ to_y, y @ to_y + z @ to_z))
        head, own = head.tilted(degrees), own @ tilt(degrees).T
    return head


def _limit(first, second, third):
    """Where a sequence with steps in a fixed ratio ends (Aitken), not too far away."""
    ratio = np.clip((third - second) / (second - first or 1e-12), 0, 0.97)
    return np.clip(third + (third - second) * ratio / (1 - ratio), 0.7 * third, 1.4 * third)


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
