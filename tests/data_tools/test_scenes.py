"""Photographs to judge detectors on: what is read of which files, and collages."""

import cv2
import numpy as np
import pytest

from data_tools.backgrounds import held_back, to_train_on
from data_tools.collages import SIZE, collages
from data_tools.dataset import FaceDataset
from data_tools.scenes import read_scenes, scenes_of_faces, sides, squares
from data_tools.writers import write_folder
from features.errors import InputError

IMGLAB = """<?xml version='1.0'?><dataset><images>
<image file='a.png'><box top='5' left='10' width='20' height='30'/>
<box top='1' left='2' width='8' height='8' ignore='1'/></image>
<image file='b.png'></image></images></dataset>"""


def blank(folder, name, size=(60, 80)):
    cv2.imwrite(str(folder / name), np.full(size, 99, np.uint8))


def test_imglab_with_ignored_boxes_and_photographs_without_faces(tmp_path):
    for name in ("a.png", "b.png"):
        blank(tmp_path, name)
    (tmp_path / "faces.xml").write_text(IMGLAB)
    for path in (tmp_path / "faces.xml", tmp_path):
        scenes, faces = read_scenes(path)
        assert faces is None and scenes.kind == "photographs" and scenes.convention == "boxes"
        np.testing.assert_array_equal(scenes.faces[0], [(10, 5, 29, 34)])
        np.testing.assert_array_equal(scenes.ignored[0], [(2, 1, 9, 8)])
        assert len(scenes.faces[1]) == 0 and scenes.n_faces == 1
        assert scenes.image(0).shape == (60, 80)


def test_a_photograph_in_two_files_is_taken_from_the_one_with_parts(tmp_path, synthetic):
    from data_tools.writers import write_imglab

    write_imglab(tmp_path / "a_parts.xml", synthetic.subset([0, 1]))
    marked, _ = read_scenes(tmp_path / "a_parts.xml")
    text = "".join(
        f"<image file='{file}'><box top='1' left='1' width='9' height='9'/></image>"
        for file in marked.files
    )
    (tmp_path / "b.xml").write_text(f"<?xml version='1.0'?><dataset>{text}</dataset>")
    scenes, _ = read_scenes(tmp_path)
    assert scenes.convention == "landmarks" and scenes.n_faces == 2
    np.testing.assert_allclose(scenes.faces[1][0], squares(synthetic.shapes[1:2])[0], atol=1)


def test_folders_with_and_without_annotations(tmp_path, synthetic):
    write_folder(tmp_path / "faces", synthetic.subset([0, 1]))
    scenes, faces = read_scenes(tmp_path / "faces")
    assert scenes.kind == "crops" and len(faces) == 2 and scenes.n_faces == 2
    (tmp_path / "faces" / "boxes.csv").unlink()
    again, _ = read_scenes(tmp_path / "faces")
    np.testing.assert_allclose(again.faces, scenes.faces)
    (tmp_path / "empty").mkdir()
    for k in range(7):
        blank(tmp_path / "empty", f"{k}.png")
    scenes, faces = read_scenes(tmp_path / "empty")
    assert faces is None and [file[-5:] for file in scenes.files] == ["2.png", "5.png"]
    assert len(read_scenes(tmp_path / "empty", every_background=True)[0]) == 7
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="no image"):
        read_scenes(tmp_path / "nothing")


def test_what_is_held_back_is_never_trained_on():
    files = [f"x/{k:03d}.jpg" for k in range(100)]
    back, seen = held_back(files[::-1]), to_train_on(files)
    assert len(back) == 33 and not set(back) & set(seen) and {*back, *seen} == set(files)


def test_faces_of_one_photograph_are_one_scene():
    image = np.zeros((50, 50), np.uint8)
    shape = np.random.default_rng(0).uniform(5, 40, (68, 2))
    faces = FaceDataset.from_arrays(
        [image, image], [shape, shape + 2], [[5, 5, 40, 40]] * 2, files=["a", "a"]
    )
    scenes = scenes_of_faces(faces, "two")
    assert len(scenes) == 1 and scenes.faces[0].shape == (2, 4)
    assert sides(scenes.faces[0])[0] == pytest.approx(np.sqrt(np.prod(np.ptp(shape, axis=0))))


@pytest.fixture
def backgrounds(tmp_path):
    rng = np.random.default_rng(1)
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), rng.integers(60, 120, (240, 330), np.uint8))
    return sorted(tmp_path.glob("*.png"))


def test_collages_are_the_same_for_one_seed_and_any_number(synthetic, backgrounds):
    a, b = collages(synthetic, backgrounds, 3, 5), collages(synthetic, backgrounds, 2, 5)
    for i in range(2):
        np.testing.assert_array_equal(a.image(i), b.image(i))
        np.testing.assert_array_equal(a.faces[i], b.faces[i])
    assert a.image(0).shape == SIZE[::-1] and a.image(0).dtype == np.uint8
    assert not np.array_equal(a.image(0), collages(synthetic, backgrounds, 1, 6).image(0))


def test_faces_of_a_collage_have_their_sizes_and_lie_apart(synthetic, backgrounds):
    scenes = collages(synthetic, backgrounds, 40, 0, smallest=20, largest=90)
    lengths = np.concatenate([sides(faces) for faces in scenes.faces])
    assert 20 <= lengths.min() < 26 and 70 < lengths.max() <= 90
    for faces in scenes.faces:
        assert (faces >= 0).all() and (faces[:, 2] <= SIZE[0]).all()
        middle = (faces[:, :2] + faces[:, 2:]) / 2
        for i in range(len(faces)):
            for j in range(i):
                assert np.abs(middle[i] - middle[j]).max() > (sides(faces)[[i, j]]).sum()


@pytest.mark.parametrize("turn", [0.0, 30.0])
def test_landmarks_lie_where_the_box_says(backgrounds, turn):
    """A face of four bright dots: they are found again where similarity takes them."""
    dots = np.array([[60, 40], [40, 60], [80, 60], [60, 80]])
    image = np.full((121, 121), 20, np.uint8)
    for x, y in dots:
        cv2.circle(image, (int(x), int(y)), 4, 255, -1)
    shape = np.repeat(dots, 17, 0).astype(np.float32)
    faces = FaceDataset.from_arrays([image], [shape], [[40, 40, 80, 80]])
    scenes = collages(faces, backgrounds, 6, 2, smallest=40, largest=50, turn=turn)
    for i in range(6):
        picture = scenes.image(i).astype(float)
        for box in scenes.faces[i]:
            middle, scale = (box[:2] + box[2:]) / 2, (box[2] - box[0]) / 40
            # Turned to one side or the other.
            hits = []
            for angle in (turn, -turn):
                a = np.deg2rad(angle)
                rotate = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
                places = np.rint((dots - 60) @ rotate.T * scale + middle).astype(int)
                hits.append(picture[places[:, 1], places[:, 0]].min())
            assert max(hits) > 230


def test_collages_refuse_what_they_cannot_use(synthetic, backgrounds):
    with pytest.raises(InputError, match="photograph without faces"):
        collages(synthetic, [], 1)
    with pytest.raises(InputError, match="turn"):
        collages(synthetic, backgrounds, 1, turn=400)
    five = FaceDataset(["a"], np.random.default_rng(0).uniform(0, 9, (1, 5, 2)), [[0, 0, 9, 9]])
    with pytest.raises(InputError, match="jaw"):
        collages(five, backgrounds, 1)
