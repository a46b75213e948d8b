"""A head drawn anew: under another rotation, with other points, into its photograph."""

import numpy as np

from features.images import kernel_view

from ._mesh_kernels import draw, hidden, sampled
from .face import Face

# Cosines of the angle to the viewer between which the mirror image takes over, and by how much more
# than in the photograph the surface must turn to the viewer for that.
_SEEN, _MORE = (0.10, 0.40), 0.2


def redraw(face, surface, target, points=None, *, drawn=True):
    """A face with its head under another rotation, or with other points.

    Parameters
    ----------
    face : Face
    surface : Surface
        Of the face.
    target : ndarray of shape (3, 3)
        The rotation.
    points : ndarray of shape (68, 3), optional
        Where the landmarks are on the head, such as those of another expression.
    drawn : bool, default True
        Whether to draw the image; without, it is the face's own.

    Returns
    -------
    Face
    """
    other = surface if points is None else surface.with_points(points)
    before, after = surface.place(surface.rotation), other.place(target)
    shape = other.landmarks(target)
    deep = other.depths(after) + other.margins * surface.scale
    behind = hidden(
        np.float32(np.column_stack([shape, deep])), surface.layout.triangles,
        np.float32(after[:, :2]), np.float32(after[:, 2]),
    )  # fmt: skip
    behind[other.on_outline] = False
    visible = ~behind if face.visible is None else face.visible & ~behind
    missing = ~np.isfinite(face.shape)
    box = moved_box(face.box, np.where(missing, np.nan, surface.landmarks(surface.rotation)),
                    np.where(missing, np.nan, shape))  # fmt: skip
    shape = np.where(missing, np.nan, shape).astype(np.float32)
    image = _drawn(face, surface, before, after) if drawn else face.image
    return Face(image, shape, box, visible)


def _drawn(face, surface, before, after):
    layout, image = surface.layout, kernel_view(np.ascontiguousarray(face.image))
    pixels = image.copy()
    nearest = np.full(image.shape, -np.inf, np.float32)
    source, places = (np.float32(each) for each in surface.loops(before, after))
    nothing = np.zeros(len(source), np.float32)
    far = np.full(len(source), -1e9, np.float32)
    draw(pixels, nearest, image, layout.background, places, far, source, source, nothing,
         np.float32(1), False)  # fmt: skip
    rim = len(layout.loop)
    places = np.concatenate([np.float32(after[:-rim, :2]), places[:rim]])
    source = np.concatenate([np.float32(before[:-rim, :2]), source[:rim]])
    share = unseen(before, after, layout)
    other = source[layout.flip]
    draw(pixels, nearest, image, layout.triangles, places, np.float32(after[:, 2]), source, other,
         share, _gain(image, source, other, share), True)  # fmt: skip
    return pixels


def _gain(image, source, other, share):
    """How much brighter the face's side is than its mirror image where they meet, float32."""
    weight = share * (1 - share)
    own, twin = (sampled(image, each[weight > 0]) for each in (source, other))
    weight = weight[weight > 0]
    return np.float32(np.clip((weight @ own + 1) / (weight @ twin + 1), 0.5, 2))


def unseen(before, after, layout):
    """How much each vertex' grey level should come from its mirror image, (V,), float32.

    1 where the surface turns from beyond the edge to the viewer and the photograph shows its
    mirror image, 0 where one of these does not hold; always 0 on the rim, whose other side is
    hair and background of its own.
    """
    facing, to = (_facing(each, layout.triangles) for each in (before, after))
    share = np.clip((_SEEN[1] - facing) / (_SEEN[1] - _SEEN[0]), 0, 1)
    for better in (to, facing[layout.flip]):
        share = share * np.clip((better - facing) / _MORE, 0, 1)
    share[-len(layout.loop) :] = 0
    return share.astype(np.float32)


def _facing(places, triangles):
    """Cosine of the angle between the surface and the viewer at each vertex, (V,)."""
    a, b, c = places[triangles].transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    sums = np.zeros_like(places)
    for corner in range(3):
        np.add.at(sums, triangles[:, corner], normals)
    return sums[:, 2] / np.maximum(np.linalg.norm(sums, axis=1), 1e-12)


def moved_box(box, before, after):
    """The box that lies to the landmarks `after` as `box` does to those `before`."""
    low, high = np.nanmin(before, 0), np.nanmax(before, 0)
    to_low, to_high = np.nanmin(after, 0), np.nanmax(after, 0)
    extent, to_extent = (high - low).mean(), (to_high - to_low).mean()
    box = np.asarray(box, np.float64)
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    ratio = to_extent / extent
    moved = (to_low + to_high) / 2 + ratio * (centre - (low + high) / 2)
    return np.concatenate([moved - ratio * half, moved + ratio * half]).astype(np.float32)
