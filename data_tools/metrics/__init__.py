"""Errors of predicted landmarks and their summaries, as the 300-W benchmark reports them.

Every error is a fraction of a length on the face, the normaliser: 0.04 is what papers print as 4 %.
"""

from .curves import auc, ced, failure_rate
from .errors import face_errors, landmark_errors, landmark_means, nme, point_errors
from .figures import summary
from .normalizers import NORMALIZERS, UNITS, face_lengths, normalizer
from .occlusion import (
    average_precision,
    occlusion_precision_recall,
    occlusion_summary,
    precision_at_recall,
    recall_at_precision,
)
from .parts import part_errors, subset_masks
from .statistics import bootstrap_interval, holm, paired_test

__all__ = [
    "NORMALIZERS",
    "UNITS",
    "auc",
    "average_precision",
    "bootstrap_interval",
    "ced",
    "face_errors",
    "face_lengths",
    "failure_rate",
    "holm",
    "landmark_errors",
    "landmark_means",
    "nme",
    "normalizer",
    "occlusion_precision_recall",
    "occlusion_summary",
    "paired_test",
    "part_errors",
    "point_errors",
    "precision_at_recall",
    "recall_at_precision",
    "subset_masks",
    "summary",
]
