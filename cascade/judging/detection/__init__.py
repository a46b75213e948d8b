"""Face detectors side by side: how many faces they find, at how many wrong boxes and what cost."""

from .peers import open_detectors
from .report import write_report
from .runner import Judgement, judge

__all__ = ["Judgement", "judge", "open_detectors", "write_report"]
