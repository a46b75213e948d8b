"""The models that may propose landmarks: a mean shape, a pretrained model, models in training.

The one with the smallest error on held-out labelled faces is used.
"""

import numpy as np

from data_tools.metrics import nme
from data_tools.schemes.maps import convert, within
from features.errors import InputError
from features.geometry import as_boxes, box_placement, from_box_frame, to_box_frame

from ..detection import FromDetector
from ..methods import METHODS

#: Number of starts: their median is proposed, and their spread measures certainty.
N_STARTS = 5
# Number of folds that are held out in turn; with many faces, one is enough.
_N_PARTS, _MANY = 3, 30
# Number of training samples for few faces: starts per face times faces.
_ERT_SAMPLES, _SDM_SAMPLES = 2000, 400
LEARNING = ("ert", "sdm")


def learner_of(method, n_faces, n_points):
    """An untrained model with parameters for few faces, which trains within a second.

    Parameters were chosen on held-out faces of the LFPW training set, 68 points. After 10, 30 and
    100 faces, the NME of ERT is 10.3, 7.5 and 6.0 %, that of SDM 8.7, 6.2 and 5.1 %; a training
    takes 0.6 and 0.8 CPU seconds.

    Parameters
    ----------
    method : str
        A name of `METHODS`; methods other than "ert" and "sdm" use their small preset.
    n_faces, n_points : int
        Labelled faces, and the landmarks of each.

    Raises
    ------
    InputError
        If there is no such method.
    """
    from ..loop.starts import Starts

    if method not in METHODS:
        raise InputError(f"no method {method!r}; choose one of auto, {', '.join(METHODS)}")
    common = {"random_state": 0, "n_jobs": 1, "verbose": False}
    if method == "ert":
        starts = Starts(n=max(4, _ERT_SAMPLES // n_faces))
        return METHODS["ert"](
            n_trees=100, depth=3, n_points=300, n_components=min(10, n_faces, 2 * n_points),
            smallest_leaf=40, starts=starts, **common,
        )  # fmt: skip
    if method == "sdm":
        default = METHODS["sdm"]().starts
        starts = Starts(**vars(default) | {"n": max(4, _SDM_SAMPLES // n_faces)})
        # Cross-fitting would need more faces: of ten, the NME is 10.9 % with it, 8.7 % without.
        return METHODS["sdm"](
            n_stages=5, n_cells=2, alpha_per_sample=0.1, n_parts=1, confidence=False,
            starts=starts, **common,
        )  # fmt: skip
    cls = METHODS[method]
    return cls(**cls.PRESETS.get("small", {}) | common)


class Template:
    """The median of labelled faces in their boxes: what is between a mean and no model at all.

    The median is used because some boxes may be wrong.
    """

    name = "mean"

    def __init__(self, faces):
        shapes = to_box_frame(faces.shapes, box_placement(faces.boxes)).astype(np.float64)
        count = np.isfinite(shapes).sum(0)
        ordered = np.sort(shapes, axis=0)  # NaN last
        middle = [
            np.take_along_axis(ordered, np.maximum(k, 0)[None], 0)[0]
            for k in ((count - 1) // 2, count // 2)
        ]
        self.shape = np.where(count > 0, np.mean(middle, axis=0), np.nan)

    def propose(self, image, boxes):
        """Shapes (n, L, 2) in pixels, and None, since their certainty is unknown."""
        boxes = as_boxes(boxes)
        shapes = np.repeat(self.shape[None].astype(np.float32), len(boxes), 0)
        return from_box_frame(shapes, box_placement(boxes)), None


class Trained:
    """A model that was trained before, with boxes of the detector.

    Parameters
    ----------
    model : Aligner
        Its scheme is that of the session, or can be converted to it.
    scheme : Scheme
    detector : str or callable
    """

    def __init__(self, model, scheme, detector):
        if model.scheme_.n_points != scheme.n_points and scheme.name not in within(model.scheme_):
            raise InputError(
                f"the model finds {model.scheme_.n_points} landmarks, the scheme has "
                f"{scheme.n_points}; take another model, or --model none"
            )
        self.scheme, self.model = scheme, model
        self.converts = model.scheme_.n_points != scheme.n_points
        try:
            self.aligner = FromDetector(model, detector)
        except InputError:  # its boxes hardly fit; the labelled faces will tell
            self.aligner = model
        self.name = f"trained {model.method.upper()}"

    @property
    def mean(self):
        """The model's mean shape (L, 2) in the box frame; None if it has none."""
        mean = getattr(self.model, "mean_shape_", None)
        if mean is None or not self.converts:
            return mean
        return convert(mean, self.model.scheme_, self.scheme)

    def propose(self, image, boxes):
        """As `Template.propose`; with the spread of the starts, in box sides."""
        found = _aligned(self.aligner, image, boxes)
        if not self.converts:
            return found
        shapes, spread = found
        return convert(shapes, self.model.scheme_, self.scheme).astype(np.float32), spread


class Learned:
    """A model that was trained on the labelled faces."""

    def __init__(self, model):
        self.model = model
        self.name = model.method.upper()

    def propose(self, image, boxes):
        """As `Trained.propose`."""
        return _aligned(self.model, image, boxes)


def _aligned(model, image, boxes):
    """Shapes, and the mean spread of each face if the model has several starts."""
    try:
        found = model.align(image, boxes, n_starts=N_STARTS)
    except (InputError, TypeError):  # shape models and dlib's trees start once
        found = model.align(image, boxes)
    return found.shapes, None if found.spread is None else found.spread.mean(1)


def error_of(rival, faces):
    """Mean error of proposals for annotated faces, as a fraction of the scheme's normaliser."""
    shapes = np.concatenate(
        [rival.propose(faces.image(k), faces.boxes[k])[0] for k in range(len(faces))]
    )
    return mean_error(shapes, faces)


def mean_error(shapes, faces):
    """Mean over the values that are not NaN; NaN if there are none."""
    errors = nme(shapes, faces.shapes, faces.scheme)
    errors = errors[np.isfinite(errors)]
    return float(errors.mean()) if len(errors) else float("nan")


def folds(faces):
    """(train, test) datasets that share no image: each third is held out, of 30 faces on, one."""
    order = np.random.default_rng(0).permutation(faces.groups.max() + 1)
    part = order[faces.groups] % _N_PARTS
    held_out = range(_N_PARTS if len(faces) < _MANY else 1)
    parts = [(faces[part != k], faces[part == k]) for k in held_out]
    return [part for part in parts if len(part[0]) and len(part[1])]
