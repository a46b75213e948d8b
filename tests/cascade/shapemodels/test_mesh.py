"""Meshes and planes against scikit-image, scipy and plain NumPy."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from skimage.transform import PiecewiseAffineTransform

from cascade import InputError
from cascade.shapemodels import _mesh_kernels as kernels
from cascade.shapemodels import _plane_kernels as planes
from cascade.shapemodels.mesh import Mesh

SIZE = 40


@pytest.fixture(scope="module")
def shape():
    return np.random.default_rng(0).uniform(5, SIZE - 6, (15, 2))


@pytest.fixture(scope="module")
def mesh(shape):
    return Mesh.over(shape, SIZE)


def test_warp_is_that_of_scikit_image(shape, mesh):
    moved = shape * 1.3 + np.random.default_rng(1).normal(0, 1, shape.shape)
    if hasattr(PiecewiseAffineTransform, "from_estimate"):  # scikit-image 0.26 and later
        theirs = PiecewiseAffineTransform.from_estimate(shape, moved)
    else:
        theirs = PiecewiseAffineTransform()
        theirs.estimate(shape, moved)
    expected = theirs(mesh.cells.astype(float))
    inside = (expected >= 0).all(1)  # it gives -1 outside of its mesh
    assert inside.mean() > 0.95
    # Both make Delaunay meshes of the same points.
    np.testing.assert_allclose(mesh.points(moved)[inside], expected[inside], atol=1e-6)


def test_margin_adds_cells_around(shape, mesh):
    wide = Mesh.over(shape, SIZE, 2.0)
    assert len(wide.cells) > len(mesh.cells)
    known = {tuple(cell) for cell in mesh.cells.tolist()}
    assert known < {tuple(cell) for cell in wide.cells.tolist()}
    np.testing.assert_allclose(wide.points(shape), wide.cells, atol=1e-9)
    np.testing.assert_allclose(wide.weights.sum(1), 1)
    assert mesh.weights.min() > -1e-6 and wide.weights.min() < -0.01


def test_slopes_are_differences(mesh, shape):
    rng = np.random.default_rng(2)
    moves = rng.normal(0, 1, (3, len(shape), 2))
    slopes = mesh.slopes(moves)
    for i in range(3):
        difference = mesh.points(shape + 1e-3 * moves[i]) - mesh.points(shape)
        np.testing.assert_allclose(slopes[:, i].T, difference / 1e-3, atol=1e-4)


def test_compose_of_an_affine_map(mesh, shape):
    """Where the warp is one affine map, the landmarks move by its linear part."""
    linear = np.array([[1.2, -0.3], [0.2, 0.9]])
    moves = np.random.default_rng(3).normal(0, 0.1, shape.shape)
    there = shape @ linear.T + [3.0, 1.0]
    kernels.compose(mesh.reference, mesh.triangles, moves, there)
    np.testing.assert_allclose(there, (shape + moves) @ linear.T + [3.0, 1.0], atol=1e-9)


def test_slopes_of_an_appearance(mesh):
    """Against numpy.gradient, whose borders take the one neighbour there is as well."""
    full = np.random.default_rng(4).normal(0, 1, (SIZE, SIZE, 8)).astype(np.float32)
    x, y = mesh.cells.T
    right, down = (np.empty((len(x), 8), np.float32) for _ in range(2))
    neighbours = mesh.neighbours()
    kernels.differentiate(full[y, x], neighbours, right, down)
    inner = (neighbours != np.arange(len(x))).all(0)
    assert 0.5 < inner.mean() < 1
    by_row, by_column = np.gradient(full, axis=(0, 1))
    np.testing.assert_allclose(right[inner], by_column[y, x][inner], atol=1e-5)
    np.testing.assert_allclose(down[inner], by_row[y, x][inner], atol=1e-5)
    edge = np.flatnonzero((neighbours[0] == np.arange(len(x))) & (neighbours[1] != neighbours[0]))
    p = edge[0]
    np.testing.assert_allclose(right[p], full[y[p], x[p] + 1] - full[y[p], x[p]], atol=1e-6)


def test_refuses_a_line():
    with pytest.raises(InputError, match="on one line"):
        Mesh.over(np.stack([np.arange(5.0), np.arange(5.0)], -1), SIZE)


def test_show_is_a_similarity_of_the_image():
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (60, 70)).astype(np.uint8)
    placement = np.array([33.0, 28.0, 30.0], np.float32)
    pose, scale, size = np.array([0.9, 0.3, 0.05, -0.1]), 20.0, 24
    out = np.empty((2 * size, 2 * size), np.uint8)
    planes.show(image, placement, pose, scale, out)
    at = (np.arange(2 * size) - (2 * size - 1) / 2) / (2 * scale)
    u, v = np.meshgrid(at, at)
    x = placement[0] + placement[2] * (pose[0] * u - pose[1] * v + pose[2])
    y = placement[1] + placement[2] * (pose[1] * u + pose[0] * v + pose[3])
    expected = map_coordinates(image.astype(float), [y, x], order=1, mode="nearest")
    assert np.abs(out - expected).max() <= 0.51


def test_plane_of_an_edge():
    """A vertical edge has its gradients to the right (0°), strength relative to all around."""
    picture = np.zeros((40, 40), np.uint8)
    picture[:, 20:] = 200
    out = np.empty((20, 20, 8), np.float32)
    planes.directions(picture, out)
    assert (out[5:15, 9:11].argmax(-1) == 0).all()
    assert out[5:15, 9:11, 0].min() > 0.9 and np.abs(out[5:15, 2]).max() == 0
    turned = np.empty_like(out)
    planes.directions(np.ascontiguousarray(picture.T), turned)
    assert (turned[9:11, 5:15].argmax(-1) == 2).all()


def test_plane_hardly_knows_contrast():
    image = np.random.default_rng(6).integers(60, 196, (40, 40)).astype(np.uint8)
    out = np.empty((2, 20, 20, 8), np.float32)
    planes.directions(image, out[0])
    planes.directions((128 + (image.astype(int) - 128) // 2).astype(np.uint8), out[1])
    assert np.abs(out[1] / np.maximum(out[0], 1e-6))[out[0] > 0.3].mean() > 0.9


def test_sample_interpolates():
    plane = np.random.default_rng(7).random((12, 15, 8)).astype(np.float32)
    points = np.random.default_rng(8).uniform(-3, 17, (50, 2))
    points[0] = np.nan
    out = np.empty((50, 8), np.float32)
    planes.sample(plane, points, out)
    x, y = np.clip(points[1:, 0], 0, 14), np.clip(points[1:, 1], 0, 11)
    for o in range(8):
        expected = map_coordinates(plane[..., o].astype(float), [y, x], order=1)
        np.testing.assert_allclose(out[1:, o], expected, atol=1e-5)
    assert np.isfinite(out).all()
