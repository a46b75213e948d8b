"""Where annotators put the jaw of heads that turn: symmetric, and nearer to real faces."""

import numpy as np
import pytest

from data_tools.augment.jaw import KNOWN, JawPlaces
from data_tools.augment.jaw_fitting import measured_jaw
from data_tools.augment.mesh import BETWEEN, Surface
from data_tools.heads import head_shape, rotation
from data_tools.readers import read_folder
from data_tools.schemes import FACE68

N = 16 * BETWEEN + 1


def arc(width=1.0):
    angle = np.linspace(np.pi, 0, N)
    return np.column_stack([width * np.cos(angle), np.sin(angle)])


def test_a_head_that_looks_ahead_keeps_the_points_of_the_outline():
    np.testing.assert_allclose(KNOWN.on(arc(), BETWEEN, 0.0, 1.0), arc()[::BETWEEN], atol=1e-12)


@pytest.mark.parametrize("yaw", [5.0, 30.0, 44.0, 70.0])
def test_the_mirror_image_turns_to_the_other_side(yaw):
    outline = arc(0.7)
    mirrored = (outline * [-1, 1])[::-1]
    there = (KNOWN.on(mirrored, BETWEEN, -yaw, 1.0) * [-1, 1])[::-1]
    np.testing.assert_allclose(there, KNOWN.on(outline, BETWEEN, yaw, 1.0), atol=1e-12)


def test_lengths_scale_and_what_was_not_measured_stays():
    small, large = (KNOWN.on(k * arc(), BETWEEN, 40.0, k) for k in (1.0, 50.0))
    np.testing.assert_allclose(large, 50 * small, atol=1e-9)
    np.testing.assert_array_equal(*(KNOWN.on(arc(), BETWEEN, yaw, 1.0) for yaw in (50.0, 75.0)))


def test_the_far_side_stays_high_and_the_near_side_goes_back():
    head = head_shape(FACE68)
    surface = Surface(100 * head.points[:, :2] + 200)
    places = surface.outline(head.points, rotation(40, 0, 0))
    outline, jaw = places[::BETWEEN], KNOWN.on(places, BETWEEN, 40, surface.scale)
    assert (jaw[2:6, 1] < outline[2:6, 1] - 0.05 * surface.scale).all()
    assert (jaw[12:16, 0] > outline[12:16, 0] + 0.01 * surface.scale).all()


def test_drawn_heads_show_their_outline_to_the_fit():
    """Landmarks that lie on the outline measure to nearly nothing, those of annotators to KNOWN."""
    head = head_shape(FACE68)
    nothing = JawPlaces(np.zeros((2, 17)), np.zeros((2, 17)))
    for jaw in (nothing, KNOWN):
        shapes = []
        for yaw in np.linspace(-44, 44, 60):
            surface = Surface(100 * head.points[:, :2] + 200, jaw=jaw)
            shapes.append(surface.landmarks(rotation(yaw, 0, 0)))
        found = measured_jaw(shapes, head)
        for s in (0.2, 0.6):
            for here, there, limit in zip(found, jaw, (0.25, 0.03), strict=True):
                wrong = (here - there).T @ [s, s * s]
                assert np.abs(wrong[2:15]).max() < limit


def test_real_jaws_lie_nearer_to_it_than_to_the_outline(real_data):
    """Mean shift of each landmark over real faces that turn by more than 24 degrees."""
    faces = read_folder(real_data / "300w/helen/trainset", boxes="tight")
    head, shapes = head_shape(FACE68), faces.shapes.astype(float)
    yaw = head.pose(shapes)[:, 0]
    shapes, yaw = shapes[abs(yaw) > 24], yaw[abs(yaw) > 24]
    shapes[yaw < 0] = FACE68.mirrored(shapes[yaw < 0])
    assert len(shapes) > 30
    shifts = []
    for shape in shapes:
        surface = Surface(shape, head)
        outline = surface.outline(head.points, surface.rotation)[::BETWEEN]
        jaw = surface.jaw(head.points, surface.rotation)
        shifts.append([(shape[:17] - each) / surface.scale for each in (jaw, outline)])
    jaw, outline = np.linalg.norm(np.mean(shifts, 0), axis=-1)[:, 1:16]
    assert jaw.max() < 0.05 and jaw.mean() < 0.025
    assert outline.max() > 0.1 and outline.mean() > 0.05
