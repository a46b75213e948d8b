"""Methods: recipes with their published defaults."""

from collections.abc import Mapping

from ..stages.registry import find

_HERE = "cascade.methods."


class _Methods(Mapping):
    """Classes by the names of the methods in files and on the command line.

    A class is imported only when it is looked up.
    """

    def __init__(self, paths):
        self._paths = dict(paths)

    def __getitem__(self, name):
        return find(self._paths[name])

    def __iter__(self):
        return iter(self._paths)

    def __len__(self):
        return len(self._paths)

    def __repr__(self):
        return f"METHODS({', '.join(self)})"


METHODS = _Methods(
    {
        "aam": "cascade.shapemodels.aam.AAM",
        "asm": "cascade.shapemodels.asm.ASM",
        "cpr": _HERE + "esr.CPR",
        "dlib": _HERE + "dlib.ShapePredictor",
        "ert": _HERE + "ert.ERT",
        "esr": _HERE + "esr.ESR",
        "jda": "cascade.detection.jda.model.JDA",
        "lbf": _HERE + "lbf.LBF",
        "opencv": _HERE + "opencv.FacemarkLBF",
        "rcpr": _HERE + "rcpr.RCPR",
        "sdm": _HERE + "sdm.SDM",
    }
)


def method_class(name):
    """The class of a method; for an unknown name `Cascade`, which accepts any stages."""
    if isinstance(name, str) and name in METHODS:
        return METHODS[name]
    return find("cascade.loop.training.Cascade")
