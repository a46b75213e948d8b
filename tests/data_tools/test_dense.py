"""Drawn faces with more than 68 points, and schemes of any size."""

import json

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

from data_tools.metrics import nme
from data_tools.readers import read_folder
from data_tools.readers.pts import read_pts
from data_tools.schemes import FACE68, MAX_POINTS, Scheme
from data_tools.synthetic import render_face, synthetic_faces
from data_tools.synthetic.dense import (
    _following,
    _resting,
    dense_scheme,
    frontal_points,
    further_points,
)
from data_tools.synthetic.head import Head, half_width
from data_tools.writers import write_folder
from features.errors import InputError

N = 301


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces(12, seed=4, size=96, points=N, occluders=0.5)


def test_the_first_68_and_the_picture_are_those_of_the_plain_face(faces):
    plain = synthetic_faces(12, seed=4, size=96, occluders=0.5)
    np.testing.assert_array_equal(faces.shapes[:, :68], plain.shapes)
    np.testing.assert_array_equal(faces.visible[:, :68], plain.visible)
    np.testing.assert_array_equal(faces.boxes, plain.boxes)
    for i in range(12):
        np.testing.assert_array_equal(faces.image(i), plain.image(i))
    more = synthetic_faces(2, seed=4, size=96, points=500, occluders=0.5)
    np.testing.assert_array_equal(more.shapes[:, : N - 1], faces.shapes[:2, : N - 1])
    assert plain.scheme == FACE68


def test_an_occluder_covers_the_points_beneath_it(faces):
    hidden = ~faces.visible[:, 68:]
    assert 0 < hidden.mean() < 0.9
    for shape, visible in zip(faces.shapes, faces.visible, strict=True):
        for k in np.flatnonzero(~visible[68:])[:5] + 68:
            near = np.linalg.norm(shape - shape[k], axis=1).argsort()[1:5]
            assert not visible[near].all() or visible.mean() > 0.8


@pytest.mark.parametrize("n_points", [68, 69, 1000, 8001])
def test_mirror_pairs_of_the_scheme_are_mirror_images(n_points):
    scheme = dense_scheme(n_points)
    assert scheme.n_points == n_points and scheme.eye_corners == (36, 45)
    further = np.array(scheme.flip[68:], int) - 68
    points = frontal_points(n_points - 68)
    np.testing.assert_allclose(points[further], points * [-1, 1])
    if len(points):
        assert len(np.unique(points, axis=0)) == len(points)
        assert (np.abs(points[:, 0]) <= half_width(points[:, 1])).all()
    assert Scheme.from_dict(json.loads(json.dumps(scheme.to_dict()))) == scheme


def test_points_are_spread_evenly():
    """No hole on the face is wider than a few times the mean distance of points."""
    points = frontal_points(1000)
    rng = np.random.default_rng(0)
    y = rng.uniform(-0.5, 0.42, 2000)
    probes = np.stack([rng.uniform(-0.9, 0.9, 2000) * half_width(y), y], -1)
    nearest = np.linalg.norm(probes[:, None] - points, axis=-1).min(1)
    assert nearest.max() < 2 * np.sqrt(0.8 / 1000)


def test_a_mean_head_leaves_the_points_where_they_are():
    """On the head without identity, expression and pose, the frontal view is the template."""
    head = Head(np.random.default_rng(0))
    for name, value in vars(head).items():
        setattr(head, name, np.zeros_like(value) if name != "hairline" else value)
    head.nose_length = head.nose_width = head.nose_height = 1.0
    head.rotation = np.eye(3)
    found = further_points(head, 200)
    points = frontal_points(200)
    # The brows' own height at rest is the only offset of the template.
    assert np.abs(found[:, :2] - points).max() < 0.01
    np.testing.assert_allclose(found[:, 2], head.depth(*points.T), atol=0.02)


def test_points_move_with_the_features_as_scipys_spline_says():
    weights, points, knots = _following(60), frontal_points(60), _resting()
    moved = np.random.default_rng(1).normal(0, 0.02, (len(knots), 2))
    y = np.linspace(-0.64, 0.46, 12)
    edge = np.stack([half_width(y), y], -1)
    known = np.concatenate([knots, edge * [-1, 1], edge])
    values = np.concatenate([moved, np.zeros((24, 2))])
    expected = RBFInterpolator(known, values, kernel="thin_plate_spline")(points)
    np.testing.assert_allclose(weights @ moved, expected, atol=1e-9)


def test_turned_heads_keep_hidden_points_where_they_are_projected():
    turned = [face for face in (Head(np.random.default_rng(i)) for i in range(60))
              if abs(np.rad2deg(face.yaw)) > 25]  # fmt: skip
    assert turned
    for head in turned:
        found = further_points(head, 400)
        # The rotation is rigid: turned back, the points lie on the surface of the frontal face.
        back = found @ head.rotation
        assert np.isfinite(found).all() and np.abs(back[:, 0]).max() < 0.75
        assert back[:, 2].max() - back[:, 2].min() > 0.4


def test_errors_are_measured_as_of_68_points(faces):
    shapes = faces.shapes + np.float32([3, 4])
    between = np.linalg.norm(faces.shapes[:, 36] - faces.shapes[:, 45], axis=1)
    np.testing.assert_allclose(nme(shapes, faces.shapes, faces.scheme), 5 / between, rtol=1e-4)


def test_points_out_of_range_are_refused():
    for points in (67, MAX_POINTS + 1, 100.0, None, "1000"):
        with pytest.raises(InputError, match="points must be a whole number, 68 to 32768"):
            render_face(np.random.default_rng(0), 64, points=points)


def test_a_folder_of_8000_points_reads_back(tmp_path):
    faces = synthetic_faces(2, seed=1, size=96, points=8000)
    write_folder(tmp_path / "faces", faces)
    read = read_folder(tmp_path / "faces")
    assert read.shapes.shape == (2, 8000, 2) and not read.skipped
    np.testing.assert_allclose(read.shapes, faces.shapes, atol=1e-3)


def test_a_file_of_too_many_points_is_refused(tmp_path):
    lines = ["version: 1", f"n_points: {MAX_POINTS + 1}", "{", *["1 1"] * (MAX_POINTS + 1), "}"]
    (tmp_path / "a.pts").write_text("\n".join(lines))
    with pytest.raises(InputError, match=f"need 1 to {MAX_POINTS}"):
        read_pts(tmp_path / "a.pts")
    with pytest.raises(InputError, match="n_points"):
        Scheme("huge", MAX_POINTS + 1)
