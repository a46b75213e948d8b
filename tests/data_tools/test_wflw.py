"""WFLW's list of faces."""

import cv2
import numpy as np
import pytest

from data_tools.readers import read_wflw
from features.errors import InputError

SHAPE = np.stack(np.meshgrid(np.arange(14.0), np.arange(7.0)), -1).reshape(-1, 2) * 2.5 + 5


def line(shape=SHAPE, box=(4, 4, 40, 22), flags=(0, 0, 0, 0, 0, 0), name="0--Parade/a b.jpg"):
    return " ".join(map(str, [*shape.ravel(), *box, *flags, name]))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images/0--Parade").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images/0--Parade/a b.jpg"), np.full((50, 80), 99, np.uint8))
    return tmp_path


def read(folder, *lines, **options):
    (folder / "list.txt").write_text("\n".join(lines) + "\n")
    return read_wflw(folder / "list.txt", folder / "images", **options)


def test_faces_boxes_and_attributes(folder):
    ticks = []
    faces, attributes = read(
        folder,
        line(flags=(1, 0, 0, 0, 1, 0)),
        line(SHAPE + 20, (24, 20, 70, 48)),
        line(name="0--Parade/gone.jpg"),
        progress=lambda done, total: ticks.append((done, total)),
    )
    assert faces.scheme.name == "wflw98" and len(faces) == 2
    assert len(set(faces.files)) == 1 and faces.image(0).shape == (50, 80)
    np.testing.assert_allclose(faces.shapes[1], SHAPE + 20)
    np.testing.assert_allclose(faces.boxes, [[4, 4, 40, 22], [24, 20, 70, 48]])
    assert {name: has.tolist() for name, has in attributes.items() if has.any()} == {
        "pose": [True, False],
        "occlusion": [True, False],
    }
    assert len(attributes) == 6 and ticks[-1] == (2, 2)
    assert [entry.file.endswith("gone.jpg") for entry in faces.skipped] == [True]


def test_tight_boxes(folder):
    faces, _ = read(folder, line(), boxes="tight")
    np.testing.assert_allclose(faces.boxes[0], [*SHAPE.min(0), *SHAPE.max(0)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3 a.jpg", "line 2: expected 196"),
        (line().replace("5.0", "x", 1), "line 2: expected 196"),
        (line().replace("5.0", "nan", 1), "line 2: a number must be finite"),
        (line().replace("5.0", "1e30", 1), "line 2: a number must be finite"),
        (line(flags=(0, 0, 3, 0, 0, 0)), "line 2: an attribute"),
        (line(name="../../secret.jpg"), "line 2: the image"),
        (line(name="/etc/x.jpg"), "line 2: the image"),
        (line(name="..\\x.jpg"), "line 2: the image"),
    ],
)
def test_wrong_lines_are_named(folder, text, words):
    with pytest.raises(InputError, match=words):
        read(folder, line(), text)


def test_nothing_usable(folder):
    with pytest.raises(InputError, match=r"no usable face among those of 1 images; .*gone\.jpg"):
        read(folder, line(name="0--Parade/gone.jpg"))
    with pytest.raises(InputError, match="no usable face"):
        read(folder, "")
