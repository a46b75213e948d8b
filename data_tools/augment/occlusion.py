"""Occlusion: sunglasses, scarves, hands, boards, and pieces of other photographs."""

from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from features.frame import Frame
from features.geometry import (
    box_placement,
    from_box_frame,
    rotate,
    similarity,
    to_box_frame,
)
from features.opencv import cv2

from ..schemes import SCHEMES
from ..schemes.maps import means, within
from ..synthetic.camera import BOX_TO_EXTENT
from ..synthetic.drawing import Canvas
from ..synthetic.head import Head
from ..synthetic.occluders import blob, occluder, paste, uncovered
from .face import Recipe

# Photographs that pieces are taken from, and how much of each.
_N_PIECES, _PIECE = 32, Frame(256, 96)


@dataclass(eq=False, repr=False, kw_only=True)
class Occlusion(Recipe):
    """Something covers a part of the face: a drawn thing, or a piece of another photograph.

    The landmarks stay where they are; those that are covered are no longer visible.

    Parameters
    ----------
    p : float in [0, 1]
        Share of the copies that are changed.
    piece : float in [0, 1]
        Share of these that a piece of another photograph covers; the others have sunglasses, a
        scarf or a mask, a hand or a board.
    softness : (float, float) in [0, 0.2]
        Range of the blur of a piece's border, in sides of the face box.
    """

    moves: ClassVar[bool] = True

    p: float = 0.5
    piece: float = 0.4
    softness: tuple = (0.0, 0.02)

    def _ranges(self):
        return {"piece": (0, 1), "softness": (0, 0.2)}

    def prepare(self, faces, rng):
        """See `Recipe.prepare`: takes pieces of up to 32 photographs, and the mean shape."""
        prepared = copy(self)
        prepared._scheme = faces.scheme
        if self.piece > 0:
            chosen = rng.permutation(len(faces))[:_N_PIECES]
            prepared._pieces = [_PIECE.crop(faces.image(i), faces.boxes[i])[0] for i in chosen]
        shapes = to_box_frame(faces.shapes, box_placement(faces.boxes))
        seen = np.isfinite(shapes)
        total = np.where(seen, shapes, 0).sum(0, dtype=np.float64)
        with np.errstate(invalid="ignore"):  # a landmark that is missing in all faces is NaN
            prepared._mean = (total / seen.sum(0)).astype(np.float32)
        return prepared

    _scheme = _mean = None
    _pieces = ()

    def outline(self, face, rng):
        """See `Recipe.outline`."""
        cover, _ = self._occluder(face, rng)
        return self._covered(face, cover)

    def apply(self, face, rng):
        """See `Recipe.apply`."""
        canvas = Canvas(face.image.copy())
        cover, layer = self._occluder(face, rng)
        paste(canvas, cover, layer)
        return self._covered(face, cover)._replace(image=canvas.pixels)

    def _covered(self, face, cover):
        visible = np.ones(len(face.shape), bool) if face.visible is None else face.visible
        return face._replace(visible=visible & uncovered(cover, face.shape))

    def _occluder(self, face, rng):
        """How far each pixel is covered, and by what."""
        guide, size = self._guide(face), face.image.shape
        if rng.random() < self.piece and self._pieces:
            return self._piece(size, guide, face.side, rng)
        return occluder(rng, size, guide, face.side)

    def _piece(self, size, guide, side, rng):
        """A piece of another photograph."""
        cover = Canvas(np.zeros(size, np.uint8))
        cover.fill(blob(rng, guide, side), 255)
        sigma = rng.uniform(*self.softness) * side
        if sigma > 0.3:
            cover.pixels = cv2.GaussianBlur(cover.pixels, (0, 0), sigma)
        piece = np.rot90(self._pieces[rng.integers(len(self._pieces))], rng.integers(4))
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        return cover.pixels, cv2.resize(np.ascontiguousarray(piece), size[::-1])

    def _guide(self, face):
        """Where the 68 landmarks that occluders are drawn by lie, whatever the face's own are."""
        guide = self._standard(face)
        name = "face68" if self._scheme is None else self._scheme.name
        parts = within(self._scheme)["face68"].parts if _knows_68(self._scheme) else None
        if parts is not None:
            own = means(face.shape.astype(np.float64), parts)
        elif name == "face68" and len(face.shape) == 68:
            own = face.shape
        else:
            return guide
        return np.where(np.isfinite(own).all(-1, keepdims=True), own, guide).astype(np.float64)

    def _standard(self, face):
        """The mean drawn face, turned and scaled as this face is to the mean of the dataset."""
        placement = box_placement(face.box)[None]
        shape = to_box_frame(face.shape[None], placement)
        standard = standard_face()[None]
        if self._mean is not None:
            linear, shift = similarity(self._mean, shape)
            standard = rotate(standard, linear) + shift[:, None]
        return from_box_frame(standard, placement)[0].astype(np.float64)


def _knows_68(scheme):
    return scheme is not None and "face68" in within(scheme)


@cache
def standard_face():
    """The mean of drawn faces, 68 landmarks in the frame of the detector's box: (68, 2)."""
    heads = [Head(np.random.default_rng(seed)).landmarks()[:, :2] for seed in range(30)]
    mean = np.mean(heads, axis=0)
    mean = (mean + mean[list(SCHEMES["face68"].flip)] * [-1, 1]) / 2
    low, high = mean.min(0), mean.max(0)
    return (mean - (low + high) / 2) / (BOX_TO_EXTENT * (high - low).mean())
