"""Several models on the same faces: who errs how much, where, and at what cost."""

from .report import write_report
from .runner import Comparison, compare
from .specs import open_model

__all__ = ["Comparison", "compare", "open_model", "write_report"]
