"""The table of stages: features, predictors, valid pairs of them, and their runners.

Classes are named, not imported, so that loading an SDM imports the kernels of SDM only. To add a
kind, add its class to `FEATURES` or `PREDICTORS` and each pair that it can be part of to `RUNNERS`.
"""

from functools import cache
from importlib import import_module
from itertools import groupby

_FEATURES, _STAGES = "features.", "cascade.stages."
_PLAIN = _STAGES + "plain.PlainRunner"

#: Fitted features by their names in model files.
FEATURES = {
    "dlib-pixels": _FEATURES + "dlib_pixels.BoxIndexedPixels",
    "hog": _FEATURES + "hog.HogDescriptors",
    "hog-with-shape": _FEATURES + "hog.HogWithShape",
    "lbf": _FEATURES + "lbf.LocalBinaryFeatures",
    "line-pixels": _FEATURES + "line_pixels.LineIndexedPixels",
    "opencv-forests": _FEATURES + "opencv_forests.FacemarkForests",
    "pixels": _FEATURES + "pixels.ShapeIndexedPixels",
    "sift": _FEATURES + "sift.SiftDescriptors",
}
#: Fitted predictors by their names in model files.
PREDICTORS = {
    "compact-dlib-trees": _STAGES + "dlib.predictor.CompactBoxTrees",
    "dlib-trees": _STAGES + "dlib.predictor.BoxTrees",
    "ferns": _STAGES + "ferns.predictor.Ferns",
    "opencv-weights": _STAGES + "opencv.predictor.LeafWeights",
    "reduced-linear": _STAGES + "linear.predictor.ReducedLinear",
    "sparse-linear": _STAGES + "lbf.predictor.SparseLinear",
    "trees": _STAGES + "trees.predictor.Trees",
    "zoned-ferns": _STAGES + "ferns.predictor.ZonedFerns",
}
#: The runner for each pair of feature and predictor; other pairs are not valid in a file.
RUNNERS = {
    ("dlib-pixels", "compact-dlib-trees"): _STAGES + "dlib.runner.CompactBoxTreesRunner",
    ("dlib-pixels", "dlib-trees"): _STAGES + "dlib.runner.BoxTreesRunner",
    ("hog", "reduced-linear"): _STAGES + "linear.runner.HogRunner",
    ("hog-with-shape", "reduced-linear"): _STAGES + "linear.runner.HogRunner",
    ("lbf", "sparse-linear"): _STAGES + "lbf.runner.LBFRunner",
    ("line-pixels", "ferns"): _STAGES + "ferns.runner.ZonedFernsRunner",
    ("line-pixels", "reduced-linear"): _PLAIN,
    ("line-pixels", "zoned-ferns"): _STAGES + "ferns.runner.ZonedFernsRunner",
    ("opencv-forests", "opencv-weights"): _STAGES + "opencv.runner.FacemarkRunner",
    ("pixels", "ferns"): _STAGES + "ferns.runner.FernsRunner",
    ("pixels", "reduced-linear"): _PLAIN,
    ("pixels", "trees"): _STAGES + "trees.runner.TreesRunner",
    ("sift", "reduced-linear"): _PLAIN,
}
#: Kinds that follow the rules of another library and use its frame of shapes.
FOREIGN_KINDS = frozenset(
    ("compact-dlib-trees", "dlib-pixels", "dlib-trees", "opencv-forests", "opencv-weights")
)
#: Names of kinds in files of version 2 and before.
ALIASES = {
    "box-pixels": "dlib-pixels",
    "box-trees": "dlib-trees",
    "compact-box-trees": "compact-dlib-trees",
    "dense_hog": "hog",
    "dense_hog_with_shape": "hog-with-shape",
    "facemark-forests": "opencv-forests",
    "leaf-weights": "opencv-weights",
    "line pixels": "line-pixels",
    "reduced_linear": "reduced-linear",
    "zoned ferns": "zoned-ferns",
}


@cache
def find(path):
    """Import a class by its full name, as ``features.hog.HogDescriptors``."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def plan(stages, reference):
    """The runners of trained stages, as few as possible.

    Parameters
    ----------
    stages : list of FittedStage
    reference : ndarray of shape (L, 2)
        The mean shape that shapes are aligned with; see `cascade.loop.face_space`.

    Returns
    -------
    list
        Runners, one for each group of consecutive stages that run in one kernel. A runner has
        `stages` and ``run(samples, workers, staged)``, as `cascade.stages.plain.PlainRunner`.
    """
    runners = []
    for (runner, _), stretch in groupby(stages, key=_runner_and_fuse_key):
        runners.append(runner(list(stretch), reference))
    return runners


def _runner_and_fuse_key(stage):
    if stage.runner is not None:
        return stage.runner, None
    path = RUNNERS.get(stage.kind, _PLAIN)
    return find(path), None if path == _PLAIN else stage.fuse_key
