"""Find the faces of a photograph and their landmarks."""

import warnings
from typing import NamedTuple

import numpy as np

from data_tools.sketches import shapes_as_picture
from features.images import as_grey, read_image

from ..models import load
from .drawing import drawn_as_seen
from .from_detector import FromDetector


class FoundFaces(NamedTuple):
    """The n faces of a photograph, ordered by size times detection score.

    Attributes
    ----------
    shapes : ndarray of shape (n, L, 2), float32
        Landmarks in pixels.
    boxes : ndarray of shape (n, 4), float32
        The detector's boxes, corrected to those that the model was trained with.
    visible : ndarray of shape (n, L), float32, or None
        Probability that each landmark is visible; None if the model does not predict it.
    spread : ndarray of shape (n, L), float32, or None
        See `Alignment`.
    scores : ndarray of shape (n,), float32, or None
        The detector's scores; None if the detector is a function.
    """

    shapes: np.ndarray
    boxes: np.ndarray
    visible: np.ndarray | None = None
    spread: np.ndarray | None = None
    scores: np.ndarray | None = None

    def __len__(self):
        return len(self.shapes)

    def __repr__(self):
        n_faces, n_landmarks = self.shapes.shape[:2]
        return f"<FoundFaces: {n_faces} face{'s' * (n_faces != 1)} of {n_landmarks} landmarks>"

    def _repr_png_(self):
        """The landmarks as a notebook shows them."""
        picture = shapes_as_picture(self.shapes, drawn_as_seen(self.visible))
        return None if picture is None else picture._repr_png_()


def find_faces(image, model="default", detector="jda", *, color="bgr", max_faces=None,
               min_score=None, long_side=None, rotation=0.0, **options):  # fmt: skip
    """Find the faces of a photograph and their landmarks.

    Parameters
    ----------
    image : str, Path or ndarray
        A file, or an array as `features.images.as_grey` takes it.
    model : str, Path or Aligner
        The name of a pretrained model, a model file, or a model; see `cascade.load`. For many
        images, make a `FromDetector` once and pass it.
    detector : str or callable
        ``jda``, ``lbp``, ``dlib``, ``jda:FILE``, ``yunet:FILE``, or
        a function from a grey image to boxes (n, 4).
    color : {"bgr", "rgb"}
        Channel order of a colour array.
    max_faces : int, optional
        Keep only the first ones.
    min_score, long_side, rotation
        As of `FromDetector`.
    **options
        For `align` of the model, such as `n_starts`.

    Returns
    -------
    FoundFaces
        If no face is found, its length is 0.

    Raises
    ------
    InputError
        If the image, the model or the detector cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> found = find_faces(np.zeros((60, 80), np.uint8), "ert68")
    >>> len(found), found.shapes.shape
    (0, (0, 68, 2))
    """
    grey = as_grey(image, color) if isinstance(image, np.ndarray) else read_image(image)
    if not isinstance(model, FromDetector):
        model = model if hasattr(model, "align") else load(model)
        search = {"min_score": min_score, "long_side": long_side, "rotation": rotation}
        model = FromDetector(model, detector, **search)
        if model.doubt:
            warnings.warn(model.doubt, stacklevel=2)
    boxes, scores, turns = model.find(grey).subset(slice(max_faces))
    if not len(boxes):
        none = np.zeros((0, model.scheme_.n_points, 2), np.float32)
        return FoundFaces(none, boxes)
    found = model.align(grey, boxes, turns=turns, **options)
    return FoundFaces(found.shapes, model.place(boxes, turns), found.visible, found.spread, scores)
