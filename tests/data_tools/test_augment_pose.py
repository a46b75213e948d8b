"""Turned heads, against drawn heads that are turned the same way, and real faces."""

import copy

import numpy as np
import pytest

from data_tools.augment._mesh_kernels import draw, hidden
from data_tools.augment.face import Face
from data_tools.augment.mesh import Surface, layout
from data_tools.augment.pose import PoseTurn, surface_of, turned
from data_tools.dataset import FaceDataset
from data_tools.heads import angles, head_shape, pose, rotation
from data_tools.readers import read_folder
from data_tools.schemes.maps import convert
from data_tools.synthetic import synthetic_faces
from data_tools.synthetic.head import Head
from data_tools.synthetic.head import rotation as drawn_rotation
from features.errors import InputError


@pytest.fixture(scope="module")
def faces():
    drawn = synthetic_faces(12, seed=5, size=220)
    return [Face(*each, None) for each in zip(drawn.images, drawn.shapes, drawn.boxes, strict=True)]


def test_a_head_in_its_own_pose_stays_as_it_is(faces):
    for face in faces:
        surface = surface_of(face.shape)
        yaw, pitch, _ = angles(surface.rotation)
        same = turned(face, yaw, pitch)
        assert np.abs(same.image.astype(int) - face.image).max() <= 1
        np.testing.assert_allclose(same.shape, face.shape, atol=1e-3)
        np.testing.assert_allclose(same.box, face.box, atol=1e-2)


def off(head, surface):
    """Errors of turned landmarks by yaw: inner points and jaw, as shares of the face's size."""
    found = {}
    for yaw in (-75, -60, -40, 20, 40, 60, 75):
        head.rotation = drawn_rotation(np.radians(-yaw), 0, 0)
        truth = 100 * head.landmarks()[:, :2]
        error = surface.landmarks(rotation(yaw, 0, 0) @ surface.rotation) - truth
        error -= error[17:].mean(0)  # another pivot is a shift
        distance = np.linalg.norm(error, axis=1) / np.linalg.norm(np.ptp(truth, axis=0))
        found.setdefault(abs(yaw), []).append((distance[17:].mean(), distance[:17].mean()))
    return {yaw: np.mean(each, 0) for yaw, each in found.items()}


def test_turned_landmarks_are_those_of_the_turned_drawn_head():
    data = synthetic_faces(150, seed=1, size=64)
    recipe = PoseTurn().prepare(data, np.random.default_rng(0))
    rng = np.random.default_rng(3)
    known, own = [], []
    for _ in range(30):
        head = Head(rng)
        head.rotation = np.eye(3)
        shape = 100 * head.landmarks()[:, :2] + 200
        known.append(off(head, surface_of(shape)))
        own.append(off(head, surface_of(shape, recipe._head, jaw=recipe._jaw)))
    for found, limits in ((known, (0.02, 0.03, 0.045, 0.05)), (own, (0.01, 0.012, 0.015, 0.02))):
        for yaw, limit in zip((20, 40, 60, 75), limits, strict=True):
            inner, jaw = np.median([each[yaw] for each in found], 0)
            assert inner < limit and jaw < 1.7 * limit


def test_a_head_is_measured_only_where_faces_turn(faces):
    few = synthetic_faces(40, seed=1, size=64)
    rng = np.random.default_rng(0)
    assert PoseTurn().prepare(few, rng)._head is None
    many = synthetic_faces(120, seed=1, size=64)
    assert PoseTurn(measured=False).prepare(many, rng)._head is None
    assert PoseTurn().prepare(many, rng)._head is not None
    many.shapes[:30, 4] = np.nan
    assert PoseTurn().prepare(many, rng)._head is None


def test_the_pose_of_a_copy_is_the_one_it_was_turned_to(faces):
    found, asked = [], []
    for face in faces:
        for yaw, pitch in ((-60, 0), (-35, 10), (0, -20), (35, 0), (60, 10)):
            found.append(pose(turned(face, yaw, pitch).shape)[:2])
            asked.append((yaw, pitch))
    wrong = np.abs(np.subtract(found, asked))
    assert (np.median(wrong, 0) < 4).all() and wrong.max() < 20


def test_the_box_lies_to_the_landmarks_as_before(faces):
    for face in faces:
        copied = turned(face, 50, 5, roll=20)

        def relation(each):
            low, high = each.shape.min(0), each.shape.max(0)
            extent = (high - low).mean()
            box = each.box.reshape(2, 2)
            return np.concatenate([(box.mean(0) - (low + high) / 2) / extent,
                                   (box[1] - box[0]) / extent])  # fmt: skip

        np.testing.assert_allclose(relation(copied), relation(face), atol=1e-4)


def test_what_is_hidden_is_marked(faces):
    face = faces[0]
    yaw = angles(surface_of(face.shape).rotation)[0]
    right_eye, left_eye = np.arange(36, 42), np.arange(42, 48)
    left = turned(face, 70, 0)  # to the left of the image: the person's right side goes
    assert not left.visible[right_eye].any() and left.visible[left_eye].all()
    right = turned(face, -70, 0)
    assert right.visible[right_eye].all() and not right.visible[left_eye].any()
    assert left.visible[:17].all() and turned(face, yaw, 0).visible[17:48].all()
    covered = face._replace(visible=np.arange(68) != 44)
    assert not turned(covered, 70, 0).visible[44]


def test_a_recipe_depends_on_the_generator_alone(faces):
    face = faces[1]
    kept = copy.deepcopy(face)
    recipe = PoseTurn(max_yaw=70)
    first, again, other = (recipe.apply(face, np.random.default_rng(s)) for s in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.shape, other.shape)
    # Shape, box and visibility need no pixels.
    empty = recipe.apply(face._replace(image=np.zeros((0, 0), np.uint8)), np.random.default_rng(1))
    np.testing.assert_array_equal(empty.shape, first.shape)
    np.testing.assert_array_equal(empty.box, first.box)
    np.testing.assert_array_equal(empty.visible, first.visible)
    np.testing.assert_array_equal(face.image, kept.image)
    np.testing.assert_array_equal(face.shape, kept.shape)


def test_poses_become_uniform(faces):
    rng = np.random.default_rng(0)
    recipe = PoseTurn(max_yaw=60, max_turn=90)
    yaw = []
    for face in faces:
        yaw += [pose(recipe.outline(face, rng).shape)[0] for _ in range(40)]
    counts, _ = np.histogram(np.abs(yaw), np.linspace(0, 60, 5))
    assert counts.min() > 0.6 * counts.mean()
    small = PoseTurn(max_yaw=60, max_turn=10)
    before = pose(np.array([face.shape for face in faces]))[:, 0]
    after = pose(np.array([small.apply(face, rng).shape for face in faces]))[:, 0]
    assert np.abs(after - before).max() < 13


def test_no_hole_and_no_step_at_the_ring(faces):
    for face in faces[:4]:
        surface = surface_of(face.shape)
        for yaw, pitch in ((-75, 0), (-45, 20), (30, -25), (75, 0)):
            copied = turned(face, yaw, pitch)
            far = np.linalg.norm(np.indices(face.image.shape)[::-1].T - surface.centre, axis=-1).T
            outside = far > 2.1 * surface.radius
            np.testing.assert_array_equal(copied.image[outside], face.image[outside])
            # The head and what is around it cover the whole disk.
            before = surface.place(surface.rotation)
            after = surface.place(rotation(yaw, pitch, 0))
            places = np.float32(surface.loops(before, after)[1])
            drawn = np.zeros_like(face.image)
            nearest = np.full(drawn.shape, -np.inf, np.float32)
            shared = layout()
            white = np.full_like(face.image, 255)
            n = len(shared.loop)
            for triangles, at, back in (
                (shared.background, places, True),
                (shared.triangles, np.vstack([after[:-n, :2], places[:n]]), False),
            ):
                at = np.float32(at)
                zero = np.zeros(len(at), np.float32)
                draw(drawn, nearest, white, triangles, at, zero, at, at, zero, np.float32(1),
                     not back)  # fmt: skip
            assert (drawn[far < 1.9 * surface.radius] == 255).mean() > 0.9995


def plain_draw(pixels, nearest, image, triangles, places, depth, source, other, share, gain, cull):
    """`draw` in plain NumPy, a triangle at a time over all pixels."""
    rows, columns = np.indices(pixels.shape)

    def at(points):
        x = np.clip(points[..., 0], 0, image.shape[1] - 1)
        y = np.clip(points[..., 1], 0, image.shape[0] - 1)
        i, j = np.floor(y).astype(int), np.floor(x).astype(int)
        i1, j1 = np.minimum(i + 1, image.shape[0] - 1), np.minimum(j + 1, image.shape[1] - 1)
        dy, dx = y - i, x - j
        return ((1 - dy) * ((1 - dx) * image[i, j] + dx * image[i, j1])
                + dy * ((1 - dx) * image[i1, j] + dx * image[i1, j1]))  # fmt: skip

    for corners in triangles:
        matrix = np.vstack([places[corners].T.astype(float), np.ones(3)])
        area = np.linalg.det(matrix)
        if abs(area) < 1e-5 or (cull and area < 0):
            continue
        weights = np.linalg.inv(matrix) @ [columns.ravel(), rows.ravel(), np.ones(rows.size)]
        weights = weights.T.reshape(*rows.shape, 3)
        z = weights @ depth[corners]
        inside = (weights >= -1e-4).all(-1) & (z >= nearest)
        grey = at(weights @ source[corners])
        grey += weights @ share[corners] * (gain * at(weights @ other[corners]) - grey)
        pixels[inside] = np.floor(np.clip(grey[inside], 0, 255) + 0.5)
        nearest[inside] = z[inside]


def test_the_kernel_draws_as_plain_numpy():
    rng = np.random.default_rng(7)
    image = rng.integers(0, 256, (40, 50), np.uint8)
    triangles = rng.integers(0, 30, (25, 3)).astype(np.int32)
    places, source, other = (np.float32(rng.uniform(-5, 55, (30, 2))) for _ in range(3))
    depth, share = np.float32(rng.normal(size=30)), np.float32(rng.uniform(size=30))
    for cull in (True, False):
        drawn = [np.zeros((45, 50), np.uint8) for _ in range(2)]
        nearest = [np.full((45, 50), -np.inf, np.float32) for _ in range(2)]
        for function, pixels, z in zip((draw, plain_draw), drawn, nearest, strict=True):
            function(pixels, z, image, triangles, places, depth, source, other, share,
                     np.float32(0.8), cull)  # fmt: skip
        # Rounding may decide otherwise on an edge.
        apart = np.abs(drawn[0].astype(int) - drawn[1]) > 1
        assert (drawn[0] > 0).mean() > 0.3 and apart.mean() < 0.005


def test_hidden_points():
    places = np.float32([[0, 0], [10, 0], [0, 10]])
    depth = np.float32([1, 1, 1])
    points = np.float32([[2, 2, 0], [2, 2, 2], [9, 9, 0]])
    facing = np.int32([[0, 1, 2]])
    assert hidden(points, facing, places, depth).tolist() == [True, False, False]
    assert not hidden(points, facing[:, ::-1].copy(), places, depth).any()


def test_missing_landmarks_and_what_is_refused(faces):
    face = faces[2]
    shape = face.shape.copy()
    shape[[3, 40]] = np.nan
    copied = turned(face._replace(shape=shape), 40, 0)
    assert np.isnan(copied.shape[[3, 40]]).all() and np.isfinite(copied.shape).sum() == 132
    whole = turned(face, 40, 0).shape
    assert np.nanmax(np.abs(copied.shape - whole)) < 8
    lost = face._replace(shape=np.full((68, 2), np.nan, np.float32))
    assert PoseTurn().apply(lost, np.random.default_rng(0)) is lost
    with pytest.raises(InputError, match="51 landmarks and not the 68 of face68; prepare"):
        PoseTurn().apply(face._replace(shape=shape[:51]), np.random.default_rng(0))
    for wrong in ({"max_yaw": 95}, {"max_turn": -1}, {"p": 2}, {"max_pitch": "a"}, {"measured": 1}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            PoseTurn(**wrong).check()


def test_real_faces(real_data):
    folder = real_data / "300w/afw"
    if not folder.is_dir():
        pytest.skip(f"no photographs at {folder}")
    data = read_folder(folder)
    for i in range(0, len(data), 60):
        face = Face(data.image(i), data.shapes[i], data.boxes[i], None)
        surface = Surface(np.float64(face.shape))
        yaw, pitch, _ = angles(surface.rotation)
        same = turned(face, yaw, pitch)
        assert np.abs(same.image.astype(int) - face.image).max() <= 1
        np.testing.assert_allclose(same.shape, face.shape, atol=0.01)
        copied = turned(face, np.sign(yaw) * -40, pitch)
        assert abs(pose(copied.shape)[0] + np.sign(yaw) * 40) < 12
        assert (copied.image != face.image).mean() > 0.05


def test_the_mesh_is_symmetric_and_covers_every_vertex():
    shared = layout()
    surface = Surface(100 * head_shape("face68").points[:, :2])
    used = np.unique(shared.triangles)
    assert set(range(17, len(surface.vertices))) == set(used)
    np.testing.assert_array_equal(shared.flip[shared.flip][used], used)
    mirrored = surface.vertices[shared.flip] * [-1, 1, 1]
    np.testing.assert_allclose(mirrored[used], surface.vertices[used], atol=0.01)
    # Nothing turns its back in a face that looks at the viewer.
    a, b, c = surface.vertices[shared.triangles][..., :2].transpose(1, 0, 2)
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    assert (ux * vy - uy * vx > -1e-6).all()


@pytest.mark.parametrize("name, limit", [("inner51", 0.03), ("centres5", 0.06), ("face5", 0.06)])
def test_landmarks_of_other_schemes_move_with_the_skin(faces, name, limit):
    shapes = [convert(face.shape, "face68", name) for face in faces]
    data = FaceDataset.from_arrays(
        [face.image for face in faces], shapes, [face.box for face in faces], scheme=name
    )
    recipe = PoseTurn(max_roll=0).prepare(data, np.random.default_rng(0))
    wrong = []
    for face, shape in zip(faces, data.shapes, strict=True):
        surface = surface_of(shape, scheme=data.scheme)
        other = face._replace(shape=shape)
        yaw, pitch, _ = angles(surface.rotation)
        same = turned(other, yaw, pitch, surface=surface)
        np.testing.assert_allclose(same.shape, shape, atol=1e-3)
        assert np.abs(same.image.astype(int) - face.image).max() <= 1
        # As the 68 points of the same face move under the same turn.
        whole = surface_of(face.shape)
        for turn in (-40, 20, 40):
            made = surface.landmarks(rotation(turn, 0, 0) @ surface.rotation)
            truth = whole.landmarks(rotation(turn, 0, 0) @ whole.rotation)
            error = made - convert(truth, "face68", name)
            error -= error.mean(0)
            wrong.append(np.linalg.norm(error, axis=1).mean() / face.side)
        copied = recipe.apply(other, np.random.default_rng(1))
        assert copied.shape.shape == shape.shape and np.isfinite(copied.shape).all()
        assert len(copied.visible) == len(shape)
    assert np.median(wrong) < limit


def test_a_scheme_whose_head_nobody_knows(faces):
    data = FaceDataset.from_arrays(
        [face.image for face in faces], [face.shape[:7] for face in faces],
        [face.box for face in faces],
    )  # fmt: skip
    with pytest.raises(InputError, match="no head model"):
        PoseTurn().prepare(data, np.random.default_rng(0))


def test_real_faces_of_another_scheme(real_data):
    folder = real_data / "imm"
    if not folder.is_dir():
        pytest.skip(f"no IMM at {folder}")
    data = read_folder(folder, boxes="tight")
    recipe = PoseTurn(max_yaw=45).prepare(data, np.random.default_rng(0))
    for i in range(0, len(data), 50):
        face = Face(data.image(i), data.shapes[i], data.boxes[i], None)
        surface = surface_of(face.shape, scheme=data.scheme)
        yaw, pitch, _ = angles(surface.rotation)
        same = turned(face, yaw, pitch, surface=surface)
        np.testing.assert_allclose(same.shape, face.shape, atol=0.01)
        copied = turned(face, yaw + 25, pitch, surface=surface)
        assert abs(pose(copied.shape, "imm58")[0] - yaw - 25) < 8
        assert recipe.apply(face, np.random.default_rng(i)).shape.shape == (58, 2)
