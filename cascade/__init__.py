"""Cascaded-regression face alignment: S(t+1) = S(t) + r_t(φ_t(I, S(t)))."""

from features.errors import InputError

from ._version import __version__
from .aligner import Alignment
from .formats import load, save
from .loop.starts import Starts
from .loop.training import Cascade
from .methods import METHODS
from .methods.dlib import ShapePredictor
from .methods.ert import ERT
from .methods.esr import CPR, ESR
from .methods.lbf import LBF
from .methods.opencv import FacemarkLBF
from .methods.rcpr import RCPR
from .methods.sdm import SDM
from .pose.key_shapes import Poses
from .stages.stage import Stage

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
