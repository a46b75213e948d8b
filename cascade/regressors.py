"""Regressors of a stage, and the predictors that they return when fitted."""

from .stages.lbf.predictor import SparseLinear
from .stages.lbf.regressor import SparseRidge
from .stages.linear.predictor import ReducedLinear
from .stages.linear.regressor import ReducedRidge
from .stages.trees.predictor import Trees
from .stages.trees.regressor import BoostedTrees

__all__ = ["BoostedTrees", "ReducedLinear", "ReducedRidge", "SparseLinear", "SparseRidge", "Trees"]
