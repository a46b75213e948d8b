"""The face box that each model of a comparison gets."""

import numpy as np

from data_tools.boxes import iou
from data_tools.corrections import detector_name
from data_tools.detectors import get_detector
from features.errors import InputError

from ...detection import FromDetector

GIVEN, CORRECTED, OWN = "given", "corrected", "own"
# The detector that the peers of a kind were trained with.
_OWN = {"dlib": "dlib"}
# A detected box is of the face whose box it overlaps like this.
_SAME_FACE = 0.3


class Placement:
    """The box that a model gets, found before its time is measured.

    Parameters
    ----------
    about : str
        For the table.
    detector : callable, optional
        The model's own detector; if it finds several boxes, the one that overlaps the face's box is
        used.
    correct : callable, optional
        From boxes (n, 4) to those that the model was trained with.
    """

    def __init__(self, about="", detector=None, correct=None):
        self.about, self._detector, self._correct = about, detector, correct

    def __call__(self, image, box):
        """The box (4,) for a face in `box`; None if the model's own detector does not find it."""
        if self._detector is not None:
            found = np.asarray(self._detector(image), np.float32).reshape(-1, 4)
            overlaps = iou(found, box)[:, 0]
            if overlaps.max(initial=0) < _SAME_FACE:
                return None
            box = found[overlaps.argmax()]
        return box if self._correct is None else self._correct(np.asarray(box)[None])[0]


def placed(kind, find, chosen, detector, text):
    """The `Placement` of a model; a model of this toolkit is wrapped in a `FromDetector`.

    Parameters
    ----------
    kind : str
        Of the model's spec.
    find : Finder
        Its `reference`, where it has one, is an `Aligner` that knows the boxes of the training.
    chosen : str or None
        The option ``boxes`` of the spec: "given", "corrected", "own", or a detector. None is
        "corrected" where the faces' boxes are of a detector, else "given".
    detector : str or None
        The detector that found the faces' boxes; None if they come with the data set.
    text : str
        The spec, for errors.

    Raises
    ------
    InputError
        If the model's own detector is unknown, or corrected boxes are requested but the boxes come
        with the data set.
    """
    if chosen is None:
        chosen = GIVEN if detector is None else CORRECTED
    if chosen == GIVEN:
        return Placement()
    if chosen == CORRECTED and detector is None:
        raise InputError(f"{text}: boxes=corrected needs boxes of a detector; add --boxes detect")
    if chosen == OWN and kind not in _OWN:
        raise InputError(
            f"{text}: it is not known which detector this model was trained with; name one, "
            "as in boxes=dlib"
        )
    spec = _OWN[kind] if chosen == OWN else detector if chosen == CORRECTED else chosen
    own = None if chosen == CORRECTED else get_detector(spec)
    name, reference = detector_name(spec), getattr(find, "reference", None)
    about = f"boxes of {name}"
    # A peer wants its own detector's boxes as they are.
    if reference is None or (chosen != CORRECTED and kind in _OWN and spec == _OWN[kind]):
        return Placement(about, own)
    finder = FromDetector(reference, spec)
    if finder.correction is None:
        return Placement(about, own)
    if kind == "native":
        find.model = finder
        return Placement(f"{about}, corrected, two passes", own)
    return Placement(f"{about}, corrected", own, finder.place)
