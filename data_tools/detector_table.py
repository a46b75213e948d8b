"""Face detectors by name.

Nothing is imported before it is asked for: to know the names costs nothing, and the joint cascade,
which is part of a package above this one, is named and not known.
"""

from importlib import import_module

_HERE = "data_tools.detectors."
# A name that ends in ":FILE" is followed by a file.
_CLASSES = {
    "jda": "cascade.detection.jda.detector.JdaDetector",
    "jda:FILE": "cascade.detection.jda.detector.JdaDetector",
    "lbp": "data_tools.lbp.Lbp",
    "dlib": _HERE + "_Dlib",
    "yunet:FILE": _HERE + "_YuNet",
}
#: The detector that is taken where nobody names one.
DEFAULT_DETECTOR = "jda"
#: Names of the detectors, as users write them; those that are added later appear by themselves.
DETECTORS = _CLASSES.keys()


def register(name, place):
    """Add a detector.

    Parameters
    ----------
    name : str
        As users write it; one that ends in ``:FILE`` is followed by a file.
    place : str
        Where its class is, as ``package.module.Class``. It is made without arguments, or with the
        file.
    """
    _CLASSES[name] = place


def kind_of(spec):
    """The name in the table that `spec` is written like, whether or not it is there.

    Examples
    --------
    >>> kind_of("lbp"), kind_of("yunet:face.onnx"), kind_of("yunet:")
    ('lbp', 'yunet:FILE', 'yunet:')
    """
    name, colon, file = str(spec).partition(":")
    return f"{name}:FILE" if colon and file else f"{name}{colon}"


def detector_class(kind):
    """The class of a detector, imported now; None where there is none of that name."""
    if kind not in _CLASSES:
        return None
    module, _, name = _CLASSES[kind].rpartition(".")
    return getattr(import_module(module), name)
