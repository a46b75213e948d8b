"""Regressors of a stage: growers, and the compact predictors they end in."""

from .stages.lbf.regressor import SparseLinear, SparseRidge
from .stages.linear.regressor import ReducedLinear, ReducedRidge
from .stages.trees.regressor import BoostedTrees, Trees

__all__ = ["BoostedTrees", "ReducedLinear", "ReducedRidge", "SparseLinear", "SparseRidge", "Trees"]
