"""The active shape model: its kernels against NumPy, and what the whole finds."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cascade import ASM, InputError
from cascade.shapemodels import _asm_kernels as kernels
from cascade.shapemodels.asm import lines, outline
from data_tools.metrics import nme
from data_tools.schemes import FACE68, Scheme

PLANE = np.random.default_rng(0).random((30, 30, 8)).astype(np.float32)


def test_match_patch_is_a_correlation():
    rng = np.random.default_rng(1)
    filters = rng.normal(0, 1, (5, 40)).astype(np.float32)
    across, down, scores = (np.empty(81, np.float32) for _ in range(3))
    for x, y in ((15, 12), (1, 28), (-40, 5)):
        n, width = kernels.match_patch(PLANE, x, y, filters, 4, across, down, scores)
        found = {}
        for row in range(y - 4, y + 5):
            for column in range(x - 4, x + 5):
                if 2 <= row <= 27 and 2 <= column <= 27:
                    patch = PLANE[row - 2 : row + 3, column - 2 : column + 3].reshape(5, 40)
                    found[column, row] = (patch * filters).sum()
        assert n == len(found) and (n == 0 or n % width == 0)
        for c in range(n):
            assert scores[c] == pytest.approx(found[across[c], down[c]], abs=1e-3)


def test_gather_reads_patches():
    out = np.empty((2, 3 * 3 * 8), np.float32)
    kernels.gather(PLANE, np.array([[10, 20], [0, 29]]), 3, out)
    np.testing.assert_array_equal(out[0], PLANE[19:22, 9:12].ravel())
    padded = np.pad(PLANE, ((1, 1), (1, 1), (0, 0)), mode="edge")
    np.testing.assert_array_equal(out[1], padded[29:32, 0:3].ravel())


def test_profile_is_a_difference_along_the_normal():
    x, y = np.meshgrid(np.arange(60), np.arange(60))
    picture = (2 * x + y).astype(np.uint8)
    out = np.empty(7, np.float32)
    kernels.read_profile(picture, 12.0, 14.0, 0.6, 0.8, out)
    # A pixel along the normal, half a cell: 2 · 0.6 + 0.8.
    np.testing.assert_allclose(out, 2.0, atol=1e-4)
    kernels.normalise(out)
    assert np.abs(out).sum() == pytest.approx(14 / 15)


def test_match_profile_is_a_mahalanobis_distance():
    rng = np.random.default_rng(2)
    picture = rng.integers(0, 256, (60, 60)).astype(np.uint8)
    mean = rng.normal(0, 0.1, 7).astype(np.float32)
    root = rng.normal(0, 1, (7, 7))
    precision = (root @ root.T).astype(np.float32)
    across, down, scores = (np.empty(50, np.float32) for _ in range(3))
    nx, ny = 0.8, -0.6
    n = kernels.match_profile(picture, 15.0, 14.0, nx, ny, mean, precision, 3, across, down, scores)
    assert n == 13
    for c in range(n):
        along = (c - 6) / 2
        profile = np.empty(7, np.float32)
        kernels.read_profile(picture, 15 + along * nx, 14 + along * ny, nx, ny, profile)
        kernels.normalise(profile)
        off = (profile - mean).astype(float)
        assert scores[c] == pytest.approx(-0.5 * off @ precision @ off, rel=1e-3)
        np.testing.assert_allclose([across[c], down[c]], [15 + along * nx, 14 + along * ny])


def test_expectations_are_weighted_means():
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.arange(3.0, 10), np.arange(5.0, 10))
    across, down = x.ravel().astype(np.float32), y.ravel().astype(np.float32)
    likely = rng.random(35).astype(np.float32)
    narrow, at = np.float32(-0.1), (np.float32(6.2), np.float32(7.1))
    dx, dy = across - at[0], down - at[1]
    weight = likely * np.exp(narrow * (dx**2 + dy**2))
    expected = [weight.sum(), *(np.sum(weight * m) for m in (dx, dy, dx * dx, dy * dy, dx * dy))]
    room = np.empty(7, np.float32)
    grid = kernels.expect_on_grid(likely, across, down, 35, 7, *at, narrow, room)
    line = kernels.expect_on_line(likely, across, down, 35, *at, narrow)
    np.testing.assert_allclose(grid, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(line, expected, rtol=1e-4, atol=1e-4)


def test_filters_are_fisher_discriminants(synthetic, asm):
    """One landmark's filter points where scikit-learn's discriminant does."""
    from cascade.shapemodels.asm import _Views
    from cascade.shapemodels.base import in_plane
    from features.frame import Frame
    from features.workers import SERIAL

    model = ASM(scales=(20.0,), n_cells=3, n_elsewhere=8, ridge=1e-6)
    model.pdm_ = asm.pdm_
    found = model._found(synthetic.store(Frame(256, 140), mirror=False))
    places = in_plane(found.shapes, found.poses, 20.0, 50)
    views = _Views(found, found.poses, 20.0, 50)
    rng = np.random.default_rng(0)
    (made,) = model._filters(views, places, np.array([30]), rng, SERIAL, lambda share: None)
    rng, rows, labels = np.random.default_rng(0), [], []
    for first in range(0, len(places), 64):
        part = places[first : first + 64]
        around = rng.uniform(-model.reach, model.reach, (len(part), 1, 8, 2))
        near = np.abs(around).max(-1) < 1.5
        around[near] = np.copysign(1.5, around[near])
        for i, place in enumerate(part[:, 30]):
            cells = np.rint(np.concatenate([place[None], place + around[i, 0]])).astype(np.int64)
            patches = np.empty((9, 72), np.float32)
            kernels.gather(views(first + i)[1], cells, 3, patches)
            rows.append(patches)
            labels += [1] + 8 * [0]
    rows, labels = np.concatenate(rows).astype(float), np.array(labels)
    # Both classes count the same in the spread, as with equal priors.
    spread = (np.cov(rows[labels == 1].T, bias=True) + np.cov(rows[labels == 0].T, bias=True)) / 2
    apart = rows[labels == 1].mean(0) - rows[labels == 0].mean(0)
    np.testing.assert_allclose(spread @ made.ravel(), apart, atol=0.02 * np.abs(apart).max())
    theirs = LinearDiscriminantAnalysis(solver="lsqr", priors=[0.5, 0.5]).fit(rows, labels)
    assert theirs.score(rows, labels) > 0.8
    scores = rows @ made.ravel()
    assert scores[labels == 1].mean() > scores[labels == 0].mean() + 1


def test_finds_landmarks(asm, synthetic):
    found = asm.predict_faces(synthetic)
    errors = nme(found, synthetic.shapes, synthetic.scheme)
    mean = [asm.align(synthetic.image(i), synthetic.boxes[i]).initial[0] for i in range(100)]
    assert errors.mean() < 0.35 * nme(np.array(mean), synthetic.shapes, synthetic.scheme).mean()
    assert errors.mean() < 0.05
    assert asm.history_[0]["validation_nme"] > asm.history_[1]["validation_nme"]


@pytest.mark.parametrize("profiles", ["outline", "all"])
def test_profiles(profiles, synthetic):
    model = ASM(scales=(12.0, 24.0), n_cells=5, profiles=profiles, random_state=0).fit(synthetic)
    kinds = model.stages_[0].kinds
    assert kinds.sum() == (68 if profiles == "all" else len(outline(model.pdm_.mean)))
    errors = nme(model.predict_faces(synthetic), synthetic.shapes, synthetic.scheme)
    mean = np.repeat(model.mean_[None], 100, 0)
    from features.geometry import box_placement, from_box_frame

    start = from_box_frame(mean, box_placement(synthetic.boxes))
    assert errors.mean() < nme(start, synthetic.shapes, synthetic.scheme).mean()


def test_lines():
    found = lines(FACE68)
    assert found[0].tolist() == [0, 1] and found[5].tolist() == [4, 6]
    assert found[36].tolist() == [41, 37] and found[41].tolist() == [40, 36]  # a closed eye line
    assert lines(Scheme("bare", 4)).tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]


def test_a_missing_landmark_does_no_harm(synthetic, asm):
    gaps = synthetic.shapes.copy()
    gaps[np.random.default_rng(0).random(gaps.shape[:2]) < 0.1] = np.nan
    faces = synthetic.subset(slice(None))
    faces.shapes = gaps
    model = ASM(scales=(12.0, 24.0), n_cells=5, random_state=0).fit(faces)
    errors = nme(model.predict_faces(synthetic), synthetic.shapes, synthetic.scheme).mean()
    whole = nme(asm.predict_faces(synthetic), synthetic.shapes, synthetic.scheme).mean()
    assert errors < 1.3 * whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_cells": 4}, "odd"),
        ({"scales": ()}, "1 to 8 numbers"),
        ({"scales": (1000.0,)}, "scales"),
        ({"profiles": "some"}, "take one of"),
        ({"reach": 0}, "reach"),
        ({"share": 2.0}, "share"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
def test_refuses_parameters(options, message, synthetic):
    with pytest.raises(InputError, match=message):
        ASM(**options).fit(synthetic)


def test_scikit_learn_manners():
    model = clone(ASM(n_cells=5))
    assert model.get_params()["n_cells"] == 5
    assert model.set_params(reach=4).reach == 4
    assert "n_cells=5" in repr(model)
