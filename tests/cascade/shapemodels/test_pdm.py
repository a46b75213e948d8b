"""The point distribution model against scikit-learn, plain algebra and known variation."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from cascade import InputError, PointDistributionModel
from cascade.shapemodels import _pdm_kernels as kernels
from features.geometry import rotate, similarity

L = 12


def drawn(rng, n, noise=0.002):
    """Shapes with three independent ways to vary, in any pose; the ways and their deviations."""
    mean = rng.normal(0, 1, (L, 2))
    mean -= mean.mean(0)
    turned = np.stack([-mean[:, 1], mean[:, 0]], -1)
    fixed = np.stack([mean, turned, np.tile([1.0, 0], (L, 1)), np.tile([0, 1.0], (L, 1))])
    basis = np.linalg.qr(np.concatenate([fixed, rng.normal(0, 1, (3, L, 2))]).reshape(7, -1).T)[0]
    ways = basis[:, 4:].T
    spread = np.array([0.5, 0.3, 0.1])
    upright = mean + (rng.normal(0, spread, (n, 3)) @ ways).reshape(n, L, 2)
    upright += rng.normal(0, noise, upright.shape)
    linear, shift = rng.normal(0, 1, (n, 2)), rng.normal(0, 5, (n, 2))
    return mean, ways, spread, rotate(upright, linear) + shift[:, None]


@pytest.fixture(scope="module")
def truth():
    return drawn(np.random.default_rng(0), 3000)


@pytest.fixture(scope="module")
def pdm(truth):
    return PointDistributionModel.fit(truth[3])


def test_finds_the_ways_that_shapes_vary(truth, pdm):
    mean, ways, spread, _ = truth
    assert len(pdm.variances) == 3
    linear, _ = similarity(pdm.mean[None], mean[None])
    unit = rotate(pdm.components, linear / np.hypot(*linear[0])).reshape(3, -1)
    np.testing.assert_allclose(np.abs(unit @ ways.T), np.eye(3), atol=0.05)
    size = np.linalg.norm(pdm.mean) / np.linalg.norm(mean)
    np.testing.assert_allclose(np.sqrt(pdm.variances) / size, spread, rtol=0.06)


def test_components_are_those_of_scikit_learn(synthetic):
    shapes = synthetic.shapes / 100
    pdm = PointDistributionModel.fit(shapes, share=0.95)
    linear, shift = similarity(pdm.mean[None], shapes)
    back = np.stack([linear[:, 0], -linear[:, 1]], -1) / np.square(linear).sum(-1, keepdims=True)
    rows = (rotate(shapes - shift[:, None], back) - pdm.mean).reshape(len(shapes), -1)
    found = PCA(len(pdm.variances)).fit(rows)
    ours = pdm.components.reshape(len(pdm.variances), -1)
    overlap = np.abs(np.sum(found.components_ * ours, 1))
    np.testing.assert_allclose(found.explained_variance_, pdm.variances, rtol=1e-3)
    np.testing.assert_allclose(overlap, 1, atol=1e-3)
    kept = found.explained_variance_ratio_.cumsum()
    assert kept[-1] >= 0.95 > kept[-2]


def test_components_leave_similarities_alone(pdm):
    mean = pdm.mean.astype(float)
    turned = np.stack([-mean[:, 1], mean[:, 0]], -1)
    rows = pdm.components.reshape(3, -1).astype(float)
    np.testing.assert_allclose(rows @ rows.T, np.eye(3), atol=1e-5)
    for fixed in (mean, turned, np.tile([1.0, 0], (L, 1)), np.tile([0, 1.0], (L, 1))):
        np.testing.assert_allclose(rows @ fixed.ravel(), 0, atol=1e-4)


def test_project_undoes_shapes(pdm):
    rng = np.random.default_rng(1)
    numbers = rng.normal(0, 1, (20, 3)) * np.sqrt(pdm.variances)
    linear, shift = rng.normal(0, 1, (20, 2)), rng.normal(0, 3, (20, 2))
    found = pdm.project(pdm.shapes(numbers, linear, shift))
    # The prior draws a little towards the mean.
    np.testing.assert_allclose(found[0], numbers, atol=0.02 * np.sqrt(pdm.variances.max()))
    np.testing.assert_allclose(found[1], linear, atol=0.02)
    np.testing.assert_allclose(found[2], shift, atol=0.02)


def test_project_is_the_least_of_its_cost(pdm):
    """Against scipy's minimiser of the same cost, with a landmark missing."""
    from scipy.optimize import least_squares

    rng = np.random.default_rng(2)
    shape = pdm.shapes(rng.normal(0, 1, 3) * np.sqrt(pdm.variances)).astype(float)
    shape += rng.normal(0, 0.05, shape.shape)
    shape[4] = np.nan
    seen = np.isfinite(shape).all(-1)
    linear, _ = similarity(pdm.mean[None], shape[None])
    noise = float(pdm.noise[0]) * float(np.square(linear).sum())

    def residuals(x):
        off = (pdm_shape(pdm, x) - shape)[seen].ravel() / np.sqrt(noise)
        return np.concatenate([off, x[4:] / np.sqrt(pdm.variances)])

    best = least_squares(residuals, np.r_[linear[0], 0, 0, np.zeros(3)], xtol=1e-12, ftol=1e-12).x
    numbers, found, shift = pdm.project(shape)
    np.testing.assert_allclose(np.r_[found, shift, numbers], best, atol=1e-3)


def pdm_shape(pdm, x):
    upright = pdm.mean + np.tensordot(x[4:], pdm.components.astype(float), 1)
    return rotate(upright, x[:2]) + x[2:4]


def test_nearest_is_the_projection_without_a_prior(pdm):
    rng = np.random.default_rng(3)
    basis = pdm.arrays()
    target = pdm_shape(pdm, np.r_[0.7, 0.4, 3, -2, 0.1, 0.2, -0.1]) + rng.normal(0, 0.02, (L, 2))
    pose, numbers = np.empty(4), np.empty(3)
    kernels.nearest(target, *basis, np.inf, pose, numbers)
    from scipy.optimize import least_squares

    linear, shift = similarity(pdm.mean[None], target[None])
    best = least_squares(
        lambda x: (pdm_shape(pdm, x) - target).ravel(), np.r_[linear[0], shift[0], np.zeros(3)]
    ).x
    reached = pdm_shape(pdm, np.r_[pose, numbers])
    # One step: the pose is that of the mean shape, which differs where the components scale.
    assert np.square(reached - target).sum() < 1.05 * np.square(pdm_shape(pdm, best) - target).sum()
    exact = pdm_shape(pdm, np.r_[0.7, 0.4, 3, -2, 0.1, 0.2, -0.1])
    kernels.nearest(exact, *basis, np.inf, pose, numbers)
    np.testing.assert_allclose(np.r_[pose, numbers], [0.7, 0.4, 3, -2, 0.1, 0.2, -0.1], atol=1e-4)


def test_ellipsoid_limits(pdm):
    far = pdm.shapes(6 * np.sqrt(pdm.variances))
    free, *_ = pdm.project(far)
    drawn_back, *_ = pdm.project(far, limited=True)
    assert np.linalg.norm(free / np.sqrt(pdm.variances)) > 6
    length = np.linalg.norm(drawn_back / np.sqrt(pdm.variances))
    assert length == pytest.approx(float(pdm.radius[0]), rel=1e-4)


def test_missing_landmarks(truth, pdm):
    _, _, _, shapes = truth
    rng = np.random.default_rng(4)
    gaps = shapes.copy()
    gaps[rng.random(gaps.shape[:2]) < 0.1] = np.nan
    learned = PointDistributionModel.fit(gaps)
    assert len(learned.variances) == 3
    np.testing.assert_allclose(learned.variances, pdm.variances, rtol=0.1)
    rows = learned.components.reshape(3, -1) @ pdm.components.reshape(3, -1).T
    np.testing.assert_allclose(np.abs(rows), np.eye(3), atol=0.05)
    missing = np.isnan(gaps).any(-1)
    size = np.linalg.norm(shapes - shapes.mean(1, keepdims=True), axis=(1, 2))
    off = np.linalg.norm(learned.completed(gaps) - shapes, axis=-1) / size[:, None]
    assert np.median(off[missing]) < 0.01  # the noise is 0.0004 of the size
    np.testing.assert_array_equal(learned.completed(gaps)[~missing], np.float32(shapes)[~missing])


def test_plausibility(truth, pdm):
    mean, _, _, shapes = truth
    distance, misfit = pdm.plausibility(shapes)
    assert np.mean(distance <= 1) == pytest.approx(0.99, abs=0.005)
    noise = 0.002 * np.sqrt(2) * np.linalg.norm(pdm.mean) / np.linalg.norm(mean)
    assert np.median(misfit) == pytest.approx(noise, rel=0.3)
    rng = np.random.default_rng(5)
    assert pdm.plausibility(rng.normal(0, 1, (L, 2)))[1] > 50 * np.median(misfit)


def test_synthesise_and_modes(pdm):
    shapes = pdm.synthesise(2000, np.random.default_rng(6))
    numbers, *_ = pdm.project(shapes)
    np.testing.assert_allclose(numbers.std(0), np.sqrt(pdm.variances), rtol=0.08)
    assert (pdm.plausibility(shapes)[0] <= 1.01).all()
    step = pdm.mode(1, 2.0) - pdm.mode(1, -2.0)
    np.testing.assert_allclose(step, 4 * np.sqrt(pdm.variances[1]) * pdm.components[1], atol=1e-5)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (np.zeros((1, 5, 2)), "two shapes or more"),
        (np.zeros((5, 2)), "two shapes or more"),
        (np.tile(np.eye(5)[:, :2], (4, 1, 1)), "all alike"),
        (np.where(np.arange(5)[:, None] == 2, np.nan, np.ones((6, 5, 2))), "missing in all"),
    ],
)
def test_refuses(shapes, message):
    with pytest.raises(InputError, match=message):
        PointDistributionModel.fit(shapes)


def test_refuses_other_landmarks(pdm):
    with pytest.raises(InputError, match="12 landmarks"):
        pdm.project(np.zeros((4, 5, 2)))
    with pytest.raises(InputError, match="fewer than two"):
        pdm.project(np.full((L, 2), np.nan))
