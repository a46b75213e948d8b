"""Face detectors by name: those of this package, and those that others add.

Nothing is imported before it is asked for, so that to know the names costs nothing.
"""

from importlib import import_module

_HERE = "data_tools.detectors."
# A name that ends in ":FILE" is followed by a file.
_CLASSES = {
    "lbp": _HERE + "_Lbp",
    "dlib": _HERE + "_Dlib",
    "yunet:FILE": _HERE + "_YuNet",
}
_DEFAULT = ["lbp"]
#: Names of the detectors, as users write them; those that are added later appear by themselves.
DETECTORS = _CLASSES.keys()


def register(name, place, default=False):
    """Add a detector.

    Parameters
    ----------
    name : str
        As users write it; one that ends in ``:FILE`` is followed by a file.
    place : str
        Where its class is, as ``package.module.Class``. It is made without arguments, or with the
        file.
    default : bool
        Whether it is the one that is taken where nobody names one.
    """
    _CLASSES[name] = place
    if default:
        _DEFAULT[:] = [name]


def default_detector():
    """Name of the detector that is taken where nobody names one."""
    return _DEFAULT[0]


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
