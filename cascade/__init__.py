"""Cascaded-regression face alignment: S(t+1) = S(t) + r_t(φ_t(I, S(t))).

Names are imported when they are first used (PEP 562): what only predicts does not load what
trains.
"""

from importlib import import_module

from ._version import __version__

# Where each public name is defined.
_PLACES = {
    "AAM": "shapemodels.aam",
    "ASM": "shapemodels.asm",
    "CPR": "methods.esr",
    "ERT": "methods.ert",
    "ESR": "methods.esr",
    "LBF": "methods.lbf",
    "METHODS": "methods",
    "RCPR": "methods.rcpr",
    "SDM": "methods.sdm",
    "Aligner": "aligner",
    "Alignment": "aligner",
    "Cascade": "loop.training",
    "FacemarkLBF": "methods.opencv",
    "PointDistributionModel": "shapemodels.pdm",
    "Poses": "pose.poses",
    "ShapePredictor": "methods.dlib",
    "Stage": "stages.stage",
    "Starts": "loop.starts",
    "load": "formats",
    "save": "formats",
}

__all__ = ["InputError", "__version__", *_PLACES]


def __getattr__(name):
    if name == "InputError":
        from features.errors import InputError as found
    elif name in _PLACES:
        found = getattr(import_module(f".{_PLACES[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__():
    return sorted(__all__)
