"""Expressions of other faces: landmarks and mouths, on drawn heads."""

import numpy as np
import pytest

from data_tools.augment.expression import Expression, gap, moved_points, redraw_expression
from data_tools.augment.face import Face
from data_tools.augment.pose import surface_of
from data_tools.dataset import FaceDataset
from data_tools.heads import pose
from data_tools.synthetic import synthetic_faces
from features.errors import InputError


@pytest.fixture(scope="module")
def data():
    return synthetic_faces(60, seed=9, size=200)


@pytest.fixture(scope="module")
def recipe(data):
    return Expression(p=1.0, mouth=1, eyes=1, brows=1).prepare(data, np.random.default_rng(0))


def face(data, i):
    return Face(data.images[i], data.shapes[i], data.boxes[i], None)


def eye_opening(points):
    """Height against width of both eyes."""
    height = points[[41, 40, 47, 46], 1] - points[[37, 38, 43, 44], 1]
    return height.mean() / np.linalg.norm(points[39] - points[36])


def test_the_donor_says_how_far_mouth_and_eyes_open(data, recipe):
    donors = [surface_of(shape) for shape in data.shapes]
    gaps = np.array([gap(each.points) for each in donors])
    ways = recipe._ways["mouth"]
    assert len(ways.donors) > 30
    for i in range(0, 12):
        surface = donors[i]
        made = [gap(moved_points(surface.points, "mouth", ways, each, 1.0)) for each in ways.donors]
        # From about the most closed to about the widest mouth of all faces.
        assert min(made) < np.percentile(gaps, 25) and max(made) > np.percentile(gaps, 85)
        eyes = recipe._ways["eyes"]
        made = [eye_opening(moved_points(surface.points, "eyes", eyes, each, 1.0))
                for each in eyes.donors]  # fmt: skip
        assert min(made) < 0.12 and max(made) > 0.3
        # Without strength nothing happens.
        same = moved_points(surface.points, "mouth", ways, ways.donors[0], 0.0)
        np.testing.assert_allclose(same, surface.points, atol=1e-12)


def test_a_donor_with_the_same_expression_changes_little(data, recipe):
    donors = [surface_of(shape) for shape in data.shapes[:20]]
    ways = recipe._ways["mouth"]
    for surface in donors:
        wide, shut = (moved_points(surface.points, "mouth", ways, goal, 1.0)
                      for goal in (ways.donors.max(0), ways.donors.min(0)))  # fmt: skip
        # There and back again.
        own = moved_points(wide, "mouth", ways, ways.donors[0], 1.0)
        also = moved_points(shut, "mouth", ways, ways.donors[0], 1.0)
        np.testing.assert_allclose(own, also, atol=1e-6)


def test_a_copy(data, recipe):
    changed = []
    for i in range(8):
        before = face(data, i)
        after = recipe.apply(before, np.random.default_rng(i))
        again = recipe.apply(before, np.random.default_rng(i))
        outline = recipe.outline(before, np.random.default_rng(i))
        np.testing.assert_array_equal(after.image, again.image)
        np.testing.assert_array_equal(outline.image, before.image)
        for name in ("shape", "box", "visible"):
            np.testing.assert_array_equal(getattr(after, name), getattr(outline, name))
        # Corners of the eyes and the nose hold the face; the head does not turn.
        held = [27, 28, 29, 30, 33, 36, 39, 42, 45]
        np.testing.assert_allclose(after.shape[held], before.shape[held], atol=0.01)
        assert np.abs(pose(after.shape) - pose(before.shape))[0] < 4
        assert np.array_equal(before.image, data.images[i])
        changed.append(np.abs(after.shape - before.shape).max() / before.side)
    assert np.median(changed) > 0.02 and max(changed) < 0.5


def test_an_opened_mouth_is_dark(data, recipe):
    gaps = np.array([gap(surface_of(shape).points) for shape in data.shapes])
    i = int(np.abs(gaps).argmin())
    before = face(data, i)
    surface = surface_of(before.shape)
    ways = recipe._ways["mouth"]
    wide = max((moved_points(surface.points, "mouth", ways, goal, 1.0) for goal in ways.donors),
               key=gap)  # fmt: skip
    after = redraw_expression(before, surface, wide)
    x, y = np.rint(after.shape[[62, 66]].mean(0)).astype(int)
    lip = np.rint(after.shape[[48, 51, 54, 57]]).astype(int)
    lips = after.image[lip[:, 1], lip[:, 0]].mean()
    assert gap(wide) > 0.1 and after.image[y, x] < 0.5 * lips
    # A mouth that stays as it is stays as it looks.
    same = redraw_expression(before, surface, surface.points)
    assert np.abs(same.image.astype(int) - before.image).max() <= 1


def test_what_is_refused(data):
    with pytest.raises(InputError, match="call prepare"):
        Expression().apply(face(data, 0), np.random.default_rng(0))
    with pytest.raises(InputError, match="at least 8 faces"):
        Expression().prepare(synthetic_faces(3, size=64), np.random.default_rng(0))
    inner = FaceDataset.from_arrays(data.images, data.shapes[:, 17:], data.boxes, "inner51")
    with pytest.raises(InputError, match="those of inner51"):
        Expression().prepare(inner, np.random.default_rng(0))
    for wrong in ({"mouth": 2}, {"strength": (0.5, 3)}, {"strength": (1, 0.5)}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Expression(**wrong).check()
