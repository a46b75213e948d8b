import inspect

import cv2
import numpy as np
import pytest

from data_tools import synthetic
from data_tools.synthetic import render_face, synthetic_faces
from data_tools.synthetic.camera import detect
from data_tools.synthetic.drawing import draw_mesh
from data_tools.synthetic.head import Head, rotation
from features.errors import InputError

LEFT_TO_RIGHT = np.r_[
    16:-1:-1, 26:16:-1, 27:31, 35:30:-1, 45:41:-1, 47, 46, 39:35:-1, 41, 40, 54:47:-1, 59:54:-1,
    64:59:-1, 67:64:-1,
]  # fmt: skip


def face(i, **options):
    return render_face(np.random.default_rng(i), 128, **options)


@pytest.fixture(scope="module")
def faces():
    """Images, shapes, visible flags and boxes of 80 faces."""
    return [np.stack(part) for part in zip(*map(face, range(80)), strict=True)]


def upright(shapes, boxes):
    """Shapes in the frame of their boxes."""
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    return (shapes - centre) / np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], 1))[:, None, None]


def test_types_shapes_and_ranges(faces):
    images, shapes, visible, boxes = faces
    assert images.shape == (80, 128, 128) and images.dtype == np.uint8
    assert shapes.shape == (80, 68, 2) and shapes.dtype == np.float32
    assert visible.shape == (80, 68) and visible.dtype == bool and visible.all()
    assert boxes.shape == (80, 4) and boxes.dtype == np.float32
    assert np.isfinite(shapes).all() and shapes.min() >= 0 and shapes.max() <= 127
    assert (images.std(axis=(1, 2)) > 5).all()


def test_same_generator_same_face():
    for first, second in zip(face(3), face(3), strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(face(3)[1], face(4)[1])


@pytest.mark.parametrize("size", [32, 101, 300])
def test_landmarks_scale_with_the_image(size):
    image, shape, _, box = render_face(np.random.default_rng(1), size)
    assert image.shape == (size, size)
    assert shape.min() >= 0 and shape.max() <= size - 1
    big, boxed = face(1)[1::2]
    if size > 64:  # below, the margin of the smallest images counts
        np.testing.assert_allclose(
            upright(shape[None], box[None]), upright(big[None], boxed[None]), atol=1e-3
        )


@pytest.mark.parametrize("scale", [(0.2, 0.2), (0.5, 0.55)])
def test_scale_is_the_share_of_the_face(scale):
    for i in range(8):
        _, shape, _, _ = face(i, scale=scale)
        assert shape.min() >= 0 and shape.max() <= 127
        side = synthetic.BOX_TO_EXTENT * np.ptp(shape, axis=0).mean() / 128
        assert side == pytest.approx(np.clip(side, *scale), abs=1e-4)


def test_order_of_the_landmarks(faces):
    """Each part lies where 300-W numbers it, on every face turned upright."""
    for shape in faces[1]:
        across = shape[42:48].mean(0) - shape[36:42].mean(0)
        assert across[0] > 0
        across /= np.hypot(*across)
        x, y = shape @ across, shape @ [-across[1], across[0]]
        # brows, from left to right; the far end may just begin to vanish round the temple
        assert (np.diff(x[17:27]) > -1).all() and x[17] < x[21] < x[22] < x[26]
        assert (np.diff(y[27:31]) > 0).all()  # bridge, down
        assert (np.diff(x[31:36]) > 0).all()  # nostrils
        assert x[36] < x[39] < x[42] < x[45]  # corners of the eyes
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            assert y[upper] <= y[lower]
        assert x[48] < x[51] < x[54] and x[60] < x[62] < x[64]
        for column in ((51, 62, 66, 57), (50, 61, 67, 58), (52, 63, 65, 56)):
            assert (np.diff(y[list(column)]) >= -0.02).all()
        assert y[[19, 24]].max() < y[36:48].mean() < y[33] < y[51] < y[57] < y[8]
        assert (np.diff(y[:7]) > 0).all() and (np.diff(y[10:17]) < 0).all()  # jaw
        assert (np.diff(x[4:13]) > 0).all()


def test_nose_and_mouth_lie_within_the_jaw(faces):
    for shape in faces[1]:
        hull, lower = cv2.convexHull(shape[:17]), [*range(30, 36), *range(48, 68)]
        inside = [cv2.pointPolygonTest(hull, tuple(map(float, p)), True) for p in shape[lower]]
        assert min(inside) > 0


def test_mirrored_faces_are_as_likely(faces):
    shapes = upright(faces[1], faces[3])
    mirrored = shapes[:, LEFT_TO_RIGHT] * [-1, 1]
    error = np.hypot(shapes.std(0), mirrored.std(0)) / np.sqrt(len(shapes))
    assert (np.abs(shapes.mean(0) - mirrored.mean(0)) < 4.5 * error).all()
    np.testing.assert_allclose(shapes.std(0), mirrored.std(0), rtol=0.5)


def at(field, points):
    """Values of an image at the pixels nearest to `points`."""
    x, y = np.rint(points).astype(int).T
    return field[y, x]


def test_landmarks_sit_on_structure(faces):
    """Landmarks lie on dark lines and edges; eyes and mouth are darker than the cheeks."""
    images, shapes = faces[:2]
    edges, inside, dark = [], [], 0
    for image, shape in zip(images, shapes, strict=True):
        smooth = cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.float32)
        slope = np.hypot(cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1))
        edges.append(at(slope, shape[[*range(36, 68)]]).mean())
        cheeks = np.stack([shape[[4, 31]].mean(0), shape[[12, 35]].mean(0)])
        inside.append(at(slope, cheeks).mean())
        dark += at(smooth, shape[60:61]).mean() < at(smooth, cheeks).mean()
    assert np.mean(edges) > 2 * np.mean(inside)
    assert dark > 0.8 * len(images)


def test_pose_keeps_its_limits_and_moves_the_face():
    heads = [Head(np.random.default_rng(i)) for i in range(200)]
    limits = synthetic.MAX_YAW, synthetic.MAX_PITCH, synthetic.MAX_ROLL
    poses = np.rad2deg([(h.yaw, h.pitch, h.roll) for h in heads])
    assert (np.abs(poses).max(0) <= np.array(limits) + 1e-9).all()
    assert (poses.std(0) > [10, 5, 5]).all()
    # A face turned to image-right has its nose nearer to the right outline.
    turned = []
    for head in heads:
        points = head.landmarks() @ rotation(0, 0, head.roll)  # undo the roll
        turned.append(points[30, 0] - points[[0, 16], 0].mean())
    assert np.corrcoef(turned, np.sin(poses[:, 0] * np.pi / 180))[0, 1] > 0.95


def test_rotation_is_a_rotation():
    matrix = rotation(0.4, -0.2, 0.3)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    quarter = np.pi / 2
    np.testing.assert_allclose(rotation(quarter, 0, 0) @ [0, 0, 1], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(rotation(0, quarter, 0) @ [0, 0, 1], [0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(rotation(0, 0, quarter) @ [1, 0, 0], [0, 1, 0], atol=1e-9)


def test_jaw_is_the_outline_of_the_mesh():
    """No drawn point of the face lies beyond the jaw line, whatever the pose."""
    for i in range(20):
        head = Head(np.random.default_rng(i))
        points, _, y = head.mesh()
        jaw = head.landmarks()[:17, :2].astype(np.float32)
        top = np.float32([jaw[0] + [0, -3], jaw[16] + [0, -3]])
        hull = cv2.convexHull(np.concatenate([jaw, top]))
        beyond = [
            -cv2.pointPolygonTest(hull, tuple(map(float, p)), True) for p in points[y > 0][:, :2]
        ]
        assert max(beyond) < 0.03


def test_draw_mesh_interpolates_and_keeps_the_nearest():
    tones, nearest = np.zeros((8, 8), np.float32), np.full((8, 8), -np.inf, np.float32)
    xy = np.stack(np.meshgrid([1, 6], [1, 6]), -1).astype(np.float32)
    tone = xy[..., 0] * 10 + xy[..., 1]
    draw_mesh(tones, nearest, xy, np.zeros((2, 2), np.float32), tone)
    y, x = np.mgrid[1:7, 1:7]
    np.testing.assert_allclose(tones[1:7, 1:7], 10 * x + y, rtol=1e-5)
    assert tones.sum() == pytest.approx((10 * x + y).sum(), rel=1e-5)
    drawn = tones.copy()
    behind = np.full((2, 2), -1, np.float32)
    draw_mesh(tones, nearest, xy, behind, np.full((2, 2), 99, np.float32))
    np.testing.assert_array_equal(tones, drawn)


def test_occluders_cover_what_they_flag():
    hidden = 0
    for i in range(30):
        bare, covered = face(i), face(i, occluders=1.0)
        np.testing.assert_array_equal(bare[1], covered[1])  # the face behind is the same
        np.testing.assert_array_equal(bare[3], covered[3])
        x, y = np.rint(covered[1][~covered[2]]).astype(int).T
        assert not np.array_equal(bare[0], covered[0]) or covered[2].all()
        if len(x) > 5:
            changed = np.abs(bare[0].astype(int) - covered[0])[y, x]
            assert changed.max() > 0
        hidden += not covered[2].all()
    assert hidden >= 20


def test_boxes_are_those_of_a_noisy_detector():
    rng = np.random.default_rng(0)
    shape = np.float32([[20, 30], [120, 130]])
    boxes = np.array([detect(rng, shape) for _ in range(2000)], np.float64)
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    side = np.sqrt(width * height)
    assert np.abs(np.log(width / height)).max() < 0.03
    shift = ((boxes[:, :2] + boxes[:, 2:]) / 2 - [70, 80]) / (100 * synthetic.BOX_TO_EXTENT)
    np.testing.assert_allclose(shift.mean(0), 0, atol=0.005)
    np.testing.assert_allclose(shift.std(0), 0.04, rtol=0.1)
    assert np.median(side) == pytest.approx(100 * synthetic.BOX_TO_EXTENT, rel=0.01)
    assert np.log(side).std() == pytest.approx(0.06, rel=0.1)


def test_proportions_are_those_of_real_faces(real_data):
    """Mean place of each landmark in the detector's box, against a folder of photographs."""
    folder = real_data / "300w/afw"
    rows = np.genfromtxt(folder / "boxes.csv", delimiter=",", dtype=None, skip_header=1,
                         encoding="utf-8")[:150]  # fmt: skip
    shapes, boxes = [], []
    for name, *box in rows:
        text = (folder / name).with_suffix(".pts").read_text()
        numbers = text[text.index("{") + 1 : text.index("}")].split()
        shapes.append(np.array(numbers, float).reshape(68, 2) - 1)
        boxes.append(box)
    real = np.median(upright(np.array(shapes), np.array(boxes)), axis=0)
    made = [face(i) for i in range(80)]
    made = upright(np.array([f[1] for f in made]), np.array([f[3] for f in made]))
    assert np.abs(np.median(made, axis=0) - real).mean() < 0.03


class TestSyntheticFaces:
    @pytest.fixture(autouse=True)
    def arrays(self, monkeypatch):
        """Hand back what the dataset is made of."""
        dataset = pytest.importorskip("data_tools.dataset")
        monkeypatch.setattr(
            dataset.FaceDataset, "from_arrays", lambda *parts, **_: parts, raising=False
        )

    def test_a_face_does_not_depend_on_how_many(self):
        few, many = synthetic_faces(2, seed=5, size=64), synthetic_faces(4, seed=5, size=64)
        for first, second in zip(few, many, strict=True):
            np.testing.assert_array_equal(first, second[:2])
        assert not np.array_equal(many[0][0], many[0][1])
        assert not np.array_equal(synthetic_faces(1, seed=6, size=64)[0], few[0][:1])

    def test_progress_counts_to_n(self):
        calls = []
        synthetic_faces(3, size=32, progress=lambda *call: calls.append(call))
        assert calls == [(1, 3), (2, 3), (3, 3)]


def test_makes_a_dataset():
    dataset = pytest.importorskip("data_tools.dataset")
    faces = synthetic_faces(2, size=48)
    assert isinstance(faces, dataset.FaceDataset)
    np.testing.assert_array_equal(faces.shapes, synthetic_faces(2, size=48).shapes)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"n": 0}, "n must"),
        ({"n": 1.5}, "n must"),
        ({"n": 1, "seed": -1}, "seed"),
        ({"n": 1, "size": 8}, "size"),
        ({"n": 1, "size": 64.0}, "size"),
        ({"n": "ten"}, "n must"),
        ({"n": 1, "size": 1e6}, "size"),
        ({"n": 1, "occluders": 2}, "occluders"),
        ({"n": 1, "occluders": float("nan")}, "occluders"),
        ({"n": 1, "scale": (0.6, 0.4)}, "scale"),
        ({"n": 1, "scale": (0.5, 2)}, "scale"),
    ],
)
def test_wrong_arguments_are_named(options, word):
    pytest.importorskip("data_tools.dataset")
    with pytest.raises(InputError, match=word):
        synthetic_faces(**options)


def test_defaults_agree():
    one, many = (inspect.signature(f).parameters for f in (render_face, synthetic_faces))
    assert all(one[k].default == many[k].default for k in ("size", "occluders", "scale"))


def test_drawn_alike_for_any_number_of_opencv_threads():
    before, drawn = cv2.getNumThreads(), []
    try:
        for n in (1, 2):
            cv2.setNumThreads(n)
            drawn.append(synthetic_faces(6, 2, 160, occluders=1.0))
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(drawn[0].images, drawn[1].images)
