"""The active appearance model: slopes against differences, and what the whole finds."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from cascade import AAM, InputError
from cascade.shapemodels import _aam_kernels as kernels
from cascade.shapemodels import _mesh_kernels as mesh_kernels
from cascade.shapemodels import _plane_kernels as planes
from cascade.shapemodels.aam import _principal
from data_tools.metrics import nme


def smooth_plane(size):
    """A plane whose slopes change little from cell to cell."""
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    waves = [0.5 + 0.3 * np.sin(0.11 * x + 0.07 * o * y + o) for o in range(8)]
    return np.stack(waves, -1).astype(np.float32)


def test_slopes_of_the_warped_appearance_are_differences(aam):
    """The Jacobian that steps are made of, against moving each number of the warp a little."""
    level, ready = aam.stages_[-1], aam._levels[-1]
    size, scale = int(level.size[0]), float(level.scale[0])
    plane, mesh = smooth_plane(size), ready.mesh
    shape = mesh[0].copy()
    n = len(level.cells)
    points, seen = np.empty((n, 2)), np.empty((n, 8), np.float32)
    kernels.read(plane, shape, mesh, points, seen)
    right, down = np.empty_like(seen), np.empty_like(seen)
    mesh_kernels.differentiate(seen, ready.neighbours, right, down)
    changes = np.empty((len(ready.moves), n * 8), np.float32)
    mesh_kernels.steepest(right, down, ready.slopes, changes)
    inner = (ready.neighbours != np.arange(n)).all(0)
    other = np.empty_like(seen)
    for i, move in enumerate(ready.moves):
        step = 0.5 / np.abs(move).max()
        kernels.read(plane, shape + step * move, mesh, points, other)
        ahead = other.copy()
        kernels.read(plane, shape - step * move, mesh, points, other)
        difference = (ahead - other)[inner] / (2 * step)
        made = changes[i].reshape(n, 8)[inner]
        assert np.linalg.norm(made - difference) < 0.1 * np.linalg.norm(difference), i
    assert scale == 24


def test_moves_are_differences_of_the_shape_model(aam):
    level, ready = aam.stages_[-1], aam._levels[-1]
    middle, scale = (int(level.size[0]) - 1) / 2, float(level.scale[0])

    def shape(x):
        linear = scale * (1 + x[0]), scale * x[1]
        return aam.pdm_.shapes(x[4:], linear, middle + x[2:4]).astype(float)

    rng = np.random.default_rng(0)
    for i in [0, 1, 2, 3, 4, len(ready.moves) - 1]:
        x = np.zeros(len(ready.moves))
        x[i] = 1e-2 * (1 + rng.random())
        np.testing.assert_allclose(
            (shape(x) - shape(0 * x)) / x[i], ready.moves[i], atol=2e-3 * scale
        )


def test_fixed_hessian_is_a_weighed_product(aam):
    level, ready = aam.stages_[0], aam._levels[0]
    n = len(level.cells)
    right, down = np.empty((n, 8), np.float32), np.empty((n, 8), np.float32)
    mesh_kernels.differentiate(level.mean, ready.neighbours, right, down)
    changes = np.empty((len(ready.moves), n * 8), np.float32)
    mesh_kernels.steepest(right, down, ready.slopes, changes)
    weighing = np.eye(n * 8) - ready.components.T.astype(float) @ (
        ready.shrink[:, None] * ready.components
    )
    expected = changes.astype(float) @ weighing @ changes.T
    scale = np.abs(expected).max()
    np.testing.assert_allclose(ready.fixed_hessian, expected, atol=1e-4 * scale)
    out = np.empty_like(expected)
    kernels._weighed_products(changes, ready.components, ready.shrink, out)
    np.testing.assert_allclose(out, expected, atol=1e-4 * scale)


@pytest.mark.parametrize("algorithm", [kernels.PROJECT_OUT, kernels.SIMULTANEOUS])
def test_steps_find_the_way_back(aam, algorithm):
    """A face that the model makes itself is found from beside it."""
    level, ready = aam.stages_[-1], aam._levels[-1]
    size, scale = int(level.size[0]), float(level.scale[0])
    middle = (size - 1) / 2
    plane = np.zeros((size, size, 8), np.float32)
    plane[level.cells[:, 1], level.cells[:, 0]] = level.mean
    local, numbers = np.array([scale, 0, middle + 0.8, middle - 0.6]), np.zeros(len(aam._basis[2]))
    truth = np.array([scale, 0, middle, middle])

    def run(n_steps):
        return kernels.descend(
            plane, *ready, algorithm, n_steps, 1e-3, float(level.noise[0]), aam._basis,
            float(aam.pdm_.radius[0]), np.zeros((4, 4)), middle, scale, local, numbers,
        )  # fmt: skip

    before = run(1)
    after = run(40)
    assert after < before
    np.testing.assert_allclose(local[2:], truth[2:], atol=0.1)
    np.testing.assert_allclose(local[:2] / scale, [1, 0], atol=0.01)


def test_principal_components_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    rows = (rng.normal(0, 1, (200, 6)) * [9, 6, 4, 3, 2, 1]) @ rng.normal(0, 1, (6, 40))
    rows = (rows + rng.normal(0, 0.1, rows.shape)).astype(np.float32)
    theirs = PCA(4, svd_solver="full").fit(rows)
    total = rows.var(0).sum()
    mean, components, variances, noise = _principal(rows.copy(), 4, 0)
    np.testing.assert_allclose(mean, theirs.mean_, atol=1e-4)
    np.testing.assert_allclose(variances, theirs.explained_variance_, rtol=1e-3)
    overlap = np.abs((components * theirs.components_).sum(1))
    np.testing.assert_allclose(overlap, 1, atol=1e-3)
    assert noise[0] == pytest.approx((total - variances.sum()) / 36, rel=0.01)


def test_finds_landmarks(aam, synthetic):
    errors = nme(aam.predict_faces(synthetic), synthetic.shapes, synthetic.scheme)
    assert errors.mean() < 0.05
    assert aam.history_[0]["validation_nme"] > aam.history_[1]["validation_nme"]


def test_project_out(aam, synthetic):
    options = {"scales": (12.0, 24.0), "n_appearances": (20, 30), "random_state": 0}
    model = AAM(**options, algorithms=("project-out",)).fit(synthetic)
    errors = nme(model.predict_faces(synthetic), synthetic.shapes, synthetic.scheme)
    assert errors.mean() < 0.08
    assert [level.kind[1] for level in model.stages_] == 2 * ["project-out steps"]


def test_reconstruct(aam, synthetic):
    """The nearest face of the model looks more like the face than the mean face does."""
    better = 0
    level = aam.stages_[-1]
    at = level.cells[:, 1], level.cells[:, 0]
    for i in range(10):
        found = aam.reconstruct(synthetic.image(i), synthetic.boxes[i], shape=synthetic.shapes[i])
        np.testing.assert_allclose(found.shape, synthetic.shapes[i])
        seen = found.seen[at].astype(float)
        better += np.square(found.made[at] - seen).mean() < np.square(level.grey_mean - seen).mean()
        assert np.corrcoef(found.made[at], seen)[0, 1] > 0.8
    assert better == 10
    assert aam.reconstruct(synthetic.image(0), synthetic.boxes[0]).shape.shape == (68, 2)


def test_sample_reads_the_reference(aam):
    """At the reference itself the warp reads each cell."""
    level, ready = aam.stages_[0], aam._levels[0]
    plane = np.random.default_rng(0).random((int(level.size[0]),) * 2 + (8,)).astype(np.float32)
    points, seen = np.empty((len(level.cells), 2)), np.empty(level.mean.shape, np.float32)
    kernels.read(plane, ready.mesh[0], ready.mesh, points, seen)
    direct = np.empty_like(seen)
    planes.sample(plane, level.cells.astype(float), direct)
    np.testing.assert_allclose(seen, direct, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"algorithms": ("newton",)}, "take one of"),
        ({"algorithms": "project-out"}, "must be a list"),
        ({"n_appearances": (0,)}, "n_appearances"),
        ({"trust": (0.0,)}, "trust"),
        ({"margin": -1.0}, "margin"),
    ],
)
def test_refuses_parameters(options, message, synthetic):
    with pytest.raises(InputError, match=message):
        AAM(**options).fit(synthetic)
