"""Names of training parameters in dlib and OpenCV, with the corresponding names here.

The command line uses `OTHER_NAMES` to translate options, and prints it.
"""

from collections.abc import Callable
from typing import NamedTuple

_TREES, _FERNS = ("ert", "dlib"), ("cpr", "esr", "rcpr")
_FORESTS, _LINEAR = ("lbf", "opencv"), ("sdm",)
_CASCADES = _TREES + _FERNS + _FORESTS + _LINEAR
_ALL = (*_CASCADES, "aam", "asm")
_DLIB, _LBF, _KAZEMI = "dlib", "OpenCV's FacemarkLBF", "OpenCV's FacemarkKazemi"


class OtherName(NamedTuple):
    """The parameter that corresponds to an option of another library.

    Attributes
    ----------
    library : str
        The library that has the option.
    methods : tuple of str
        Keys of `cascade.methods.METHODS`.
    parameter : str or None
        The parameter of those methods, as ``starts.n``; None if there is none.
    remark : str
        The difference; or why there is no such parameter, and what to do instead.
    convert : callable or None
        From the option's value to the parameter's; None where they are equal.
    """

    library: str
    methods: tuple[str, ...]
    parameter: str | None
    remark: str = ""
    convert: Callable | None = None


def _halved(radii):
    return tuple(radius / 2 for radius in radii)


def _without_leaves(levels):
    return levels - 1


def _instead(library, remedy, methods=_ALL):
    """An option without a corresponding parameter in any method."""
    return (OtherName(library, methods, None, remedy),)


OTHER_NAMES = {
    # dlib's shape_predictor_training_options
    "cascade_depth": (OtherName(_DLIB, _CASCADES, "n_stages"),),
    "tree_depth": (
        OtherName(_DLIB, _TREES, "depth"),
        OtherName(_LBF, _FORESTS, "depth", "one less: leaves count there", _without_leaves),
        OtherName(_DLIB, _FERNS, None, "a fern is no tree; its tests are depth"),
    ),
    "num_trees_per_cascade_level": (
        OtherName(_DLIB, _TREES, "n_trees"),
        OtherName(_DLIB, _FERNS, None, "a stage grows ferns; set n_ferns"),
        OtherName(_DLIB, _FORESTS, None, "each landmark has trees of its own; set n_trees"),
    ),
    "nu": (
        OtherName(_DLIB, _TREES + _FERNS, "learning_rate"),
        OtherName(
            _DLIB, _FORESTS + _LINEAR, None,
            "a stage is one ridge regression; set alpha_per_sample, its regularisation",
        ),
    ),
    "oversampling_amount": (
        OtherName(_DLIB, _CASCADES, "starts.n", "for each face and for its mirror image"),
    ),
    "oversampling_translation_jitter": _instead(
        _DLIB,
        "it is in box sides, while starts.shift is in units of how the training faces lie in their "
        "boxes; set starts.shift",
        _CASCADES,
    ),
    "feature_pool_size": (
        OtherName(_DLIB, _TREES + _FERNS, "n_points"),
        OtherName(
            _DLIB, _FORESTS, None,
            "pixels are drawn around each landmark; set n_points (at most 256) or n_candidates",
        ),
    ),
    "feature_pool_region_padding": (
        OtherName(_DLIB, (*_TREES, "cpr", "esr"), "padding"),
        OtherName(_DLIB, ("rcpr",), None, "pixels lie on lines between landmarks"),
        OtherName(_DLIB, _FORESTS, None, "pixels are drawn around each landmark; set radius"),
    ),
    "lambda_param": (
        OtherName(_DLIB, _TREES, "pair_distance"),
        OtherName(_DLIB, _FERNS + _FORESTS, None, "pairs of pixels are not drawn by distance"),
    ),
    "num_test_splits": (
        OtherName(_DLIB, _TREES, "n_pairs", "for all nodes of a level, not for each"),
        OtherName(_DLIB, _FORESTS, "n_tried", "for all nodes of a level, not for each"),
        OtherName(_DLIB, _FERNS, None, "pairs of pixels are chosen by correlation, not by trial"),
    ),
    "landmark_relative_padding_mode": _instead(
        _DLIB, "points are always drawn around the landmarks, as with True", _CASCADES
    ),
    "random_seed": _instead(_DLIB, "give --seed"),
    "num_threads": _instead(_DLIB, "give --jobs"),
    "be_verbose": _instead(_DLIB, "progress is always shown"),
    # OpenCV's FacemarkLBF::Params
    "stages_n": (OtherName(_LBF, _CASCADES, "n_stages"),),
    "tree_n": (
        OtherName(_LBF, _FORESTS, "n_trees"),
        OtherName(_LBF, _TREES, None, "it is a number a landmark; set n_trees, a number a stage"),
    ),
    "initShape_n": (OtherName(_LBF, _CASCADES, "starts.n"),),
    "radius_m": (
        OtherName(_LBF, _FORESTS, "radius", "half of it: OpenCV counts in half box sides", _halved),
    ),
    "bagging_overlap": (
        OtherName(
            _LBF, _FORESTS, None,
            "set bag, the share of the samples that a tree sees: "
            "1 / ((1 - bagging_overlap) * n_trees)",
        ),
    ),
    "feats_m": (
        OtherName(_LBF, _FORESTS, None, "set n_tried, which is one number for all stages"),
    ),
    "n_landmarks": _instead(_LBF, "it follows from the annotations"),
    "shape_offset": _instead(_LBF, "pts files are read as counting from 1, as 300-W's do"),
    "pupils": _instead(_LBF, "a landmark scheme tells the eyes; give --scheme"),
    "cascade_face": _instead(_LBF, "give --boxes or --detector"),
    "detectROI": _instead(_LBF, "give --boxes"),
    "model_filename": _instead(_LBF, "give --out"),
    "save_model": _instead(_LBF, "the model is always saved; give --out"),
    "seed": _instead(_LBF, "give --seed"),
    # OpenCV's FacemarkKazemi::Params; others there have dlib's names, lambda but for its suffix
    "num_test_coordinates": (OtherName(_KAZEMI, _TREES, "n_points"),),
    "lambda": (OtherName(_KAZEMI, _TREES, "pair_distance"),),
}  # fmt: skip


def other_name(name, method):
    """The parameter of a method that corresponds to the option `name` of dlib or OpenCV.

    Parameters
    ----------
    name : str
    method : str
        A key of `cascade.methods.METHODS`.

    Returns
    -------
    OtherName or None
        None where neither library has such an option. Its `parameter` is None where the method
        has no counterpart; its `remark` then says why.

    Examples
    --------
    >>> other_name("nu", "ert").parameter
    'learning_rate'
    >>> other_name("nu", "sdm").parameter is None
    True
    """
    rows = OTHER_NAMES.get(name)
    if rows is None:
        return None
    for row in rows:
        if method in row.methods:
            return row
    able = [each for row in rows if row.parameter for each in row.methods]
    whose = f"a parameter of {', '.join(able)} alone" if able else "no parameter of this method"
    return OtherName(rows[0].library, (method,), None, f"it is {whose}")
