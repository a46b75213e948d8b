"""Comparison of several models on the same faces: accuracy, time and size."""

from .report import write_report
from .runner import Comparison, compare
from .specs import open_model

__all__ = ["Comparison", "compare", "open_model", "write_report"]
