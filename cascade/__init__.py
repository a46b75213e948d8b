"""Cascaded-regression face alignment: S(t+1) = S(t) + r_t(φ_t(I, S(t)))."""

from features.errors import InputError

from ._version import __version__
from .alignment import Alignment
from .cascade import Cascade
from .formats import load, save
from .initialization import Starts
from .methods import METHODS
from .methods.ert import ERT
from .methods.esr import CPR, ESR
from .methods.facemark import FacemarkLBF
from .methods.lbf import LBF
from .methods.rcpr import RCPR
from .methods.sdm import SDM
from .methods.shape_predictor import ShapePredictor
from .poses import Poses
from .stage import Stage

__all__ = [
    "CPR",
    "ERT",
    "ESR",
    "LBF",
    "METHODS",
    "RCPR",
    "SDM",
    "Alignment",
    "Cascade",
    "FacemarkLBF",
    "InputError",
    "Poses",
    "ShapePredictor",
    "Stage",
    "Starts",
    "__version__",
    "load",
    "save",
]
