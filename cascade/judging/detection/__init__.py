"""Comparison of face detectors: recall, wrong boxes and time."""

from .peers import open_detectors
from .report import write_report
from .runner import Judgement, judge

__all__ = ["Judgement", "judge", "open_detectors", "write_report"]
