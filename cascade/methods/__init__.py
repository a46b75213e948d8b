"""Methods: recipes with their published defaults."""

from ..loop.starts import Starts
from ..loop.training import Cascade
from ..pose.key_shapes import Poses
from .dlib import ShapePredictor
from .ert import ERT
from .esr import CPR, ESR
from .lbf import LBF
from .opencv import FacemarkLBF
from .rcpr import RCPR
from .sdm import SDM


class _Methods(dict):
    """The methods by their names in model files and on the command line."""

    def from_header(self, name, parameters):
        """An untrained estimator with the parameters of a model file; unknown ones are left out."""
        cls = self.get(name, Cascade)
        known = cls._get_param_names()
        chosen = {k: _value(v) for k, v in dict(parameters).items() if k in known}
        if cls is Cascade:
            chosen["stages"] = ()  # the recipes are not in the file, the trained stages are
        return cls(**chosen)


def _value(value):
    if isinstance(value, dict) and value.get("class") == "Poses":
        names = Poses._get_param_names()
        return Poses(**{k: v for k, v in value.items() if k in names})
    if isinstance(value, dict) and value.get("class") == "Starts":
        names = Starts._get_param_names()
        value = Starts(**{k: v for k, v in value.items() if k in names})
        value.mix = tuple(value.mix)
    return value


METHODS = _Methods(
    cpr=CPR,
    dlib=ShapePredictor,
    ert=ERT,
    esr=ESR,
    lbf=LBF,
    opencv=FacemarkLBF,
    rcpr=RCPR,
    sdm=SDM,
)
