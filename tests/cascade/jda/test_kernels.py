"""Kernels of the joint cascade against plain NumPy."""

import numpy as np
import pytest

from cascade.detection.jda import (
    _group_kernels,
    _search_kernels,
    _window_kernels,
)
from cascade.detection.jda.front import Front
from cascade.detection.jda.search import Found, boxes_of, one_each, plan_search
from cascade.detection.jda.windows import Levels, from_level, grid_points, to_level
from data_tools.boxes import iou

from .made_up import image, leaf_by_hand


def random_trees(rng, n_trees, depth, n_points):
    nodes = np.zeros((n_trees, (1 << depth) - 1, 4), np.int16)
    nodes[..., :2] = rng.integers(0, n_points, nodes[..., :2].shape)
    threshold = rng.integers(-20, 20, nodes.shape[:2])
    nodes[..., 2], nodes[..., 3] = 64 - threshold, 64 + threshold
    leaves = rng.integers(-900, 1100, (n_trees, 1 << depth)).astype(np.int32)
    return nodes, leaves


@pytest.mark.parametrize("shape", [(64, 90), (33, 47), (1, 5), (9, 1)])
def test_levels_are_means_of_blocks_with_their_border_repeated(shape):
    whole = image(*shape)
    levels = Levels([whole], largest=90.0)
    expected, pad = whole.astype(int), _window_kernels.PAD
    for start, stride, height, width in levels.tables[0]:
        assert expected.shape == (height, width)
        first = start - pad * (stride + 1)
        found = levels.pixels[first : first + stride * (height + 2 * pad)].reshape(-1, stride)
        assert np.array_equal(found, np.pad(expected, pad, "edge"))
        if min(expected.shape) == 1:
            break
        even = expected[: height // 2 * 2, : width // 2 * 2]
        expected = (even.reshape(height // 2, 2, width // 2, 2).sum((1, 3)) + 2) >> 2


def test_positions_of_a_level_are_those_of_its_blocks():
    # Pixel 3 of the second halving covers pixels 12 to 15.
    assert from_level(np.array([3.0, 0.0]), 2).tolist() == [13.5, 1.5]
    places = np.random.default_rng(0).random((5, 2)) * 100
    assert np.allclose(from_level(to_level(places, 3), 3), places)


def test_scan_adds_the_trees_of_every_window():
    rng = np.random.default_rng(2)
    whole, grid = image(70, 60, 3), grid_points()
    nodes, leaves = random_trees(rng, 6, 3, len(grid))
    limits = np.full(6, -1500, np.int32)
    plan = plan_search(whole.shape, 22, 1.4, 0.2, angles=(0.0, 30.0))
    levels = Levels([whole])
    out = np.empty((100_000, 4), np.int32)
    n, searched, added = _search_kernels.scan(
        levels.pixels, levels.tables[0], plan, grid, nodes, leaves, limits, out
    )
    expected, windows, trees = [], 0, 0
    for row, (level, side, cos, sin, u, v, step, margin) in enumerate(plan):
        start, stride, height, width = levels.tables[0, int(level)]
        turned = np.float32(side * cos), np.float32(side * sin)
        x = np.floor(turned[0] * grid[:, 0] - turned[1] * grid[:, 1] + np.float32(0.5)).astype(int)
        y = np.floor(turned[1] * grid[:, 0] + turned[0] * grid[:, 1] + np.float32(0.5)).astype(int)
        left, top = margin * side + u * step, margin * side + v * step
        rows, columns = height - 1 - margin * side - top, width - 1 - margin * side - left
        for cy in top + step * np.arange(np.floor(rows / step) + 1):
            for cx in left + step * np.arange(np.floor(columns / step) + 1):
                windows += 1
                pixels = levels.pixels[start + (int(cy) + y) * stride + int(cx) + x]
                score = 0
                for t in range(6):
                    score += int(leaves[t, leaf_by_hand(pixels, nodes[t])])
                    if score < limits[t]:
                        break
                    trees += 1
                else:
                    expected.append((row, int(cx), int(cy), score))
    assert (searched, added) == (windows, trees)
    assert 10 < n < windows
    assert out[:n].tolist() == [list(each) for each in expected]


def test_more_windows_than_there_is_room_for_are_counted():
    grid, levels = grid_points(), Levels([image(60, 60)])
    plan = plan_search((60, 60), 22, 1.4, 0.2)
    none = Front.empty(2).arrays
    n, searched, _ = _search_kernels.scan(
        levels.pixels, levels.tables[0], plan, grid, *none, np.empty((5, 4), np.int32)
    )
    assert n == searched > 5


def test_windows_are_thinned_and_gathered_by_overlap_and_angle():
    rng = np.random.default_rng(9)
    squares = np.column_stack([rng.random((80, 2)) * 40, 5 + 30 * rng.random(80)])
    turns = rng.choice([-170.0, 0.0, 26.0, 175.0], 80)
    # -170 and 175 degrees are 15 apart.
    near = np.abs((turns[:, None] - turns + 180) % 360 - 180) <= 30
    overlaps = iou(boxes_of(squares), boxes_of(squares))
    order = np.arange(80)
    keep, expected = np.empty(80, bool), []
    _group_kernels.thin(squares, turns, order, 0.5, 30.0, 2, keep)
    for i in order:
        expected += [i] if (near[i] & (overlaps[i] > 0.5))[expected].sum() < 2 else []
    assert np.flatnonzero(keep).tolist() == expected
    labels = np.empty(80, np.int64)
    n = _group_kernels.group(squares, turns, order, 30.0, 0.4, 0.2, labels)
    firsts = np.array([np.flatnonzero(labels == g)[0] for g in range(n)])
    assert firsts.tolist() == sorted(firsts)
    for i in order:
        if labels[i] >= 0 and i not in firsts:
            wanted = near[i, firsts] & (overlaps[i, firsts] > 0.4)
            assert labels[i] == np.flatnonzero(wanted)[0]
    apart = near[np.ix_(firsts, firsts)] & (overlaps[np.ix_(firsts, firsts)] > 0.2)
    assert np.array_equal(apart, np.eye(n, dtype=bool))
    assert (overlaps[np.ix_(firsts, firsts)] > 0.4).sum() > n  # of different angles


def test_one_of_the_faces_that_overlap_is_left():
    rng = np.random.default_rng(3)
    squares = np.column_stack([rng.random((60, 2)) * 60, 5 + 30 * rng.random(60)])
    boxes, scores = boxes_of(squares).astype(np.float32), rng.normal(size=60).astype(np.float32)
    left = one_each(Found(boxes, scores, np.zeros((60, 3, 2), np.float32)))
    assert (iou(left.boxes, left.boxes) - np.eye(len(left))).max() <= 0.3
    assert left.scores[0] == scores.max() and (np.diff(left.scores) <= 0).all()
    # What was dropped overlaps a surer one, or lies within it.
    for box, score in zip(boxes, scores, strict=True):
        surer = left.boxes[left.scores >= score]
        centre = (box[:2] + box[2:]) / 2
        within = ((centre > surer[:, :2]) & (centre < surer[:, 2:])).all(1)
        assert (iou(surer, box)[:, 0] > 0.3).any() or within.any()
