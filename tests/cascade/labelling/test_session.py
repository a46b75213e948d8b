"""The folder in work: what is written, what is read again, and who was faster."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cascade.labelling import exchange
from cascade.labelling.face import Face, revision
from cascade.labelling.session import Conflict, Session
from data_tools.readers import read_boxes, read_folder, read_pts, read_visible
from data_tools.schemes import Scheme
from data_tools.writers import write_pts
from features.errors import InputError

from .conftest import EIGHT, KEPT, face_of, finish


def names(folder, suffix):
    return sorted(path.name for path in folder.glob(f"*{suffix}"))


def test_a_finished_face_is_in_the_files_at_once(session, folder, drawn):
    finish(session, drawn, 3, occluded=[1, 7])
    np.testing.assert_allclose(read_pts(folder / "face_03.pts"), drawn.shapes[3][KEPT], atol=2e-3)
    np.testing.assert_allclose(
        read_boxes(folder / "boxes.csv")["face_03.png"], [drawn.boxes[3]], atol=2e-3
    )
    assert np.flatnonzero(~read_visible(folder / "visible.csv")["face_03.png"]).tolist() == [1, 7]
    assert session.listing()[3] == [3, "face_03.png", "done"]


def test_what_is_not_finished_is_kept_and_trains_nobody(folder, drawn):
    with Session(folder, EIGHT) as session:
        points = [*face_of(drawn, 0)["points"][:3], None, None, None, None, None]
        session.save(
            0, [face_of(drawn, 0, points=points, done=False)], session.image(0)["revision"]
        )
        session.save(1, [], session.image(1)["revision"], aside=True)
        seen = [session.image(i)["revision"] for i in range(3)]
    assert not names(folder, ".pts") and not (folder / "boxes.csv").exists()
    with Session(folder, EIGHT) as session:
        assert session.image(0)["faces"][0]["points"] == points
        assert [state for _, _, state in session.listing()[:3]] == ["unfinished", "aside", "new"]
        assert [session.image(i)["revision"] for i in range(3)] == seen
        assert not session.labelled()


def test_readers_find_what_was_labelled(session, folder, drawn):
    for i in range(4):
        finish(session, drawn, i)
    small = (drawn.shapes[5][KEPT] * 0.2).tolist()
    second = face_of(drawn, 5, points=small, box=(drawn.boxes[5] * 0.2).tolist(), occluded=[2])
    session.save(2, [face_of(drawn, 2), second], session.image(2)["revision"])
    assert names(folder, ".pts") == [
        "face_00.pts", "face_01.pts", "face_02.face2.pts", "face_02.pts", "face_03.pts"
    ]  # fmt: skip
    faces = read_folder(folder, scheme=EIGHT)
    assert len(faces) == 5 and faces.visible.sum() == 39
    np.testing.assert_allclose(faces.shapes[3], small, atol=2e-3)
    np.testing.assert_allclose(faces.boxes[3], drawn.boxes[5] * 0.2, atol=2e-3)
    assert not faces.visible[3, 2]
    # One is taken away again, and its files with it.
    session.save(2, [face_of(drawn, 2)], session.image(2)["revision"])
    assert len(read_folder(folder, scheme=EIGHT)) == 4
    assert "face_02.face2.pts" not in (folder / "visible.csv").read_text()
    session.save(2, [], session.image(2)["revision"])
    assert "face_02" not in (folder / "boxes.csv").read_text()
    assert not names(folder, "02.pts")


def test_a_killed_session_loses_nothing(folder, drawn):
    """SIGKILL right after a save: the files are whole, and no lock is left."""
    code = (
        "import json, os, signal, sys\n"
        "from cascade.labelling.session import Session\n"
        "s = Session(sys.argv[1], sys.argv[2]).__enter__()\n"
        "for i, faces in enumerate(json.loads(sys.argv[3])):\n"
        "    s.save(i, faces, s.image(i)['revision'])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    scheme = folder / "scheme.json"
    scheme.write_text(json.dumps(EIGHT.to_dict()))
    faces = [[face_of(drawn, 0)], [face_of(drawn, 1, done=False)], [face_of(drawn, 2)]]
    done = subprocess.run([sys.executable, "-c", code, folder, scheme, json.dumps(faces)])
    assert done.returncode == -9
    with Session(folder) as session:
        assert session.scheme == EIGHT
        assert [session.image(i)["faces"] for i in range(3)] == faces
        assert len(session.labelled()) == 2


def test_the_second_writer_is_told(session, folder, drawn):
    seen = session.image(0)["revision"]
    session.save(0, [face_of(drawn, 0)], seen)
    before = (folder / "face_00.pts").read_bytes()
    with pytest.raises(Conflict) as conflict:
        session.save(0, [face_of(drawn, 1)], seen)
    assert conflict.value.image["faces"] == [face_of(drawn, 0)]
    assert (folder / "face_00.pts").read_bytes() == before
    session.save(0, [face_of(drawn, 1)], conflict.value.image["revision"])
    assert session.image(0)["faces"] == [face_of(drawn, 1)]


def test_a_second_session_is_kept_out(session, folder):
    pytest.importorskip("fcntl")
    with pytest.raises(InputError, match="is being labelled already"), Session(folder, EIGHT):
        pass


def test_a_failed_write_changes_nothing(session, folder, drawn, monkeypatch):
    finish(session, drawn, 0)
    seen = session.image(0)

    def full(path, data):
        raise InputError(f"{path}: cannot write the file (No space left on device)")

    monkeypatch.setattr("data_tools.writers.pts.replace_file", full)
    with pytest.raises(InputError, match="No space left"):
        session.save(0, [face_of(drawn, 1)], seen["revision"])
    assert session.image(0) == seen


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": [[1, 2]] * 7}, "a list of 8 points"),
        ({"points": [[1, 2, 3]] * 8}, "point 0 must be 2 numbers"),
        ({"points": [[1, float("nan")]] * 8}, "point 0 must be"),
        ({"points": [[1, 1e7]] * 8}, "point 0 must be"),
        ({"points": [[1, "2"]] * 8}, "point 0 must be"),
        ({"points": [[5, 5]] * 8}, "no spread"),
        ({"points": [None] * 8}, "no spread"),
        ({"box": [5, 5, 5, 9]}, "left < right"),
        ({"box": [500, 500, 600, 600]}, "outside the image"),
        ({"box": [True, 1, 2, 3]}, "the box must be 4 numbers"),
        ({"occluded": [8]}, "occluded"),
        ({"occluded": [-1]}, "occluded"),
        ({"occluded": "all"}, "occluded"),
        ({"done": 1}, "done"),
        ({"more": 1}, "a face is an object"),
    ],
)
def test_wrong_faces_are_refused(session, folder, drawn, change, words):
    with pytest.raises(InputError, match=words):
        session.save(0, [face_of(drawn, 0) | change], session.image(0)["revision"])
    assert not names(folder, ".pts")
    for faces in (None, {}, [3], [None]):
        with pytest.raises(InputError):
            session.save(0, faces, session.image(0)["revision"])


def test_labels_of_others_are_read_and_not_changed(folder, drawn):
    """Without boxes.csv, the box is around the landmarks; nothing is said of what can be seen."""
    write_pts(folder / "face_00.pts", drawn.shapes[0])
    write_pts(folder / "face_01.pts", drawn.shapes[1])
    before = (folder / "face_00.pts").read_bytes()
    with Session(folder) as session:
        assert session.scheme.name == "face68"
        [(i, face), _] = session.labelled()
        assert i == 0 and face.box[0] <= drawn.shapes[0][:, 0].min()
        faces = session.image(1)["faces"]
        faces[0]["points"][4] = None
        session.save(1, faces, session.image(1)["revision"])
        assert (folder / "face_00.pts").read_bytes() == before
        assert np.isnan(read_pts(folder / "face_01.pts")[4]).all()
        assert not (folder / "visible.csv").exists()
        faces[0]["occluded"] = [9]
        session.save(1, faces, session.image(1)["revision"])
    # Once somebody says it of one face, it is said of all: readers leave out what has no line.
    seen = read_visible(folder / "visible.csv")
    assert seen["face_00.png"].all() and not seen["face_01.png"][9]


def test_boxes_of_a_detector_are_used_and_kept(folder, drawn):
    rows = ["image,left,top,right,bottom", "face_00.png,1,2,30,40", "elsewhere.png,1,2,3,4"]
    box = ",".join(f"{edge:.3f}" for edge in drawn.boxes[0])
    (folder / "boxes.csv").write_text("\n".join([*rows, f"face_00.png,{box}"]) + "\n")
    with Session(folder, EIGHT) as session:
        assert len(session.spare(0)) == 2
        finish(session, drawn, 0)
        assert session.spare(0).tolist() == [[1, 2, 30, 40]]
    boxes = read_boxes(folder / "boxes.csv")
    assert len(boxes["face_00.png"]) == 2 and boxes["elsewhere.png"] == [(1, 2, 3, 4)]
    with Session(folder, EIGHT) as session:
        assert session.spare(0).tolist() == [[1, 2, 30, 40]]


def test_damaged_and_foreign_files_are_named(folder, drawn):
    (folder / "face_00.pts").write_text("n_points: 8\n{\n1 2\n")
    write_pts(folder / "face_01.pts", drawn.shapes[1])
    with Session(folder, EIGHT) as session:
        problems = [session.image(i)["problem"] for i in range(3)]
        assert "closing brace" in problems[0] and "holds 68 landmarks" in problems[1]
        assert problems[2] is None
        with pytest.raises(InputError, match="cannot be changed"):
            finish(session, drawn, 0)
    assert (folder / "face_00.pts").read_text() == "n_points: 8\n{\n1 2\n"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"unfinished": [], "set_aside": []}', "[" * 100_000,
             '{"unfinished": {"face_00.png": 3}, "set_aside": []}']
)  # fmt: skip
def test_a_damaged_file_of_our_own_is_named(folder, text):
    (folder / "labelling.json").write_text(text)
    with pytest.raises(InputError, match=r"labelling\.json"):
        Session(folder, EIGHT)
    # Faces of another scheme are passed over, not shown half.
    content = {"unfinished": {"face_00.png": [{"box": [0, 0, 9, 9]}]}, "set_aside": []}
    (folder / "labelling.json").write_text(json.dumps(content))
    assert Session(folder, EIGHT).image(0)["faces"] == []


def test_images_that_cannot_be_labelled_are_named(folder, tmp_path):
    image = (folder / "face_00.png").read_bytes()
    (tmp_path / "outside.png").write_bytes(image)
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "a\nb.png").write_bytes(image)
    (folder / "face_00.jpg").write_bytes(image)
    (folder / " blank.png").write_bytes(image)
    os.mkdir(folder / "folder.png")
    evil = "<img src=x onerror=alert(1)>, '=1+1'.png"
    (folder / evil).write_bytes(image)
    session = Session(folder, EIGHT)
    left_out = {name for name, _ in session.files.left_out}
    assert left_out == {"link.png", "a\nb.png", "face_00.png", " blank.png", "folder.png"}
    assert evil in [name for _, name, _ in session.listing()]


def test_hostile_names_come_back_from_the_tables(folder, drawn):
    image = (folder / "face_00.png").read_bytes()
    evil = ["=1+1.png", 'a,"b";c.png', "'quoted'.png", "é 文.png", "-x.png"]
    for name in evil:
        (folder / name).write_bytes(image)
    with Session(folder, EIGHT) as session:
        for i, name, _ in session.listing():
            if name in evil:
                session.save(i, [face_of(drawn, 0, occluded=[2])], session.image(i)["revision"])
        seen = {
            i: session.image(i)["faces"] for i, _, state in session.listing() if state == "done"
        }
    assert len(seen) == 5
    assert {os.path.basename(f) for f in read_folder(folder, scheme=EIGHT).files} == set(evil)
    with Session(folder, EIGHT) as session:
        assert {i: session.image(i)["faces"] for i in seen} == seen


def test_a_scheme_made_in_the_page(session, folder, drawn):
    own = Scheme("three", 3, names=("a", "b", "c"))
    session.set_scheme(own.to_dict())
    assert Scheme.from_file(folder / "scheme.json") == own
    points = [[10, 10], [50, 60], [20, 30]]
    face = {"box": [5, 5, 70, 70], "points": points, "occluded": [], "done": True}
    session.save(0, [face], session.image(0)["revision"])
    with pytest.raises(InputError, match="a scheme of 8 does not fit"):
        session.set_scheme(EIGHT.to_dict())
    with pytest.raises(InputError, match="unknown field"):
        session.set_scheme({"name": "x", "n_points": 3, "code": 1})


@pytest.mark.parametrize("form", exchange.EXPORTS)
def test_annotation_tools_get_and_give_the_same_faces(folder, drawn, form):
    with Session(folder, EIGHT) as session:
        for i in range(3):
            finish(session, drawn, i)
        path = exchange.export(session, form)
        shapes = [face.points for _, face in session.labelled()]
        assert exchange.sources(session) == []  # what we wrote is not offered to be read
    for file in [*folder.glob("*.pts"), folder / "boxes.csv", folder / "visible.csv"]:
        file.unlink()
    if form == "labelme":  # a folder of its own, with copies of the images
        folder = path / "images"
    else:
        path = path.rename(folder / f"theirs{path.suffix}")
    with Session(folder, EIGHT) as session:
        if form != "labelme":
            assert [name for name, _ in exchange.sources(session)] == [path.name]
        assert exchange.bring_in(session, path) == (3, 0)
        for (_, face), shape in zip(session.labelled(), shapes, strict=True):
            np.testing.assert_allclose(face.points, shape, atol=0.51 if form == "imglab" else 2e-3)
        assert exchange.bring_in(session, path) == (0, 3)  # they have labels now


def test_exports_and_imports_that_cannot_be(session, folder, drawn):
    with pytest.raises(InputError, match="no face is labelled"):
        exchange.export(session, "coco")
    with pytest.raises(InputError, match="no format 'word'"):
        exchange.export(session, "word")
    other = folder.parent / "other"
    other.mkdir()
    cv2.imwrite(str(other / "a.png"), drawn.image(0))
    write_pts(other / "a.pts", drawn.shapes[0])
    with Session(other) as theirs:
        path = exchange.export(theirs, "coco")
    with pytest.raises(InputError, match="have 68 landmarks"):
        exchange.bring_in(session, path)


_COORDINATE = st.floats(-20, 200, width=32)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_sound_face_is_read_as_it_was_saved(session, data):
    """What a new session reads from the files equals what was saved."""
    points = data.draw(
        st.lists(st.one_of(st.none(), st.tuples(_COORDINATE, _COORDINATE)), min_size=8, max_size=8)
    )
    there = [p for p in points if p]
    size = 0 if len(there) < 2 else max(np.ptp(there, axis=0))
    face = {
        "box": [10.0, 12.5, 90.0, 95.25],
        "points": [p and [round(v, 3) for v in p] for p in points],
        "occluded": sorted(data.draw(st.sets(st.integers(0, 7)))),
        "done": bool(size > 1.01),
    }
    made = session.save(0, [face], session.image(0)["revision"])
    read, _ = session.files.read(session.entries[0].path, 8) if face["done"] else (None, None)
    if read is not None:
        assert read[0].to_json() == face
        assert revision(read) == made
    fresh = Session(session.path, EIGHT)
    assert fresh.image(0)["faces"] == [face]


def test_a_face_by_hand():
    face = Face(
        (1.0, 2.0, 3.0004, 4.0), np.array([[1.23456, 2], [np.nan, 1]]), np.array([0, 1]) > 0
    )
    assert face.to_json() == {
        "box": [1.0, 2.0, 3.0, 4.0], "points": [[1.235, 2.0], None], "occluded": [1], "done": True
    }  # fmt: skip
