"""Every data set: known by its own files and by no other's, and read to the last landmark."""

import os

import numpy as np
import pytest

from data_tools.boxes import tight_box
from data_tools.dataset import FaceDataset
from data_tools.readers import SOURCES, find_source, read_folders, read_source
from features.errors import InputError

from .samples import OPTIONS, SAMPLES, pairs, shapes, text

NAMES = [source.name for source in SOURCES]


@pytest.fixture(scope="module", params=NAMES)
def case(request, tmp_path_factory):
    """The name of a data set and a sample of it."""
    if request.param == "cofw":
        pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")
    return request.param, SAMPLES[request.param](tmp_path_factory.mktemp(request.param))


def test_every_source_has_a_sample_and_a_name_of_its_own():
    assert sorted(SAMPLES) == sorted(NAMES)
    assert len(set(NAMES)) == len({source.module for source in SOURCES}) == len(SOURCES)


def test_recognised_by_its_own_entry_alone(case):
    name, sample = case
    assert [s.name for s in SOURCES if s.load().recognises(sample.path)] == [name]
    assert find_source(sample.path).name == find_source(str(sample.path)).name == name


def test_every_landmark(case):
    name, sample = case
    ticks = []
    options = OPTIONS.get(name, lambda sample: {})(sample)
    faces = read_source(sample.path, boxes="tight", **options,
                        progress=lambda done, total: ticks.append((done, total)))  # fmt: skip
    assert isinstance(faces, FaceDataset) and faces.scheme.name == sample.scheme
    np.testing.assert_allclose(faces.shapes, sample.shapes, atol=1e-4)
    np.testing.assert_allclose(faces.boxes, tight_box(sample.shapes), atol=1e-3)
    if sample.visible is None:
        assert faces.visible is None
    else:
        np.testing.assert_array_equal(faces.visible, sample.visible)
    for key, expected in sample.attributes.items():
        if isinstance(expected[0], str):
            assert faces.attributes[key].tolist() == expected
        else:
            np.testing.assert_allclose(faces.attributes[key], expected, rtol=1e-5)
    assert faces.image(1).shape == (50, 60) and len(set(faces.files)) == 2
    assert ticks[-1][0] == ticks[-1][1] > 0
    assert [s.reason for s in faces.skipped if name != "menpo"] == []


def test_own_boxes_or_how_to_get_some(case):
    name, sample = case
    options = OPTIONS.get(name, lambda sample: {})(sample)
    if sample.boxes is not None:
        faces = read_source(sample.path, **options)
        np.testing.assert_allclose(faces.boxes, sample.boxes, atol=1e-3)
    else:
        with pytest.raises(InputError, match=r"boxes='tight'|no boxes\.csv"):
            read_source(sample.path, **options)
    found = read_source(sample.path, boxes="detect", detector=lambda image: [(3, 2, 56, 47)],
                        **options)  # fmt: skip
    np.testing.assert_allclose(found.boxes, [[3, 2, 56, 47]] * 2)


def test_faces_go_to_training_by_way_of_read_folders(case):
    name, sample = case
    if name == "cofw68":  # needs images=
        return
    faces = read_folders([sample.path, sample.path], boxes="tight")
    assert len(faces) == 4
    np.testing.assert_allclose(faces.shapes[2:], sample.shapes, atol=1e-4)
    assert all(name in faces.attributes for name in sample.attributes)


def test_plain_folders_and_unknown_files(tmp_path):
    pairs(tmp_path / "mine", ["a", "b"], shapes(68))
    assert find_source(tmp_path / "mine") is None
    assert len(read_folders(tmp_path / "mine", boxes="tight")) == 2
    for name in ("none", "a\0b"):
        assert find_source(tmp_path / name) is None
    with pytest.raises(InputError, match="no such file or folder"):
        read_source(tmp_path / "none")
    for name, content in (
        ("a.json", "[]"), ("b.json", '{"a": 1}'), ("a.xml", "<html/>"), ("a.txt", "1 2 3"),
        ("a.csv", "a,b"), ("a.mat", "x"), ("c.json", ""),
    ):  # fmt: skip
        with pytest.raises(InputError, match="not a known data set; known are dlib"):
            read_folders(text(tmp_path / name, content))
    with pytest.raises(InputError, match="mine"):
        read_source(tmp_path / "mine", boxes="tight")


def test_nothing_is_read_from_a_pipe(tmp_path):
    path = tmp_path / "list_landmarks_celeba.txt"
    os.mkfifo(path)
    assert find_source(path) is None  # and comes back


@pytest.mark.parametrize(
    "name, module, old, new",
    [
        ("mtfl", "training.txt", "AFLW\\", "..\\..\\"),
        ("cnn-facepoint", "testImageList.txt", "lfw_5590", "/etc"),
        ("celeba", "Anno/list_landmarks_celeba.txt", "000001.jpg", "../a.jpg"),
        ("coco", "test.json", '"a.jpg"', '"../a.jpg"'),
        ("labelme", "1.json", '"1.png"', '"..\\\\1.png"'),
        ("cvat", "annotations.xml", 'name="a.png"', 'name="C:/a.png"'),
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name, module, old, new):
    sample = SAMPLES[name](tmp_path)
    file = tmp_path / module
    content = file.read_text()
    assert old in content
    file.write_text(content.replace(old, new))
    with pytest.raises(InputError, match="outside the folder of images") as caught:
        read_source(sample.path, boxes="tight")
    assert file.name in str(caught.value)


def test_attributes_of_a_dataset_that_lacks_an_image(tmp_path):
    """Faces that are left out take their attributes with them."""
    sample = SAMPLES["wflw"](tmp_path)
    (tmp_path / "WFLW_images/0--Parade/0 a.jpg").unlink()
    faces = read_source(sample.path)
    assert len(faces) == 1 and faces.attributes["pose"].tolist() == [True]
    assert "0 a.jpg" in faces.skipped[0].file


def test_parts_of_celeba(tmp_path):
    sample = SAMPLES["celeba"](tmp_path)
    assert len(read_source(sample.path, part="test")) == 1
    with pytest.raises(InputError, match="part must be"):
        read_source(sample.path, part="training")


def test_ocfw_is_read_as_mvfw_is(tmp_path):
    sample = SAMPLES["mvfw"](tmp_path)
    renamed = sample.path.rename(sample.path.with_name("OCFW"))
    assert find_source(renamed).name == "mvfw"
    np.testing.assert_allclose(read_source(renamed, boxes="tight").shapes, sample.shapes, atol=1e-4)
