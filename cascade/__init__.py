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

Names are imported when they are first used (PEP 562): what only predicts does not load what
trains.
"""

from importlib import import_module

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


def __getattr__(name):
    if name == "InputError":
        from features.errors import InputError as found
    elif name == "detect":
        from data_tools.detectors import detect as found
    elif name in _PLACES:
        found = getattr(import_module(f".{_PLACES[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__():
    return sorted(__all__)
