"""Regressors of a stage: growers, and the compact predictors they end in."""

from .linear import ReducedLinear, ReducedRidge
from .sparse_ridge import SparseLinear, SparseRidge
from .trees import BoostedTrees, Trees

__all__ = ["BoostedTrees", "ReducedLinear", "ReducedRidge", "SparseLinear", "SparseRidge", "Trees"]
