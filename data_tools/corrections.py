"""From the boxes of a detector to those that a model was trained with.

A correction is measured on faces whose boxes are of the model's kind (`DetectorFit`), or computed
from the positions of five facial points in both kinds of boxes (`by_landmarks`).
"""

import math
from dataclasses import asdict, dataclass

import numpy as np

from features.errors import InputError
from features.geometry import box_placement

from .boxes import iou
from .detectors import get_detector
from .schemes.maps import convert, within

# A detected box is of the face whose box has its centre no farther than this, in sides, ...
_NEAR = 0.5
# ... if neither side is larger than the other by more than this.
_ALIKE = 3.0
# Where the centres of the eyes, the tip of the nose and the corners of the mouth (the scheme
# "centres5") lie in the boxes of each detector: offsets from the centre of the box, in its sides.
# Medians over every seventh of the 300-W training images (HELEN, LFPW, AFW), of which they found 97
# and 95 %; left and right averaged, as faces have no preferred side. Those of jda are those of the
# mean shape that its boxes are made of.
PLACES = {
    "jda": ((-0.219, -0.308), (0.219, -0.308), (0.0, -0.061), (-0.192, 0.16), (0.192, 0.16)),
    "lbp": ((-0.186, -0.106), (0.186, -0.106), (0.0, 0.102), (-0.165, 0.284), (0.165, 0.284)),
    "dlib": ((-0.202, -0.197), (0.202, -0.197), (0.0, 0.032), (-0.179, 0.234), (0.179, 0.234)),
}


def detector_name(spec):
    """The name under which the boxes of a detector are known: ``yunet`` of ``yunet:FILE``."""
    return spec.partition(":")[0] if isinstance(spec, str) else None


@dataclass(frozen=True)
class BoxCorrection:
    """Maps the boxes of one detector to square boxes of another convention.

    Parameters
    ----------
    scale : float
        Side of the corrected box over the side ``sqrt(width * height)`` of the given one.
    shift_x, shift_y : float
        Offset of the centre, in sides of the given box; down is positive.

    Raises
    ------
    InputError
        If a number is not finite, or the scale not above 0.

    Examples
    --------
    >>> BoxCorrection(scale=2.0, shift_x=0.0, shift_y=0.5).apply([[10, 10, 20, 20]]).tolist()
    [[5.0, 10.0, 25.0, 30.0]]
    """

    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    def __post_init__(self):
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float | np.number):
                raise InputError(f"{name} of a box correction must be a number, not {value!r}")
            if not math.isfinite(value):
                raise InputError(f"{name} of a box correction must be a finite number, not {value}")
            object.__setattr__(self, name, float(value))
        if self.scale <= 0:
            raise InputError(f"scale of a box correction must be above 0, not {self.scale}")

    @classmethod
    def fit(cls, source_boxes, target_boxes):
        """The correction from `source_boxes` to `target_boxes` (n, 4) of the same faces.

        Medians of the relative offsets and of the log size ratios, so that up to half of the pairs
        may be wrong.

        Raises
        ------
        InputError
            If the numbers of boxes differ, there are none, or one has no area.
        """
        source, target = np.asarray(source_boxes), np.asarray(target_boxes)
        if source.shape != target.shape or source.ndim != 2 or len(source) == 0:
            raise InputError(
                f"a box correction is fitted to pairs of boxes (n, 4), at least one; got "
                f"{source.shape} and {target.shape}"
            )
        source = box_placement(source).astype(np.float64)
        target = box_placement(target).astype(np.float64)
        shift = np.median((target[:, :2] - source[:, :2]) / source[:, 2:], axis=0)
        scale = np.exp(np.median(np.log(target[:, 2] / source[:, 2])))
        return cls(float(scale), *shift.tolist())

    def apply(self, boxes):
        """Correct `boxes` (n, 4).

        Returns
        -------
        ndarray of shape (n, 4), float32
            Square boxes.

        Raises
        ------
        InputError
            If a box has no area.
        """
        placement = box_placement(np.asarray(boxes, np.float64).reshape(-1, 4)).astype(np.float64)
        side = placement[:, 2:]
        centre = placement[:, :2] + side * (self.shift_x, self.shift_y)
        half = self.scale * side / 2
        return np.hstack([centre - half, centre + half]).astype(np.float32)

    def to_dict(self):
        """The three numbers by name, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content):
        """The correction that `to_dict` described.

        Raises
        ------
        InputError
            If a number is missing, unknown or wrong.
        """
        if not isinstance(content, dict) or set(content) != {"scale", "shift_x", "shift_y"}:
            raise InputError("a box correction is an object of scale, shift_x and shift_y")
        return cls(**content)


@dataclass(frozen=True)
class DetectorFit:
    """The correction from a detector's boxes to a model's, measured on annotated faces.

    Attributes
    ----------
    correction : BoxCorrection
        From the detector's boxes to the model's.
    found : float
        Share of the faces that the detector found.
    overlap : float
        Median intersection over union of corrected boxes and the model's.
    n_faces : int
        Faces that were searched for.
    """

    correction: BoxCorrection
    found: float
    overlap: float
    n_faces: int

    def to_dict(self):
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content):
        """The fit that `to_dict` described.

        Raises
        ------
        InputError
            If a value is missing, unknown or out of range.
        """
        if not isinstance(content, dict) or set(content) != set(cls.__dataclass_fields__):
            raise InputError(
                "the fit of a detector must have exactly the fields correction, found, overlap "
                "and n_faces"
            )
        fit = cls(**content | {"correction": BoxCorrection.from_dict(content["correction"])})
        for value in (fit.found, fit.overlap):
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise InputError(
                    f"found and overlap of a detector's fit must be 0 to 1, not {value!r}"
                )
        if not isinstance(fit.n_faces, int):
            raise InputError("n_faces of a detector's fit must be a whole number")
        return fit


def measure(detector, faces, progress=None):
    """Measure the correction from a detector's boxes to the boxes of annotated faces.

    Parameters
    ----------
    detector : str or callable
        As for `data_tools.detectors.get_detector`.
    faces : FaceDataset
        The detector searches their images; about sixty faces are enough.
    progress : callable, optional
        Called as ``progress(done, total)`` after each face.

    Returns
    -------
    DetectorFit or None
        None where it finds none of the faces.

    Raises
    ------
    InputError
        As `get_detector`.
    """
    detector = get_detector(detector)
    found = []
    for i in range(len(faces)):
        found.append(detector(faces.image(i)))
        if progress is not None:
            progress(i + 1, len(faces))
    return fit_found(found, faces.boxes)


def fit_found(found, targets):
    """The correction from boxes that a detector found to the boxes of annotated faces.

    Parameters
    ----------
    found : sequence of array_like of shape (k, 4)
        The boxes that it found in the image of each face.
    targets : array_like of shape (n, 4)
        The box of each face.

    Returns
    -------
    DetectorFit or None
        None where it found none of the faces.
    """
    pairs = []
    for boxes, target in zip(found, np.asarray(targets, np.float64), strict=True):
        box = _nearest(np.asarray(boxes, np.float64).reshape(-1, 4), target)
        if box is not None:
            pairs.append((box, target))
    if not pairs:
        return None
    source, target = map(np.array, zip(*pairs, strict=True))
    correction = BoxCorrection.fit(source, target)
    overlaps = [iou(a, b)[0, 0] for a, b in zip(correction.apply(source), target, strict=True)]
    share = round(len(pairs) / len(targets), 4)
    return DetectorFit(correction, share, round(float(np.median(overlaps)), 4), len(targets))


def _nearest(found, target):
    """The found box that belongs to the face in `target`, or None."""
    if not len(found):
        return None
    x, y, side = box_placement(target[None])[0]
    theirs = box_placement(found)
    distance = np.hypot(theirs[:, 0] - x, theirs[:, 1] - y) / side
    ratio = theirs[:, 2] / side
    distance[(ratio > _ALIKE) | (ratio < 1 / _ALIKE)] = np.inf
    return found[distance.argmin()] if distance.min() < _NEAR else None


def by_landmarks(detector, scheme, mean_shape):
    """The correction that puts five facial points where the model expects them.

    Parameters
    ----------
    detector : str
        Name of a detector in `PLACES`.
    scheme : Scheme
    mean_shape : ndarray of shape (L, 2)
        The model's mean shape, in the frame of its boxes.

    Returns
    -------
    BoxCorrection or None
        None where the detector is unknown, or the scheme lacks one of the five points.

    Examples
    --------
    >>> import numpy as np
    >>> from data_tools.schemes import get_scheme
    >>> half = np.array(PLACES["lbp"]) / 2  # the same face in a box of twice the side
    >>> by_landmarks("lbp", get_scheme("centres5"), half).scale
    2.0
    """
    if detector not in PLACES or not ({"centres5"} & {scheme.name, *within(scheme)}):
        return None
    theirs = np.array(PLACES[detector])
    ours = convert(mean_shape, scheme, "centres5")
    spread = ours - ours.mean(0)
    if not np.square(spread).sum() > 0:
        return None
    # Least squares of theirs = shift + scale * ours: a box of the model is so many of theirs wide.
    scale = float((spread * (theirs - theirs.mean(0))).sum() / np.square(spread).sum())
    if not 0.1 < scale < 10:
        return None
    shift = theirs.mean(0) - scale * ours.mean(0)
    # Faces have no preferred side.
    return BoxCorrection(round(scale, 6), 0.0, float(shift[1]))
