"""Heads turned in three dimensions."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from data_tools.heads import angles, rotation
from features.errors import InputError

from ._mesh_kernels import draw, hidden, sampled
from .face import Face, Recipe
from .mesh import Surface

# What is in front of a landmark by less, in distances of the eyes, is the same skin (or lip).
_HIDDEN = np.full(68, 0.03)
_HIDDEN[48:] = 0.12
_GAIN = 0.2  # and by how much more it must turn to the viewer than in the photograph
_SEEN = 0.10, 0.40  # cosines of the angle to the viewer between which the mirror image takes over


@dataclass(eq=False, repr=False, kw_only=True)
class PoseTurn(Recipe):
    """Turn heads towards poses drawn uniformly, so that rare poses become common.

    The landmarks get the depth of the mean head under the face's own pose and span a surface, with
    cheeks, forehead and the hair around; it is turned and drawn again, the nearer parts over the
    farther ones. What the photograph does not show of a side comes from the mirror image of the
    other one. The background follows as if on rubber, up to a ring where it stays.

    Landmarks lie where annotators would put them: those of the jaw that would be hidden on the
    outline that is seen, the others in their places, marked as not visible where something hides
    them. The box of the copy lies to its landmarks as the original's does to its own.

    Parameters
    ----------
    max_yaw, max_pitch : float, default 60 and 25
        Degrees: the poses are drawn from −max to max. Yaw 0 to 80, pitch 0 to 45.
    max_roll : float, default 15
        Degrees to roll in the plane of the image, added to the face's own. 0 to 180.
    max_turn : float, default 60
        Degrees of yaw by which a head turns at most: beyond, much of it was never seen. 0 to 90.
    p : float, default 1
        Share of the copies that are turned.
    """

    moves: ClassVar[bool] = True

    max_yaw: float = 60.0
    max_pitch: float = 25.0
    max_roll: float = 15.0
    max_turn: float = 60.0

    def _ranges(self):
        return {"max_yaw": (0, 80), "max_pitch": (0, 45), "max_roll": (0, 180), "max_turn": (0, 90)}

    def apply(self, face, rng):
        """As `Recipe.apply`; faces must have the 68 landmarks of face68."""
        draws = rng.uniform(-1, 1, 3)
        surface = surface_of(face)
        if surface is None:
            return face
        yaw = angles(surface.rotation)[0]
        low, high = max(-self.max_yaw, yaw - self.max_turn), min(self.max_yaw, yaw + self.max_turn)
        target = low + (draws[0] + 1) / 2 * (high - low) if low < high else yaw
        return turned(face, target, draws[1] * self.max_pitch, draws[2] * self.max_roll, surface)


def surface_of(face):
    """The `Surface` of a face, or None where its pose cannot be found."""
    shape = np.asarray(face.shape, np.float64)
    if shape.shape != (68, 2):
        raise InputError(
            f"heads are turned by the 68 landmarks of face68, and this face has {len(shape)}; "
            "leave the recipe for poses out"
        )
    with np.errstate(invalid="ignore"):
        surface = Surface(shape)
    return surface if np.isfinite(surface.vertices).all() and surface.scale > 0 else None


def turned(face, yaw, pitch, roll=0.0, surface=None):
    """A face turned to a yaw and a pitch.

    Parameters
    ----------
    face : Face
    yaw, pitch : float
        Degrees, where the head shall look; signs as in `data_tools.heads.rotation`.
    roll : float, default 0
        Degrees to turn the head in the plane of the image, clockwise, from where it is.
    surface : Surface, optional
        That of the face, where it is known already.

    Returns
    -------
    Face
        With what is visible. The face itself where its pose cannot be found.

    Raises
    ------
    InputError
        If the face has other than 68 landmarks.
    """
    surface = surface_of(face) if surface is None else surface
    if surface is None:
        return face
    own_roll = angles(surface.rotation)[2]
    target = rotation(0, 0, roll) @ rotation(yaw, pitch, own_roll)
    return redraw(face, surface, target)


def redraw(face, surface, target):
    """A face with its head under the rotation `target` (3, 3)."""
    triangles = surface.layout.triangles
    before, after = surface.place(surface.rotation), surface.place(target)
    places, depth = np.float32(after[:, :2]), np.float32(after[:, 2])
    shape = surface.landmarks(target)
    points = np.float32(np.column_stack([shape, after[:68, 2]]))
    points[:, 2] += _HIDDEN * surface.scale
    behind = hidden(points, triangles, places, depth)
    behind[:17] = False  # on the outline that is seen
    visible = ~behind if face.visible is None else face.visible & ~behind
    missing = ~np.isfinite(face.shape)
    box = moved_box(face.box, np.where(missing, np.nan, surface.landmarks(surface.rotation)),
                    np.where(missing, np.nan, shape))  # fmt: skip
    shape = np.where(missing, np.nan, shape).astype(np.float32)
    image = face.image if not face.image.size else _drawn(face, surface, before, after)
    return Face(image, shape, box, visible)


def _drawn(face, surface, before, after):
    layout, image = surface.layout, np.ascontiguousarray(face.image)
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
        share = share * np.clip((better - facing) / _GAIN, 0, 1)
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
