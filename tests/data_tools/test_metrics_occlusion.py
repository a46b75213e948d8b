"""Precision and recall of occlusion."""

import json

import numpy as np
import pytest

from data_tools.metrics import (
    average_precision,
    occlusion_precision_recall,
    occlusion_summary,
    precision_at_recall,
    recall_at_precision,
)
from features.errors import InputError

VISIBILITY = np.array([[0.1, 0.2, 0.6], [0.3, 0.3, 0.9]])
VISIBLE = np.array([[False, False, False], [True, False, True]])


def test_by_hand():
    # 2 of 2 at 0.2, 3 of 4 at 0.3, where two values are equal, 4 of 5 at 0.6.
    assert precision_at_recall(VISIBILITY, VISIBLE, 0.4) == 1.0
    assert precision_at_recall(VISIBILITY, VISIBLE, 0.6) == 0.8
    assert precision_at_recall(VISIBILITY, VISIBLE, 1.0) == 0.8
    assert average_precision(VISIBILITY, VISIBLE) == pytest.approx((1 + 1 + 0.75 + 0.8) / 4)


def test_against_all_thresholds():
    rng = np.random.default_rng(0)
    visible = rng.random((30, 10)) < 0.8
    visibility = np.round(np.clip(visible * 0.3 + rng.random((30, 10)) * 0.7, 0, 1), 2)
    points = [
        occlusion_precision_recall(visibility, visible, threshold)
        for threshold in np.append(np.unique(visibility), 2.0) + 1e-9
    ]
    points = [(p, r) for p, r in points if not np.isnan(p)]
    assert precision_at_recall(visibility, visible, 0.4) == pytest.approx(
        max(p for p, r in points if r >= 0.4)
    )
    assert recall_at_precision(visibility, visible, 0.5) == pytest.approx(
        max((r for p, r in points if p >= 0.5), default=0)
    )


def test_summary_is_json_also_without_occlusion():
    figures = occlusion_summary(VISIBILITY, VISIBLE)
    assert figures["occluded"] == pytest.approx(4 / 6)
    assert figures["occlusion_precision"] == 0.75 and figures["occlusion_recall"] == 0.75
    assert figures["occlusion_recall_at_precision80"] == 1.0
    assert figures["occlusion_precision_at_recall40"] == 1.0
    empty = occlusion_summary(VISIBILITY, np.ones((2, 3), bool))
    assert empty["occluded"] == 0 and empty["occlusion_average_precision"] is None
    json.dumps([figures, empty, occlusion_summary([], [])], allow_nan=False)
    with pytest.raises(InputError, match="differ"):
        average_precision(VISIBILITY, VISIBLE[:1])
