"""Face detectors by name.

Detectors are imported only when they are used. So listing their names is fast, and the joint
cascade can be listed here although it is in the package `cascade`, which imports this one.
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
#: The default detector.
DEFAULT_DETECTOR = "jda"
#: Names of the detectors, as users write them; registered ones are included.
DETECTORS = _CLASSES.keys()


def register(name, place):
    """Add a detector.

    Parameters
    ----------
    name : str
        As users write it; one that ends in ``:FILE`` is followed by a file.
    place : str
        Its class, as ``package.module.Class``. It is called without arguments, or with the file.
    """
    _CLASSES[name] = place


def kind_of(spec):
    """The form of `spec` in which the table lists detectors: ``kind:FILE`` for ``kind:x.onnx``.

    Examples
    --------
    >>> kind_of("lbp"), kind_of("yunet:face.onnx"), kind_of("yunet:")
    ('lbp', 'yunet:FILE', 'yunet:')
    """
    name, colon, file = str(spec).partition(":")
    return f"{name}:FILE" if colon and file else f"{name}{colon}"


def detector_class(kind):
    """Import the class of a detector; None for an unknown name."""
    if kind not in _CLASSES:
        return None
    module, _, name = _CLASSES[kind].rpartition(".")
    return getattr(import_module(module), name)
