"""Heads and poses, against drawn heads of known angles and against other people's angles."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from data_tools.heads import ANGLES, HeadShape, angles, head_shape, pose, rotation
from data_tools.readers import read_folder, read_source
from data_tools.schemes import FACE68, SCHEMES, Scheme
from data_tools.schemes.maps import convert
from data_tools.synthetic.head import Head
from data_tools.synthetic.head import rotation as drawn_rotation
from features.errors import InputError


def drawn(n, seed=0, yaw=75):
    """Landmarks (n, 68, 2) of random drawn heads, their outline as it is seen, and rotations."""
    rng = np.random.default_rng(seed)
    shapes, rotations = [], []
    for _ in range(n):
        head = Head(rng)
        head.rotation = drawn_rotation(*np.radians(rng.uniform(-1, 1, 3) * [yaw, 25, 25]))
        shapes.append(100 * head.landmarks()[:, :2] + rng.uniform(-500, 500, 2))
        rotations.append(head.rotation)
    return np.array(shapes), np.array(rotations)


@pytest.fixture(scope="module")
def heads():
    return drawn(400)


def apart(rotations, others):
    """The angle of the turn from one rotation to another, in degrees."""
    return np.degrees((Rotation.from_matrix(rotations).inv() * Rotation.from_matrix(others))
                      .magnitude())  # fmt: skip


def test_angles_are_those_of_300w_lp():
    # The rotation of the data sets' own code, in axes with y up: pitch, then yaw, then roll.
    given = np.random.default_rng(0).uniform(-80, 80, (50, 3))
    up = np.diag([1, -1, 1])
    theirs = Rotation.from_euler("XYZ", given[:, [1, 0, 2]] * [-1, -1, -1], degrees=True)
    np.testing.assert_allclose(rotation(*given.T), up @ theirs.as_matrix() @ up, atol=1e-12)
    np.testing.assert_allclose(angles(rotation(*given.T)), given, atol=1e-9)


def test_signs(heads):
    points = head_shape("face68").points
    nose, chin, right_eye, left_eye = 30, 8, 36, 45
    for name, sign in (("yaw", -1), ("pitch", -1)):
        turned = points @ rotation(**{**dict.fromkeys(ANGLES, 0), name: 20}).T
        axis = ("yaw", "pitch").index(name)
        assert sign * (turned - points)[nose, axis] > 0.05  # to the left; up
    turned = points @ rotation(0, 0, 20).T
    assert turned[left_eye, 1] > turned[right_eye, 1] and turned[chin, 0] < 0
    # A drawn head says itself where it looks: its third column is the way the nose points.
    shapes, rotations = heads
    found = pose(shapes)
    looks = rotations[:, :, 2]
    sure = np.abs(looks[:, 0]) > 0.2
    assert (np.sign(found[sure, 0]) == -np.sign(looks[sure, 0])).all()


def test_the_place_is_the_one_of_least_squares(heads):
    shapes, _ = heads
    head = head_shape("inner51")  # no outline, so that weights do not change with the pose
    shapes = shapes[:40, 17:]
    rotations, scales, shifts = found = head.place(shapes)
    rows = found.project(head.points)[..., :2]
    for shape, turned, scale, shift, row in zip(
        shapes, rotations, scales, shifts, rows, strict=True
    ):

        def residual(unknown, shape=shape):
            turned = Rotation.from_rotvec(unknown[:3]).as_matrix()
            made = np.exp(unknown[3]) * (head.points @ turned.T)[:, :2] + unknown[4:]
            return (np.sqrt(head.weights)[:, None] * (made - shape)).ravel()

        start = [*Rotation.from_matrix(turned).as_rotvec(), np.log(scale), *shift]
        best = least_squares(residual, start, x_scale=[1, 1, 1, 1, 100, 100])
        error = np.sqrt(head.weights)[:, None] * (row - shape)
        assert (error**2).sum() < 2.001 * best.cost
        assert apart(turned, Rotation.from_rotvec(best.x[:3]).as_matrix()) < 0.3


def test_drawn_heads(heads):
    shapes, rotations = heads
    truth, found = angles(rotations), pose(shapes)
    turned = np.abs(truth[:, 0])
    for low, high in ((0, 20), (20, 40), (40, 60), (60, 75)):
        band = (low <= turned) & (turned < high)
        assert band.sum() > 30
        wrong = np.median(np.abs(found - truth)[band], 0)
        # Near a profile, pitch and roll turn about the same axis, and only the turn is sure.
        assert wrong[0] < 3 and (high > 60 or wrong.max() < 5)
        assert np.median(apart(rotation(*found[band].T), rotations[band])) < 5
        # Nothing compressed: turned as far as they are, and to both sides alike.
        side = np.sign(truth[band, 0])
        assert abs(np.median((found - truth)[band, 0] * side)) < 1.5


def test_angles_of_the_data_sets(real_data):
    formats = real_data / "formats"
    if not formats.is_dir():
        pytest.skip(f"no samples of formats at {formats}")
    wrong = []
    for folder in ("aflw2000-3d", "300w-lp"):
        faces = read_source(formats / folder, boxes="tight")
        truth = np.stack([faces.attributes[name] for name in ANGLES], -1)
        for shapes, given in ((faces.shapes, truth), (mirror(faces.shapes), truth * [-1, 1, -1])):
            wrong.append(pose(shapes) - given)
    wrong = np.abs(np.concatenate(wrong))
    assert len(wrong) == 6 and np.median(wrong, 0).max() < 4 and wrong.max() < 6


def mirror(shapes):
    return shapes[:, FACE68.flip] * [-1, 1]


def test_people_who_turned_by_about_30_degrees(real_data):
    folder = real_data / "imm"
    if not folder.is_dir():
        pytest.skip(f"no IMM at {folder}")
    faces = read_folder(folder, boxes="tight")
    # The number after the dash: 1 and 2 frontal, 3 and 4 turned to either side.
    kind = np.array([file.rsplit("-", 1)[1][0] for file in faces.files])
    own = HeadShape.fit(faces.shapes, "imm58")
    for found in (pose(faces.shapes, "imm58"), own.pose(faces.shapes)):
        yaw = [np.median(found[kind == each, 0]) for each in "1234"]
        np.testing.assert_allclose(yaw, [0, 0, 26, -26], atol=5)
        assert np.abs(np.median(found[kind == "1"], 0)).max() < 5


def test_a_head_measured_from_faces(heads):
    shapes, rotations = drawn(300, seed=1, yaw=40)
    own = HeadShape.fit(shapes, "face68")
    # Depth comes from the faces alone; where pitch is 0, from the head that is known.
    depth, known = (head.points[17:, 2] for head in (own, head_shape("face68")))
    slope = np.polyfit(known, depth, 1)[0]
    assert 0.85 < slope < 1.15 and np.corrcoef(known, depth)[0, 1] > 0.9
    shapes, rotations = heads
    found = own.pose(shapes)
    assert np.median(np.abs(found - angles(rotations))[:, 0]) < 3
    np.testing.assert_allclose(own.points[list(FACE68.flip)] * [-1, 1, 1], own.points, atol=1e-9)


def test_a_scheme_nobody_knows():
    shapes, rotations = drawn(300, seed=2, yaw=50)
    chosen = [8, 30, 36, 39, 42, 45, 48, 54, 27]
    flip = [chosen.index(FACE68.flip[i]) for i in chosen]
    scheme = Scheme("mine", len(chosen), flip=flip, eye_corners=(2, 5))
    with pytest.raises(InputError, match=r"no head model.*HeadShape\.fit"):
        pose(shapes[:, chosen], scheme)
    shapes = shapes[:, chosen]
    shapes[::7, 3] = np.nan  # missing in some
    found = HeadShape.fit(shapes, scheme).pose(shapes)
    truth = angles(rotations)
    # Without a head to compare with, pitch 0 is the middle of the faces.
    truth[:, 1] -= np.median(truth[:, 1])
    assert (np.median(np.abs(found - truth), 0) < 5).all()


@pytest.mark.parametrize("name, limit", [("inner51", 5), ("centres5", 8), ("face5", 9)])
def test_schemes_within_68(heads, name, limit):
    shapes, rotations = heads
    found = pose(convert(shapes, "face68", name), name)
    assert np.median(apart(rotation(*found.T), rotations)) < limit


@pytest.mark.parametrize("name", ["wflw98", "lapa106", "helen194", "cofw29", "aflw19", "aflw21",
                                  "bioid20", "imm58"])  # fmt: skip
def test_heads_of_other_schemes_are_symmetric(name):
    head, flip = head_shape(name), list(SCHEMES[name].flip)
    known = np.isfinite(head.points).all(1)
    mirrored = head.points[flip] * [-1, 1, 1]
    both = known & known[flip]
    assert both.sum() > 8
    np.testing.assert_allclose(mirrored[both], head.points[both], atol=1e-3)
    # Its own landmarks have its own pose, wherever they are known.
    turned = head.points @ rotation(30, 10, -20).T
    np.testing.assert_allclose(head.pose(turned[:, :2]), [30, 10, -20], atol=1e-3)


def test_real_faces_of_other_schemes(real_data):
    folder = real_data / "formats/coco"
    if not folder.is_dir():
        pytest.skip(f"no samples at {folder}")
    for name in ("wflw", "lapa", "cofw", "aflw"):
        faces = read_source(next((folder / name).glob("*.json")))
        found = pose(faces.shapes, faces.scheme)
        assert np.isfinite(found).all() and (np.abs(found) < 90).all()


def test_missing_landmarks_and_nothing_at_all(heads):
    shapes, _ = heads
    whole = pose(shapes)
    gap = shapes.copy()
    gap[:, 5] = np.nan
    gap[:, 60:] = np.nan
    assert np.median(np.abs(pose(gap) - whole), 0).max() < 2
    gap[0] = np.nan
    gap[1, 3:] = np.nan  # three left
    gap[2] = 7.0  # all in one place
    gap[3] = np.inf
    found = pose(gap)
    assert np.isnan(found[:4]).all() and np.isfinite(found[4:]).all()
    # One face is as a face among many, and neither place nor size matter.
    np.testing.assert_allclose(pose(shapes[5]), whole[5], atol=1e-6)
    np.testing.assert_allclose(pose(shapes[5] * 7 - 3000), whole[5], atol=1e-6)
    assert pose(shapes[:0]).shape == (0, 3)


def test_what_is_refused():
    with pytest.raises(InputError, match=r"takes shapes \(n, 68, 2\), not \(1, 51, 2\)"):
        pose(np.zeros((51, 2)))
    shapes, _ = drawn(30, yaw=40)
    lost = np.where(np.isin(np.arange(68), [3, 13])[:, None], np.nan, shapes)
    frontal = np.repeat(head_shape("face68").points[None, :, :2], 30, 0)
    for given, scheme, message in (
        (shapes[:5], "face68", "at least 20 faces, not 5"),
        (shapes[:, :51], "face68", r"must be \(n, 68, 2\)"),
        (shapes[:, :39], "menpo39", "flip index"),
        (lost, "face68", "missing in all"),
        (frontal, "face68", "hardly turn"),
    ):
        with pytest.raises(InputError, match=message):
            HeadShape.fit(given, scheme)
