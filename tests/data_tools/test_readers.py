import json

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data_tools.boxes import iou, tight_box
from data_tools.readers import Boxes, read_boxes, read_folder, read_folders, read_pts
from data_tools.writers import write_pts
from features.errors import InputError

SQUARE = np.array([[10, 12], [30, 12], [30, 40], [10, 40]], np.float32)


def put_face(folder, name, shape=SQUARE, size=(64, 48), suffix=".png"):
    """A grey image (width, height) of one tone and its annotation."""
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"{name}{suffix}"), np.full(size[::-1], 99, np.uint8))
    write_pts(folder / f"{name}.pts", shape)


def put_boxes(folder, **boxes):
    rows = [f"{name}.png,{','.join(map(str, box))}" for name, box in boxes.items()]
    (folder / "boxes.csv").write_text("\n".join(["image,left,top,right,bottom", *rows]))


def reasons(dataset, root):
    return {entry.file.removeprefix(f"{root}/"): entry.reason for entry in dataset.skipped}


class TestPts:
    @pytest.mark.parametrize(
        "text",
        [
            "version: 1\nn_points: 2\n{\n1 2\n3.5 4e1\n}\n",
            "version: 1\n{\n1 2\n3.5 4e1\n}",
            "n_points:2\n1 2\n3.5 4e1\n",
            "\ufeff1\t2\r\n\r\n 3.5   40 \r\n",
        ],
    )
    def test_the_dialects_count_from_one(self, tmp_path, text):
        path = tmp_path / "a.pts"
        path.write_text(text, encoding="utf-8", newline="")
        shape = read_pts(path)
        assert shape.dtype == np.float32
        np.testing.assert_array_equal(shape, [[0, 1], [2.5, 39]])

    def test_nan_means_a_missing_landmark(self, tmp_path):
        path = tmp_path / "a.pts"
        path.write_text("{\n1 nan\nNaN nan\n3 4\n}")
        np.testing.assert_array_equal(read_pts(path), [[np.nan] * 2, [np.nan] * 2, [2, 3]])

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"version: 1\nn_points: 0\n{\n}",
            b"version: 1\nn_points: 3\n{\n1 2\n}",
            b"n_points: many\n{\n1 2\n}",
            b"n_points: -1\n{\n1 2\n}",
            b"n_points: " + b"9" * 9999 + b"\n{\n1 2\n}",
            b"{\n1 2\n3 4\n",
            b"{\n1 2\n3\n}",
            b"{\n1 2 3\n}",
            b"{\n1 two\n}",
            b"{\n1 2\n}\n3 4",
            b"{\n1 inf\n}",
            b"{\n-Infinity 1\n}",
            b"{\n1e300 1\n}",
            b"\x89PNG\r\n\x1a\n\xff",
            b"\x00" * 100,
            b"1 2\n" * 33000,
        ],
    )
    def test_damage_is_refused_by_name(self, tmp_path, content):
        path = tmp_path / "bad.pts"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.pts"):
            read_pts(path)

    def test_no_more_than_a_mebibyte_is_read(self, tmp_path):
        path = tmp_path / "huge.pts"
        with path.open("wb") as file:
            file.truncate(1 << 40)  # sparse: reading it whole would exhaust memory
        with pytest.raises(InputError, match=r"huge\.pts"):
            read_pts(path)

    def test_what_is_no_file_is_refused(self, tmp_path):
        for path in (tmp_path, tmp_path / "missing.pts"):
            with pytest.raises(InputError, match=str(path)):
                read_pts(path)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(
        arrays(
            np.float32,
            st.tuples(st.integers(1, 9), st.just(2)),
            elements=st.floats(-9000, 9000, width=32),
        )
    )
    def test_what_is_written_is_read(self, tmp_path, shape):
        shape[::3] = np.nan
        write_pts(tmp_path / "a.pts", shape)
        np.testing.assert_allclose(read_pts(tmp_path / "a.pts"), shape, rtol=0, atol=6e-7)
        assert [path.name for path in tmp_path.iterdir()] == ["a.pts"]

    def test_files_of_300w_survive(self, tmp_path, real_data):
        for path in sorted((real_data / "300w/lfpw/testset").glob("*.pts"))[:5]:
            shape = read_pts(path)
            write_pts(tmp_path / "a.pts", shape)
            np.testing.assert_array_equal(read_pts(tmp_path / "a.pts"), shape)
            # The format starts at line 4 and counts from one.
            np.testing.assert_allclose(np.loadtxt(path, skiprows=3, comments="}") - 1, shape, 1e-6)

    def test_a_failed_write_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "a.pts"
        write_pts(path, SQUARE)

        def full_disk(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full_disk)
        with pytest.raises(InputError, match=r"a\.pts.*No space"):
            write_pts(path, SQUARE + 1)
        np.testing.assert_array_equal(read_pts(path), SQUARE)
        assert [path.name for path in tmp_path.iterdir()] == ["a.pts"]

    @pytest.mark.parametrize("shape", [np.zeros(4), np.zeros((0, 2)), [[1, np.inf]]])
    def test_what_is_no_shape_is_not_written(self, tmp_path, shape):
        with pytest.raises(InputError, match=r"a\.pts"):
            write_pts(tmp_path / "a.pts", shape)
        assert not list(tmp_path.iterdir())


class TestBoxes:
    def test_several_boxes_an_image(self, tmp_path):
        path = tmp_path / "boxes.csv"
        path.write_text(
            "image,left,top,right,bottom\n"
            'b.png,1,2,3,4\n\n"a, the first.png",0,0,1.5,2e1\nb.png,5,6,7,8\n'
        )
        assert read_boxes(path) == {
            "b.png": [(1, 2, 3, 4), (5, 6, 7, 8)],
            "a, the first.png": [(0, 0, 1.5, 20)],
        }

    @pytest.mark.parametrize(
        "lines, line",
        [
            (["file,x,y,w,z", "a.png,1,2,3,4"], 1),
            (["image,x,y,w,h,score", "a.png,1,2,3,4,x"], 2),
            (["image,x,y,w,h,angle", "a.png,1,2,3,4,5"], 1),
            ([""], 1),
            (["image,left,top,right,bottom", "a.png,1,2,3,4", "a.png,1,2,3"], 3),
            (["image,left,top,right,bottom", "a.png,1,2,3,x"], 2),
            (["image,left,top,right,bottom", "a.png,1,2,3,inf"], 2),
            (["image,left,top,right,bottom", "a.png,1,2,3,4", "a.png,nan,2,3,4"], 3),
            (["image,left,top,right,bottom", "a.png,1,2,3,1" + "0" * 400], 2),
            (["image,left,top,right,bottom", "a.png,1,2,3,-1e30"], 2),
            (["image,left,top,right,bottom", "a.png,1,2,3,4,5"], 2),
            (["image,left,top,right,bottom", 'a.png,1,2,3,"4'], 2),
            (["image,left,top,right,bottom", "a.png,1,2,3," + "x" * 100_000], 2),
            (["image,left,top,right,bottom", "a" * 200_000 + ",1,2,3,4"], 2),
        ],
    )
    def test_errors_name_file_and_line(self, tmp_path, lines, line):
        path = tmp_path / "boxes.csv"
        path.write_text("\n".join(lines))
        with pytest.raises(InputError, match=rf"boxes\.csv, line {line}") as caught:
            read_boxes(path)
        assert len(str(caught.value)) < 400 + len(str(path))

    def test_forms_of_others(self, tmp_path):
        """Corner and size, semicolons and scores; our own JSON, plain JSON, imglab's XML."""
        expected = {"a/x.png": [(1, 2, 4, 6)], "y.png": [(5, 5, 9, 9), (0, 0, 2, 2)]}
        texts = {
            "w.csv": "filename;x;y;w;h;confidence\na/x.png;1;2;3;4;1\n"
                     "y.png;0;0;2;2;0.5\ny.png;5;5;4;4;0.75\n",
            "p.json": json.dumps({"images": [
                {"image": name, "faces": [{"box": box} for box in boxes]}
                for name, boxes in expected.items()]}),
            "d.json": json.dumps({"a/x.png": [1, 2, 4, 6], "y.png": expected["y.png"]}),
            "i.xml": "<dataset><images><image file='a/x.png'>"
                     "<box left='1' top='2' width='3' height='4'/>"
                     "<box left='1' top='1' width='1' height='1' ignore='1'/></image>"
                     "<image file='y.png'><box left='5' top='5' width='4' height='4'/>"
                     "<box left='0' top='0' width='2' height='2'/></image></images></dataset>",
        }  # fmt: skip
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
            assert read_boxes(tmp_path / name) == expected, name

    @pytest.mark.parametrize(
        "text",
        ["[]", '{"a": 1}', '{"a": [[1, 2, 3]]}', '{"images": [{}]}', '{"a": [[1, 2, 3, 1e9]]}'],
    )
    def test_other_json_is_refused(self, tmp_path, text):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(InputError, match=r"b\.json"):
            read_boxes(tmp_path / "b.json")

    def test_paths_come_before_names(self):
        boxes = Boxes({"one/a.png": [(1,) * 4], "a.png": [(2,) * 4], "two/b.png": [(3,) * 4]})
        assert boxes.of("/data/one/a.png") == [(1,) * 4]
        assert boxes.of("/data/other/a.png") == [(2,) * 4]
        assert boxes.of("/data/one/b.png") is None
        assert boxes.unmatched(["one/a.png", "b.png"]) == ["a.png", "two/b.png"]

    def test_a_file_larger_than_any_is_not_read(self, tmp_path):
        path = tmp_path / "boxes.csv"
        with path.open("wb") as file:
            file.truncate((1 << 26) + 1)  # takes no room
        with pytest.raises(InputError, match=r"boxes\.csv: larger than"):
            read_boxes(path)


class TestFolder:
    def test_reads_pairs_sorted_and_reports_the_rest(self, tmp_path):
        put_face(tmp_path, "b")
        put_face(tmp_path, "a", SQUARE + 5, size=(80, 70))
        put_face(tmp_path, "c", suffix=".JPG")
        put_face(tmp_path, "no_box")
        put_face(tmp_path, "thin")
        put_face(tmp_path, "far")
        put_face(tmp_path, "point", np.full((4, 2), 9.0))
        put_face(tmp_path, "lonely_points")
        (tmp_path / "lonely_points.png").unlink()
        put_face(tmp_path, "lonely_image")
        (tmp_path / "lonely_image.pts").unlink()
        put_face(tmp_path, "endless")
        (tmp_path / "endless.pts").write_text("1 2\n3 inf\n")
        put_face(tmp_path, "cut")
        (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-30])
        put_face(tmp_path, "twice")
        put_face(tmp_path, "twice", suffix=".bmp")
        (tmp_path / "notes.txt").write_text("not a face")
        (tmp_path / "folder.png").mkdir()
        box = (8, 9, 33, 42)
        put_boxes(
            tmp_path, b=box, a=(1, 2, 70, 60), thin=(5, 5, 5, 9), far=(500, 0, 600, 99), twice=box
        )
        with (tmp_path / "boxes.csv").open("a") as file:
            file.write("\nc.JPG,1,2,30,40\ntwice.bmp,1,2,30,40")

        calls = []
        dataset = read_folder(tmp_path, progress=lambda done, total: calls.append((done, total)))
        names = ["a.png", "b.png", "c.JPG", "twice.bmp"]
        assert dataset.files == [str(tmp_path / name) for name in names]
        np.testing.assert_array_equal(dataset.shapes[:2], [SQUARE + 5, SQUARE])
        np.testing.assert_array_equal(dataset.boxes[:2], [(1, 2, 70, 60), box])
        np.testing.assert_array_equal(dataset.sizes[:2], [(80, 70), (64, 48)])
        assert dataset.scheme.name == "points4"
        assert calls == [(i, len(calls)) for i in range(1, len(calls) + 1)]
        found = reasons(dataset, tmp_path)
        assert sorted(found) == [
            "cut.png", "endless.pts", "far.png", "lonely_image.png", "lonely_points.pts",
            "no_box.png", "point.pts", "thin.png", "twice.png",
        ]  # fmt: skip
        for file, words in {
            "cut.png": "truncated",
            "endless.pts": "outside any image",
            "far.png": "outside",
            "lonely_image.png": "no .pts",
            "lonely_points.pts": "no image",
            "no_box.png": "no face box",
            "point.pts": "spread",
            "thin.png": "degenerate",
            "twice.png": "twice.bmp",
        }.items():
            assert words in found[file]
            assert str(tmp_path) not in found[file]

    def test_landmarks_may_lie_outside_and_be_missing(self, tmp_path):
        shape = SQUARE - (25, 0)
        shape[0] = np.nan
        put_face(tmp_path, "a", shape)
        dataset = read_folder(tmp_path, boxes="tight")
        np.testing.assert_array_equal(dataset.shapes[0], shape)
        np.testing.assert_array_equal(dataset.boxes[0], (-15, 12, 5, 40))

    def test_of_several_boxes_the_one_on_the_landmarks(self, tmp_path):
        put_face(tmp_path, "a")
        (tmp_path / "other.csv").write_text(
            "image,left,top,right,bottom\na.png,40,1,60,40\na.png,9,11,33,41\na.png,0,0,63,47"
        )
        dataset = read_folder(tmp_path, boxes=tmp_path / "other.csv")
        np.testing.assert_array_equal(dataset.boxes, [(9, 11, 33, 41)])

    def test_detected_boxes(self, tmp_path):
        for name in "abc":
            put_face(tmp_path, name)
        answers = iter([[(40, 1, 60, 40), (9, 11, 33, 41)], [], [(29, 1, 60, 40)]])
        seen = []

        def detector(image):
            seen.append((image.shape, image.dtype))
            return next(answers)

        dataset = read_folder(tmp_path, boxes="detect", detector=detector)
        np.testing.assert_array_equal(dataset.boxes, [(9, 11, 33, 41)])
        assert seen == [((48, 64), np.uint8)] * 3
        found = reasons(dataset, tmp_path)
        assert found == {"b.png": "no face box", "c.png": "no face box"}

    def test_options_that_miss_something(self, tmp_path):
        put_face(tmp_path, "a")
        with pytest.raises(InputError, match="detector"):
            read_folder(tmp_path, boxes="detect")
        with pytest.raises(InputError, match=r"boxes\.csv"):
            read_folder(tmp_path)
        with pytest.raises(InputError, match=r"nowhere\.csv"):
            read_folder(tmp_path, boxes=tmp_path / "nowhere.csv")
        with pytest.raises(InputError, match=r"a\.png.*detector"):
            read_folder(tmp_path, boxes="detect", detector=lambda image: [1, 2, 3])
        with pytest.raises(InputError, match="68"):
            read_folder(tmp_path, boxes="tight", scheme="face68")
        with pytest.raises(InputError, match="missing"):
            read_folder(tmp_path / "missing")

    def test_a_folder_without_faces_says_what_it_holds(self, tmp_path):
        with pytest.raises(InputError, match=r"no image and no \.pts"):
            read_folder(tmp_path, boxes="tight")
        put_face(tmp_path, "a", np.full((4, 2), 9.0))
        with pytest.raises(InputError, match=r"1 annotated.*a\.pts.*spread"):
            read_folder(tmp_path, boxes="tight")

    def test_mixed_point_counts_are_refused(self, tmp_path):
        put_face(tmp_path / "one", "a")
        put_face(tmp_path / "two", "b", SQUARE[:3])
        with pytest.raises(InputError, match=r"a\.png has 4 .*b\.png has 3"):
            read_folders([tmp_path / "one", tmp_path / "two"], boxes="tight")
        put_face(tmp_path / "one", "c", SQUARE[:3])
        with pytest.raises(InputError, match=r"a\.pts has 4 .*c\.pts has 3"):
            read_folder(tmp_path / "one", boxes="tight")

    def test_folders_are_joined_in_order(self, tmp_path):
        put_face(tmp_path / "two", "a")
        put_face(tmp_path / "one", "b")
        (tmp_path / "one" / "c.pts").write_text("1 1")
        dataset = read_folders([tmp_path / "two", tmp_path / "one"], boxes="tight")
        assert dataset.files == [str(tmp_path / "two/a.png"), str(tmp_path / "one/b.png")]
        assert list(reasons(dataset, tmp_path)) == ["one/c.pts"]
        assert read_folders(tmp_path / "two", boxes="tight").files == dataset.files[:1]

    def test_real_folders(self, real_data):
        dataset = read_folder(real_data / "300w/lfpw/testset")
        assert (len(dataset), dataset.scheme.name, dataset.skipped) == (224, "face68", [])
        fits = np.diagonal(iou(dataset.boxes, tight_box(dataset.shapes)))
        assert np.median(fits) > 0.85
