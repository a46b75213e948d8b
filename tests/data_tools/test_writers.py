"""What is written is read again, whatever the faces are."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.dataset import FaceDataset
from data_tools.readers import find_source, read_folder, read_source
from data_tools.writers import WRITERS, write_faces
from features.errors import InputError

WIDTH, HEIGHT = 90, 70
FILES = {"imglab": "faces.xml", "coco": "faces.json", "cvat": "annotations.xml",
         "label-studio": "tasks.json", "csv": "faces.csv"}  # fmt: skip


@st.composite
def datasets(draw):
    """Faces of any scheme, image by image, each landmark there in one of them at least."""
    n_points = draw(st.sampled_from([5, 7, 29, 68]))
    photographs = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n = sum(photographs)
    shapes = rng.uniform(-3, WIDTH, (n, n_points, 2)).astype(np.float32)
    missing = rng.random((n, n_points)) < draw(st.sampled_from([0, 0.3]))
    missing[:, :2] = False
    missing[0] = False
    shapes[missing] = np.nan
    shapes[:, 0], shapes[:, 1] = (3, 4), (80, 60)
    corner = rng.uniform(-2, 30, (n, 2))
    boxes = np.hstack([corner, corner + rng.uniform(8, 60, (n, 2))]).astype(np.float32)
    visible = None
    if draw(st.booleans()):
        visible = rng.random((n, n_points)) < 0.7
        visible[0, :2] = True, False
        visible &= ~missing
    attributes = {}
    if draw(st.booleans()):
        attributes = {"yaw": rng.uniform(-90, 90, n), "set": rng.choice(["a", "b c", ""], n),
                      "flag": rng.random(n) < 0.5}  # fmt: skip
    scheme = draw(st.sampled_from([None, "centres5"])) if n_points == 5 else None
    names = [f"photo {k}" for k, count in enumerate(photographs) for _ in range(count)]
    images = {
        name: rng.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
        for name in dict.fromkeys(names)
    }
    faces = FaceDataset.from_arrays(
        [images[name] for name in names], shapes, boxes, scheme, files=names, visible=visible
    )
    faces.attributes = attributes
    return faces


def on_disk(faces, folder):
    """The same faces with their images in files in a folder."""
    files = []
    for i, name in enumerate(faces.files):
        files.append(str(folder / f"{name}.png"))
        cv2.imwrite(files[-1], faces.image(i))
    return FaceDataset(files, faces.shapes, faces.boxes, faces.scheme, sizes=faces.sizes,
                       visible=faces.visible, attributes=faces.attributes)  # fmt: skip


def same(found, faces, tolerance=0.0):
    np.testing.assert_allclose(found.shapes, faces.shapes, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.boxes, faces.boxes, rtol=0, atol=tolerance)
    if faces.visible is None:
        assert found.visible is None
    else:
        np.testing.assert_array_equal(found.visible, faces.visible)
    for i in range(len(faces)):
        np.testing.assert_array_equal(found.image(i), faces.image(i))
    groups = [faces.files.index(file) for file in faces.files]
    assert [found.files.index(file) for file in found.files] == groups


@pytest.mark.parametrize("name", ["coco", "cvat", "label-studio", "labelme", "csv"])
@settings(max_examples=25, deadline=None)
@given(faces=datasets(), in_files=st.booleans())
def test_read_of_write_is_the_same(name, faces, in_files):
    with TemporaryDirectory() as folder:
        folder = Path(folder)
        if in_files:
            faces = on_disk(faces, folder)
        path = folder / FILES.get(name, ".")
        ticks = []
        write_faces(path, faces, name, progress=lambda done, total: ticks.append((done, total)))
        assert find_source(path).name == name
        found = read_source(path, scheme=faces.scheme)
        # Some keep a box as left and width, or all in percent.
        exact = name in ("cvat", "labelme", "csv")
        same(found, faces, tolerance=0 if exact else 2e-5)
        assert not found.skipped and ticks[-1][0] == ticks[-1][1]
        assert (folder / "images").exists() != in_files
        if name == "csv":
            for key, column in faces.attributes.items():
                np.testing.assert_array_equal(found.attributes[key], column)


@settings(max_examples=15, deadline=None)
@given(faces=datasets())
def test_folders_of_pts(faces):
    with TemporaryDirectory() as folder:
        folder = Path(folder) / "out"
        write_faces(folder, faces, "pts")
        found = read_folder(folder, scheme=faces.scheme)
        # A .pts file has six digits, boxes.csv three.
        np.testing.assert_allclose(found.shapes, faces.shapes, atol=1e-5)
        np.testing.assert_allclose(found.boxes, faces.boxes, atol=1e-3)
        for i in range(len(faces)):
            np.testing.assert_array_equal(found.image(i), faces.image(i))


@settings(max_examples=15, deadline=None)
@given(faces=datasets())
def test_imglab_keeps_whole_pixels(faces):
    with TemporaryDirectory() as folder:
        folder = Path(folder)
        faces = on_disk(faces, folder)
        write_faces(folder / "faces.xml", faces, "imglab")
        found = read_source(folder / "faces.xml", scheme=faces.scheme)
        np.testing.assert_array_equal(found.shapes, np.rint(faces.shapes))
        np.testing.assert_array_equal(found.boxes, np.rint(faces.boxes))


@pytest.fixture
def two():
    shapes = np.float32([[[5, 5], [30, 6], [12, 40], [33, 41], [20, 20.5]]] * 2)
    return FaceDataset.from_arrays(
        [np.zeros((50, 60), np.uint8)] * 2, shapes, [[1, 2, 40, 45]] * 2, files=["a", "a"]
    )


def test_every_writer_is_in_the_table_once(tmp_path, two):
    names = [writer.name for writer in WRITERS]
    assert names == ["pts", "imglab", "coco", "cvat", "label-studio", "labelme", "csv"]
    assert all(callable(writer.load().write) for writer in WRITERS)
    with pytest.raises(InputError, match=r"no format 'voc' .*; choose one of pts, imglab"):
        write_faces(tmp_path / "x", two, "voc")


def test_coco_says_what_others_read(tmp_path, two):
    write_faces(tmp_path / "f.json", two, "coco")
    content = json.loads((tmp_path / "f.json").read_text())
    (photo,) = content["images"]
    assert (photo["width"], photo["height"]) == (60, 50)
    first = content["annotations"][0]
    assert first["keypoints"][:6] == [5, 5, 2, 30, 6, 2] and first["num_keypoints"] == 5
    assert first["bbox"] == [1, 2, 39, 43] and first["image_id"] == photo["id"]
    category = content["categories"][0]
    # Lines of the left and the right eye, counted from 1.
    assert category["skeleton"] == [[1, 2], [3, 4]] and len(category["keypoints"]) == 5


def test_images_outside_of_the_folder_come_along(tmp_path, two):
    (tmp_path / "elsewhere").mkdir()
    cv2.imwrite(str(tmp_path / "elsewhere/a.png"), two.image(0))
    faces = FaceDataset([str(tmp_path / "elsewhere/a.png")] * 2, two.shapes, two.boxes)
    (tmp_path / "out").mkdir()
    write_faces(tmp_path / "out/f.csv", faces, "csv")
    found = read_source(tmp_path / "out/f.csv")
    assert set(found.files) == {str(tmp_path / "out/images/a.png")} and len(found) == 2


def test_attributes_that_clash_are_refused(tmp_path, two):
    two.attributes["x0"] = np.zeros(2)
    with pytest.raises(InputError, match="'x0'; rename it"):
        write_faces(tmp_path / "f.csv", two, "csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [writer.name for writer in WRITERS if writer.name != "imglab"])
def test_what_cannot_be_written_is_said(tmp_path, two, name):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="file"):
        write_faces(tmp_path / "file" / FILES.get(name, "out"), two, name)
