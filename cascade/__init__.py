"""Cascaded-regression face alignment: S(t+1) = S(t) + r_t(φ_t(I, S(t))).

Names are imported when they are first used (PEP 562): what only predicts does not load what
trains.
"""

import os
import sys
from importlib import import_module
from importlib.util import find_spec

from ._version import __version__

# Where each public name is defined.
_PLACES = {
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
    "Poses": "pose.poses",
    "ShapePredictor": "methods.dlib",
    "Stage": "stages.stage",
    "Starts": "loop.starts",
    "load": "formats",
    "save": "formats",
}

__all__ = ["InputError", "__version__", *_PLACES]


def _shadow(name):
    """The file that Python takes for our package `name`, where it is another's; else None.

    The top-level names are common ones, and a module of the same name in the working folder comes
    first.
    """
    found = sys.modules.get(name)
    try:
        file = found.__file__ if found else find_spec(name).origin
        ours = os.path.join(os.path.dirname(os.path.dirname(__file__)), name, "__init__.py")
        if file is None or file == ours or os.path.samefile(file, ours):
            return None
    except (AttributeError, ValueError, OSError):
        return None  # not found or no file: the import itself says what is wrong
    return file


def _refuse_shadows():
    """Say in one sentence which file hides a package of ours, before an import of it fails."""
    for name in ("features", "data_tools"):
        file = _shadow(name)
        if file:
            text = (
                f"{file} hides the package {name!r} that belongs to cascade-align; rename the "
                "file or folder, or start Python elsewhere"
            )
            if sys.argv[:1] == ["-m"]:  # python -m cascade: nobody needs a traceback
                sys.exit(f"error: {text}")
            raise ImportError(text, name=name)


_refuse_shadows()


def __getattr__(name):
    if name == "InputError":
        from features.errors import InputError as found
    elif name in _PLACES:
        try:
            found = getattr(import_module(f".{_PLACES[name]}", __name__), name)
        except ImportError as error:
            from features.errors import NoOpenCV

            known = NoOpenCV.caused_by(error)
            if known in (None, error):
                raise
            raise known from error
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__():
    return sorted(__all__)
