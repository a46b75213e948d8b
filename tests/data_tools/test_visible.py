"""Visibility flags on disk: visible.csv, and folders that are written and read again."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from data_tools.dataset import FaceDataset
from data_tools.readers import read_folder, read_visible
from data_tools.synthetic import synthetic_faces
from data_tools.writers import write_folder
from features.errors import InputError


def test_flags_by_hand(tmp_path):
    path = tmp_path / "visible.csv"
    path.write_text("image,0,1,2\na.png,1,0,1\n\n b.jpg , 0,0 ,1\n")
    found = {name: flags.tolist() for name, flags in read_visible(path).items()}
    assert found == {"a.png": [True, False, True], "b.jpg": [False, False, True]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the header"),
        ("image\na.png\n", "line 1: the header"),
        ("image,1,2\na.png,1,1\n", "line 1: the header"),
        ("image,0,1\na.png,1\n", "line 2: expected 2 flags"),
        ("image,0,1\na.png,1,2\n", "line 2: a flag must be 0 or 1, not '2'"),
        ("image,0,1\na.png,1,\n", "line 2: a flag"),
        ('image,0,1\n"a.png,1,1\n', "line 2: not csv"),
        ("image,0,1\na.png,1,1\na.png,1,0\n", "line 3: repeats 'a.png'"),
        ("image," + ",".join(map(str, range(33000))), "line 1: the header"),
    ],
)
def test_wrong_tables_name_the_line(tmp_path, text, words):
    path = tmp_path / "visible.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_visible(path)


@pytest.fixture
def covered():
    return synthetic_faces(4, seed=2, size=96, occluders=1.0)


def test_a_written_folder_reads_as_the_same_faces(tmp_path, covered):
    names = write_folder(tmp_path / "set", covered)
    assert names == [f"image_{i:06d}.png" for i in range(4)]
    back = read_folder(tmp_path / "set")
    np.testing.assert_array_equal(back.visible, covered.visible)
    assert not back.visible.all()
    np.testing.assert_allclose(back.shapes, covered.shapes, atol=1e-5)
    np.testing.assert_allclose(back.boxes, covered.boxes, atol=1e-3)
    for i in range(4):
        np.testing.assert_array_equal(back.image(i), covered.image(i))
    with pytest.raises(InputError, match="set: is not empty"):
        write_folder(tmp_path / "set", covered)


def test_without_flags_there_is_no_table(tmp_path, covered):
    bare = FaceDataset.from_arrays(covered.images, covered.shapes, covered.boxes)
    write_folder(tmp_path / "set", bare)
    assert not (tmp_path / "set" / "visible.csv").exists()
    assert read_folder(tmp_path / "set").visible is None


def test_faces_of_one_photograph_get_names_of_their_own(tmp_path, covered):
    files = ["in/a,b.jpg", "in/a,b.jpg", "other/A_B.jpg", "a_b_2.png"]
    faces = FaceDataset.from_arrays(covered.images, covered.shapes, covered.boxes, files=files)
    names = write_folder(tmp_path, faces)
    assert names == ["a_b.png", "a_b_2.png", "A_B_3.png", "a_b_2_2.png"]
    assert len(read_folder(tmp_path)) == 4


def test_images_that_the_table_does_not_fit_are_skipped(tmp_path, covered):
    write_folder(tmp_path, covered)
    table = tmp_path / "visible.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:3]) + "\n")
    faces = read_folder(tmp_path)
    assert len(faces) == 2
    assert [entry.reason for entry in faces.skipped] == ["no line in visible.csv"] * 2
    table.write_text("image,0,1\nimage_000000.png,1,1\n")
    with pytest.raises(InputError, match="2 flags for 68 landmarks"):
        read_folder(tmp_path)


def test_covered_landmarks_are_drawn_in_another_colour(covered):
    from data_tools.plots import COVERED, overlay

    grey = np.full((200, 200), 128, np.uint8)
    shape = np.array([[[60.0, 60.0], [140.0, 60.0], [100.0, 140.0]]])
    drawn = overlay(grey, shape, visible=[[True, False, True]])
    assert drawn[60, 60].min() > 200
    np.testing.assert_allclose(drawn[60, 140], COVERED, atol=30)
    with pytest.raises(InputError, match="visible"):
        overlay(grey, shape, visible=[[True]])
    assert cv2.absdiff(overlay(grey, shape), overlay(grey, shape, visible=[[1, 1, 1]])).max() == 0


def test_further_faces_of_an_image(tmp_path, covered):
    """a.face2.pts is the second face of a.jpg, unless there is an image of that name."""
    covered.shapes[3, :, 0] += 50
    covered.boxes[3, ::2] += 50
    write_folder(tmp_path, covered)
    first, last = "image_000000", "image_000003"
    (tmp_path / f"{last}.pts").rename(tmp_path / f"{first}.face2.pts")
    (tmp_path / f"{last}.png").unlink()
    boxes = (tmp_path / "boxes.csv").read_text().replace(f"{last}.png", f"{first}.png")
    (tmp_path / "boxes.csv").write_text(boxes)
    # No second face, but the landmarks of an image.
    name = "image_000001.face2"
    (tmp_path / f"{name}.pts").write_text("no landmarks")
    (tmp_path / f"{name}.png").write_bytes((tmp_path / f"{first}.png").read_bytes())
    table = tmp_path / "visible.csv"
    rows = table.read_text()
    table.write_text(rows.replace(f"{last}.png", f"{first}.face2.pts"))
    back = read_folder(tmp_path)
    assert [Path(file).stem for file in back.files] == [
        first, first, "image_000001", "image_000002"
    ]  # fmt: skip
    for i, j in enumerate((0, 3, 1, 2)):
        np.testing.assert_allclose(back.shapes[i], covered.shapes[j], atol=1e-5)
        np.testing.assert_allclose(back.boxes[i], covered.boxes[j], atol=1e-3)
        np.testing.assert_array_equal(back.visible[i], covered.visible[j])
    assert [Path(skipped.file).stem for skipped in back.skipped] == [name]
    table.write_text(rows)
    reasons = [skipped.reason for skipped in read_folder(tmp_path).skipped]
    assert f"no line in visible.csv for {first}.face2.pts" in reasons
