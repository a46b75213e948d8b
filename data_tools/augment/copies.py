"""A dataset with changed copies of its faces."""

import threading
import zlib
from typing import NamedTuple

import numpy as np

from features.errors import InputError, require_count
from features.frame import Frame
from features.geometry import box_placement
from features.workers import SERIAL

from ..dataset import FaceDataset, fault
from .face import Face

#: How a copy is cut out of its photograph: room for a head that turns, and the scale at which
#: training looks at faces.
FRAME = Frame(350, 140)
# Attributes that a turned head no longer has.
_ANGLES = ("yaw", "pitch", "roll")
_MOST_COPIES = 1000


def augment(faces, recipes, copies=2, seed=0, *, frame=FRAME, workers=SERIAL, progress=None):
    """A dataset of the faces and changed copies of each.

    The image of a copy is a square crop around its face. It is made when ``image(i)`` asks for it
    and not kept; it depends on the seed, the number of the copy and the face alone, not on when
    and in which thread it is made.

    Parameters
    ----------
    faces : FaceDataset
    recipes : sequence of Recipe, or dict of them
        Applied one after the other; see `data_tools.augment.parse`.
    copies : int
        Copies of each face, 1 to 1000.
    seed : int
    frame : Frame
        Of the copies' images. Where its ``face`` is that of the frame that training uses, the
        pixels of faces that are as large are interpolated once.
    workers : Workers
    progress : callable, optional
        Called as ``progress(done, total)`` while the copies' shapes are found.

    Returns
    -------
    FaceDataset
        First the faces as they are, then the first copy of each, and so on. A copy has the file of
        its photograph, and with it the group, so that no split tears them apart. The attribute
        ``copy`` is 0 for a face as it was and numbers the copies from 1. Angles among the
        attributes are NaN for a copy whose landmarks moved. Where visibility is unknown, landmarks
        count as visible once an occluder has been set.

    Raises
    ------
    InputError
        If there is no recipe, a parameter is out of its range, or a photograph that pieces are
        taken from cannot be read.

    Examples
    --------
    >>> from data_tools.augment import parse
    >>> from data_tools.synthetic import synthetic_faces
    >>> more = augment(synthetic_faces(4, size=96), parse("light,blur"), copies=2)
    >>> len(more), more.image(11).shape, more.attributes["copy"][[3, 4, 11]].tolist()
    (12, (350, 350), [0, 1, 2])
    """
    recipes = list(recipes.values() if isinstance(recipes, dict) else recipes)
    if not recipes:
        raise InputError("there is no recipe to make copies by; name at least one")
    require_count("copies", copies, 1, _MOST_COPIES)
    require_count("seed", seed, 0, 2**63 - 1)
    for recipe in recipes:
        recipe.check()
    source = _Source(faces, recipes, seed, frame)
    n, lock, done = len(faces), threading.Lock(), 0
    outlines = [None] * (n * copies)

    def outline(row):
        nonlocal done
        outlines[row] = source.outline(*divmod(row, n))
        if progress is not None:
            with lock:
                done += 1
                progress(done, len(outlines))

    # Face by face: recipes may keep for its copies what they know of a face.
    workers.each(outline, (k * n + i for i in range(n) for k in range(copies)))
    return _joined(faces, source, outlines)


def _joined(faces, source, outlines):
    """The faces, and a copy for each outline."""
    n, rounds = len(faces), len(outlines) // max(len(faces), 1)
    copies = [_Copy(source, *divmod(row, n), outline.moved) for row, outline in enumerate(outlines)]
    visible = [outline.face.visible for outline in outlines]
    if faces.visible is not None or any(row is not None for row in visible):
        own = np.ones(faces.shapes.shape[:2], bool) if faces.visible is None else faces.visible
        seen = np.ones(faces.shapes.shape[1], bool)
        visible = [*own, *(seen if row is None else row for row in visible)]
    else:
        visible = None
    attributes = {name: np.tile(column, rounds + 1) for name, column in faces.attributes.items()}
    shifted = np.array([False] * n + [outline.shifted for outline in outlines])
    for name in attributes:
        if name in _ANGLES and attributes[name].dtype.kind == "f":
            attributes[name][shifted] = np.nan
    attributes["copy"] = np.repeat(np.arange(rounds + 1), n)
    sizes = None
    if faces.sizes is not None:
        sizes = [*faces.sizes, *(outline.face.image.shape[::-1] for outline in outlines)]
    return FaceDataset(
        faces.files * (rounds + 1),
        [*faces.shapes, *(outline.face.shape for outline in outlines)],
        [*faces.boxes, *(outline.face.box for outline in outlines)],
        faces.scheme,
        faces.skipped,
        [*(faces.images or [None] * n), *copies],
        sizes,
        visible,
        attributes,
    )


class _Outline(NamedTuple):
    """What is known of a copy before its image is made."""

    face: Face
    """With an empty image of the right size."""
    moved: bool
    """Whether the recipes that move are applied: not where they would spoil the face."""
    shifted: bool
    """Whether its landmarks lie elsewhere in the crop than before."""


class _Source:
    """The originals and the recipes, from which any copy can be made at any time."""

    def __init__(self, faces, recipes, seed, frame):
        self.faces, self.seed, self.frame = faces, seed, frame
        # By name, so that a recipe does the same whichever others there are.
        names = [type(recipe).__name__ for recipe in recipes]
        self.keys = [(zlib.crc32(n.encode()), names[:k].count(n)) for k, n in enumerate(names)]
        self.recipes = [
            recipe.prepare(faces, np.random.default_rng([seed, *key])) if len(faces) else recipe
            for recipe, key in zip(recipes, self.keys, strict=True)
        ]
        self._last = _Last()

    def outline(self, copy, i):
        """Shape, box and visibility of a copy of face `i`."""
        face = before = self._cut(i, np.zeros((self.frame.size,) * 2, np.uint8))
        face = self._apply(face, copy, i, [r.moves for r in self.recipes], "outline")
        if fault(face.shape, face.box, face.image.shape[::-1]):
            return _Outline(before, False, False)
        shifted = not np.array_equal(face.shape, before.shape, equal_nan=True)
        # Of the image, only the size is kept.
        face = face._replace(image=np.broadcast_to(np.uint8(0), face.image.shape))
        return _Outline(face, True, shifted)

    def image(self, copy, i, moved):
        """The image of a copy of face `i`."""
        crop = self.frame.crop(self._photograph(i), self.faces.boxes[i])[0]
        face = self._cut(i, crop)
        wanted = [moved or not recipe.moves for recipe in self.recipes]
        return np.ascontiguousarray(self._apply(face, copy, i, wanted).image)

    def _cut(self, i, crop):
        """Face `i` as it lies in its crop."""
        faces = self.faces
        _, (scale, *corner) = self.frame.place(box_placement(faces.boxes[i]))
        shape = ((faces.shapes[i] - corner) / scale).astype(np.float32)
        box = ((faces.boxes[i].reshape(2, 2) - corner) / scale).astype(np.float32).ravel()
        return Face(crop, shape, box, None if faces.visible is None else faces.visible[i])

    def _apply(self, face, copy, i, wanted, how="apply"):
        """The face after those of the recipes that are wanted.

        Each has a generator of its own, so that one that is left out changes nothing in the others.
        """
        for k, recipe in enumerate(self.recipes):
            rng = np.random.default_rng([self.seed, copy, i, *self.keys[k]])
            if wanted[k] and rng.random() < recipe.p:
                face = getattr(recipe, how)(face, rng)
        return face

    def _photograph(self, i):
        """The image of face `i`; that of a file is kept until this thread asks for another."""
        if self.faces.images is not None and self.faces.images[i] is not None:
            return self.faces.image(i)
        file = self.faces.files[i]
        if self._last.file != file:
            self._last.file, self._last.image = file, self.faces.image(i)
        return self._last.image


class _Last(threading.local):
    """The photograph that a thread read last; not carried to other processes."""

    file = image = None

    def __reduce__(self):
        return _Last, ()


class _Copy:
    """A copy's image, made when it is called."""

    def __init__(self, source, copy, i, moved):
        self.source, self.key = source, (copy, i, moved)

    def __call__(self):
        return self.source.image(*self.key)
