"""Cascaded-regression face alignment: S(t+1) = S(t) + r_t(φ_t(I, S(t))).

Load, detect, align and draw::

    import cascade

    model = cascade.load("sdm68")  # or a file; the names are in cascade.models.available()
    found = cascade.find_faces("portrait.jpg", model)  # found.shapes is (n, 68, 2), in pixels
    cascade.draw("portrait.jpg", found, "drawn.png")

Train, with faces from a folder of images that have .pts files beside them::

    from data_tools.readers import read_folders

    model = cascade.ERT(random_state=0, n_jobs=-1).fit(read_folders(["faces"]))
    model.save("model.safetensors")

Names are imported when they are first used (PEP 562), so that programs that only predict do not
load the training code.
"""

import os
import sys
from importlib import import_module
from importlib.util import find_spec

from ._version import __version__

# Where each public name is defined.
_PLACES = {
    "AAM": "shapemodels.aam",
    "ASM": "shapemodels.asm",
    "Aligner": "aligner",
    "Alignment": "aligner",
    "CPR": "methods.esr",
    "Cascade": "loop.training",
    "ERT": "methods.ert",
    "ESR": "methods.esr",
    "FacemarkLBF": "methods.opencv",
    "FoundFaces": "detection.finding",
    "FromDetector": "detection.from_detector",
    "JDA": "detection.jda.model",
    "LBF": "methods.lbf",
    "METHODS": "methods",
    "PointDistributionModel": "shapemodels.pdm",
    "Poses": "pose.poses",
    "RCPR": "methods.rcpr",
    "SDM": "methods.sdm",
    "ShapePredictor": "methods.dlib",
    "Stage": "stages.stage",
    "Starts": "loop.starts",
    "draw": "detection.drawing",
    "find_faces": "detection.finding",
    "load": "models",
    "measure_detectors": "detection.measuring",
    "save": "formats",
}

__all__ = ["InputError", "__version__", "detect", *_PLACES]


def _shadow(name):
    """The file of another project that Python imports instead of our package `name`, else None.

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
    """Raise an error that names the file that hides one of our packages, before an import fails."""
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
    elif name == "detect":
        from data_tools.detectors import detect as found
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
