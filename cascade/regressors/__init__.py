"""Regressors of a stage: growers, and the compact predictors they end in."""

from .trees import BoostedTrees, Trees

__all__ = ["BoostedTrees", "Trees"]
