"""How trees of the joint cascade are grown, and their limits set."""

import numpy as np

from cascade.detection.jda import (
    _boost_kernels,
)
from cascade.detection.jda.boosting import boost_weights, grow_tree
from cascade.detection.jda.front import Front
from cascade.detection.jda.stage_training import Limits
from features.workers import Workers


def test_bins_are_the_thresholds_that_a_pair_passes():
    table = _boost_kernels.bin_table()
    rng = np.random.default_rng(0)
    for a, b in [(0, 0), (255, 0), (0, 255), (7, 7), *rng.integers(0, 256, (300, 2)).tolist()]:
        passed = [a * (64 - t) >= b * (64 + t) for t in range(-32, 32)]
        # A pair that passes a threshold passes all below it; the lowest bin passes none above.
        highest = max([t for t, ok in zip(range(-32, 32), passed, strict=True) if ok], default=-32)
        assert table[256 * a + b] == highest + 32
        assert passed[1:] == [t <= highest for t in range(-31, 32)]


def test_best_splits_leave_the_least_variance_of_labels():
    rng = np.random.default_rng(5)
    patches = rng.integers(0, 256, (9, 200)).astype(np.uint8)
    weights, labels = rng.integers(1, 1000, 200), rng.integers(0, 2, 200).astype(np.uint8)
    pairs = np.array([(i, j) for i in range(9) for j in range(9) if i != j], np.int16)
    rows, ends = rng.permutation(200).astype(np.int32), np.array([0, 120, 200])
    best = np.full((2, 3), -1.0)
    wanted = np.array([True, True])
    _boost_kernels.best_splits(patches, rows, ends, wanted, weights, labels, pairs, 0, len(pairs),
                               _boost_kernels.bin_table(), 5000, best)  # fmt: skip
    sign = np.where(labels > 0, 1.0, -1.0)
    for node in range(2):
        part = rows[ends[node] : ends[node + 1]]
        w, y, errors = weights[part], sign[part], {}
        for first, second in pairs:
            a, b = patches[first][part].astype(int), patches[second][part].astype(int)
            for t in range(-31, 32):
                right = a * (64 - t) >= b * (64 + t)
                if min(w[right].sum(), w[~right].sum()) >= 5000:
                    errors[first, second, t] = sum(
                        (w[s] * (y[s] - np.average(y[s], weights=w[s])) ** 2).sum()
                        for s in (right, ~right)
                    )
        chosen = (*pairs[int(best[node, 1])], int(best[node, 2]))
        assert np.isclose(errors[chosen], min(errors.values()), rtol=1e-9)


def test_best_moves_leave_the_least_variance_of_residuals():
    rng = np.random.default_rng(6)
    patches = rng.integers(0, 256, (8, 150)).astype(np.uint8)
    moves, seen = rng.integers(-900, 900, (150, 2)), (rng.random(150) < 0.7).astype(np.uint8)
    pairs = np.array([(i, j) for i in range(8) for j in range(8) if i != j], np.int16)
    best = np.full((1, 3), -1.0)
    _boost_kernels.best_moves(patches, np.arange(150, dtype=np.int32), np.array([0, 150]),
                              np.array([True]), moves, seen, pairs, 0, len(pairs),
                              _boost_kernels.bin_table(), 0.1, best)  # fmt: skip
    known, errors = moves[seen > 0].astype(float), {}
    for first, second in pairs:
        a, b = (patches[p][seen > 0].astype(int) for p in (first, second))
        for t in range(-31, 32):
            right = a * (64 - t) >= b * (64 + t)
            if min(right.sum(), (~right).sum()) >= 0.1 * len(known):
                errors[first, second, t] = sum(
                    np.square(known[s] - known[s].mean(0)).sum() for s in (right, ~right)
                )
    chosen = (*pairs[int(best[0, 1])], int(best[0, 2]))
    assert np.isclose(errors[chosen], min(errors.values()), rtol=1e-9)


def test_a_tree_tells_what_differs_and_is_the_same_for_any_number_of_threads():
    rng = np.random.default_rng(7)
    patches = rng.integers(0, 256, (30, 600)).astype(np.uint8)
    labels = (rng.random(600) < 0.5).astype(np.uint8)
    patches[4, labels > 0], patches[9, labels > 0] = 200, 40
    weights = boost_weights(np.zeros(600, np.int64), labels)
    found = []
    for n_jobs in (1, 3):
        with Workers(n_jobs) as workers:
            found.append(grow_tree(patches, labels, weights, depth=3, n_pairs=400,
                                   rng=np.random.default_rng(0), workers=workers))  # fmt: skip
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
    front = Front.empty(3).with_tree(*found[0], -(2**30))
    scores, _ = front.scores(patches)
    assert scores[labels > 0].mean() > 0.6 * 4096 and scores[labels == 0].mean() < -0.6 * 4096


def test_limits_keep_two_windows_of_each_face_they_may_not_lose():
    rng = np.random.default_rng(8)
    limits, scores = Limits(40, 6), rng.integers(0, 1000, 240)
    limit = limits.set(scores, 0.1)
    second = np.sort(scores.reshape(40, 6), axis=1)[:, -2]
    assert (second < limit).sum() == 4
    # Windows that were lost stay lost, and the faces lost are counted once.
    limits.set(np.where(scores < limit, 10_000, scores), 0.1)
    assert (limits.alive.reshape(40, 6).sum(1) < 2).sum() == 4
