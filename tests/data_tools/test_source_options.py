"""What single data sets and formats have of their own."""

import json

import cv2
import numpy as np
import pytest

from data_tools.readers import read_source
from data_tools.readers.helen import read_landmarks as read_helen
from data_tools.readers.ljson import read_landmarks as read_ljson
from data_tools.readers.mat5 import read_mat5
from features.errors import InputError

from .samples import BOX, SAMPLES, flat, image, pts, shapes, text, words


class Test300VW:
    def test_every_frame_kept_in_memory(self, tmp_path):
        faces = read_source(SAMPLES["300vw"](tmp_path).path, step=1, boxes="tight")
        assert len(faces) == 12 and faces.attributes["frame"].tolist() == list(range(1, 13))
        # Frame k was drawn in the grey 20 k; the codec loses a little.
        assert [abs(int(faces.image(k).mean()) - 20 * k) < 4 for k in range(12)] == [True] * 12

    def test_frames_in_a_folder_are_read_when_needed(self, tmp_path):
        sample = SAMPLES["300vw"](tmp_path)
        faces = read_source(sample.path, step=5, frames=tmp_path / "frames", boxes="tight")
        assert faces.images is None and faces.attributes["frame"].tolist() == [1, 6, 11]
        assert faces.files[1] == str(tmp_path / "frames" / "001_000006.png")
        assert abs(int(faces.image(1).mean()) - 100) < 4
        assert faces.subset([2]).image(0).shape == (50, 60)

    def test_one_video_and_annotations_without_a_frame(self, tmp_path):
        SAMPLES["300vw"](tmp_path)
        text(tmp_path / "001/annot/000021.pts", pts(shapes(68)[0]))
        text(tmp_path / "001/annot/000000.pts", pts(shapes(68)[0]))
        faces = read_source(tmp_path / "001", boxes="tight")
        assert set(faces.attributes["video"]) == {"001"} and len(faces) == 2
        reasons = [entry.reason for entry in faces.skipped]
        assert any("numbered from 1" in r for r in reasons)
        assert any("fewer than 21 frames" in r for r in reasons)
        with pytest.raises(InputError, match="step must be"):
            read_source(tmp_path / "001", step=0)


class TestSqlite:
    def test_the_database_and_its_folder_are_left_as_they_are(self, tmp_path):
        sample = SAMPLES["aflw"](tmp_path)
        before = (tmp_path / "aflw.sqlite").read_bytes()
        read_source(sample.path)
        assert (tmp_path / "aflw.sqlite").read_bytes() == before
        assert sorted(f.name for f in tmp_path.iterdir()) == ["aflw.sqlite", "flickr"]

    def test_a_name_with_signs_of_an_address(self, tmp_path):
        SAMPLES["aflw"](tmp_path)
        file = (tmp_path / "aflw.sqlite").rename(tmp_path / "a?mode=rwc&x#.sqlite")
        assert len(read_source(file)) == 2
        assert sorted(f.name for f in tmp_path.iterdir()) == [file.name, "flickr"]


class TestParts:
    def test_aflw19(self, tmp_path):
        sample = SAMPLES["aflw19"](tmp_path)
        assert len(read_source(sample.path, part="train")) == 2
        for part in ("test", "frontal"):
            with pytest.raises(InputError, match="no usable face"):
                read_source(sample.path, part=part)
        with pytest.raises(InputError, match="part must be"):
            read_source(sample.path, part="all")

    def test_300w(self, tmp_path):
        sample = SAMPLES["300w"](tmp_path)
        assert read_source(sample.path, parts=["afw"], boxes="tight").attributes["set"] == ["afw"]

    def test_menpo_profiles(self, tmp_path):
        sample = SAMPLES["menpo"](tmp_path)
        faces = read_source(sample.path, points=39, boxes="tight")
        assert faces.scheme.name == "menpo39" and len(faces) == 1 and len(faces.skipped) == 2
        assert "read it with points=68" in faces.skipped[0].reason

    def test_flipped_copies_of_300w_lp(self, tmp_path):
        sample = SAMPLES["300w-lp"](tmp_path)
        (tmp_path / "AFW").rename(tmp_path / "AFW_Flip")
        assert len(read_source(sample.path, boxes="tight")) == 1
        assert len(read_source(sample.path, boxes="tight", flipped=True)) == 2


class TestCelebA:
    def test_aligned_images_and_tables_of_kaggle(self, tmp_path):
        faces = np.rint(shapes(5))
        columns = [f"{p}_{a}" for p in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
                   for a in "xy"]  # fmt: skip
        rows = "".join(f"00000{k}.jpg,{','.join(words(flat(s)).split())}\n"
                       for k, s in enumerate(faces))  # fmt: skip
        text(tmp_path / "list_landmarks_align_celeba.csv", f"image_id,{','.join(columns)}\n{rows}")
        text(tmp_path / "list_eval_partition.csv",
             "image_id,partition\n000000.jpg,1\n000001.jpg,2\n")  # fmt: skip
        for k in range(2):
            image(tmp_path / "img_align_celeba" / "img_align_celeba" / f"00000{k}.jpg")
        folder = tmp_path / "img_align_celeba" / "img_align_celeba"
        found = read_source(tmp_path, images=folder, boxes="tight")
        np.testing.assert_allclose(found.shapes, faces)
        assert found.attributes["set"].tolist() == ["val", "test"]


class TestLFPW:
    def test_images_by_number(self, tmp_path):
        sample = SAMPLES["lfpw"](tmp_path)
        for k in range(2):
            (tmp_path / f"{k}face.png").rename(tmp_path / f"image_{k + 1:04d}.png")
        with pytest.raises(InputError, match="no usable face"):
            read_source(sample.path, boxes="tight")
        faces = read_source(sample.path, numbered=True, boxes="tight")
        np.testing.assert_allclose(faces.shapes, sample.shapes)


def test_cofw68_with_the_images_of_cofw(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")
    SAMPLES["cofw68"](tmp_path)
    cofw = SAMPLES["cofw"](tmp_path)
    with (
        h5py.File(cofw.path, "r") as old,
        h5py.File(tmp_path / "COFW68_Data/COFW_test_color.mat", "w") as new,
    ):
        for name in ("phis", "bboxes", "Is", "#refs#"):
            old.copy(old[name if name[0] == "#" else f"{name}Tr"], new,
                     name if name[0] == "#" else f"{name}T", expand_refs=True)  # fmt: skip
        references = np.empty((1, 2), h5py.ref_dtype)
        for k in range(2):
            references[0, k] = new[f"#refs#/{k}"].ref
        new["IsT"][...] = references
    faces = read_source(tmp_path)
    assert faces.scheme.name == "face68" and len(faces) == 2
    np.testing.assert_allclose(faces.shapes, shapes(68))
    np.testing.assert_allclose(faces.boxes, [BOX] * 2)
    tight = read_source(tmp_path, boxes="tight")
    np.testing.assert_allclose(tight.boxes, [[6, 5, 52, 44]] * 2, atol=1)


def test_helens_files_name_their_line(tmp_path):
    sample = SAMPLES["helen194"](tmp_path)
    file = sample.path / "annotation/1.txt"
    np.testing.assert_allclose(read_helen(file), sample.shapes[0])
    lines = file.read_text().splitlines()
    lines[7] = "1 2"
    file.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"line 8: expected 'x , y', not '1 2'"):
        read_helen(file)


class TestCoco:
    def write(self, folder, keypoints, **more):
        image(folder / "a.jpg")
        content = {
            "images": [{"id": 1, "file_name": "a.jpg"}],
            "annotations": [{"image_id": 1, "keypoints": flat(keypoints), **more}],
        }
        return text(folder / "a.json", json.dumps(content))

    @pytest.mark.parametrize("n_points, first", [(133, 23), (136, 26)])
    def test_faces_of_whole_bodies(self, tmp_path, n_points, first):
        body = np.concatenate([shapes(n_points, 1)[0], np.full((n_points, 1), 2)], axis=1)
        faces = read_source(self.write(tmp_path, body), boxes="tight")
        assert faces.scheme.name == "face68" and faces.visible is None
        np.testing.assert_allclose(faces.shapes[0], body[first : first + 68, :2])

    def test_wrong_entries_are_named(self, tmp_path):
        path = self.write(tmp_path, np.ones((5, 3)), bbox=[1, 2, 3])
        with pytest.raises(InputError, match=r"annotations\[0\]: a box is left"):
            read_source(path)
        path = self.write(tmp_path, np.ones((2, 2)))
        with pytest.raises(InputError, match=r"annotations\[0\]: keypoints are x, y and v"):
            read_source(path)
        path = self.write(tmp_path, np.zeros((5, 3)))
        with pytest.raises(InputError, match="no keypoint is labelled"):
            read_source(path, boxes="tight")


class TestLJSON:
    POINTS = ((2.0, 1.0), (None, None), (4.5, 3.5))

    @pytest.mark.parametrize(
        "content",
        [
            {"version": 1, "groups": [{"landmarks": [{"point": p} for p in POINTS[:2]]},
                                      {"landmarks": [{"point": POINTS[2]}]}]},
            {"version": 2, "landmarks": {"points": POINTS, "connectivity": []}, "labels": []},
            {"version": 3, "groups": {"a": {"landmarks": {"points": POINTS[:1]}},
                                      "b": {"landmarks": {"points": POINTS}}}},
        ],
    )  # fmt: skip
    def test_versions(self, tmp_path, content):
        path = text(tmp_path / "a.ljson", json.dumps(content))
        expected = [[1, 2], [np.nan, np.nan], [3.5, 4.5]]
        np.testing.assert_array_equal(read_ljson(path), expected)


class TestLabelStudio:
    def test_names_of_served_files_and_cancelled_annotations(self, tmp_path):
        sample = SAMPLES["label-studio"](tmp_path)
        tasks = json.loads(sample.path.read_text())
        tasks[0]["data"] = {"id": 7, "photo": "/data/local-files/?d=a%20b/0.png"}
        tasks[1]["annotations"].append({"was_cancelled": True, "result": []})
        sample.path.write_text(json.dumps(tasks))
        np.testing.assert_allclose(read_source(sample.path).shapes, sample.shapes)

    def test_two_points_of_one_name(self, tmp_path):
        sample = SAMPLES["label-studio"](tmp_path)
        tasks = json.loads(sample.path.read_text())
        result = tasks[1]["annotations"][0]["result"]
        result[1]["value"]["keypointlabels"] = ["0"]
        sample.path.write_text(json.dumps(tasks))
        with pytest.raises(InputError, match="task 1, result 1: a face has two key points '0'"):
            read_source(sample.path)


def test_labelme_with_its_images_elsewhere(tmp_path):
    SAMPLES["labelme"](tmp_path)
    for k in range(2):
        file = tmp_path / f"{k}.json"
        file.write_text(file.read_text().replace(f'"{k}.png"', f'"..\\\\photos\\\\{k}.png"'))
    faces = read_source(tmp_path, images=tmp_path)
    assert len(faces) == 2


def test_cvat_faces_of_one_image_take_their_own_boxes(tmp_path):
    image(tmp_path / "a.png")
    points = "5,5;20,30", "30,5;50,40"
    boxes = "".join(
        f'<box label="f" xtl="{left}" ytl="4" xbr="{left + 22}" ybr="42"/>' for left in (29, 3)
    )
    path = text(
        tmp_path / "a.xml",
        f'<annotations><image name="a.png">{boxes}<points label="p" points="{points[0]}"/>'
        f'<points label="p" occluded="1" points="{points[1]}"/></image></annotations>',
    )
    faces = read_source(path)
    assert faces.boxes[:, 0].tolist() == [3, 29]
    np.testing.assert_array_equal(faces.visible, [[True, True], [False, False]])
    for wrong, words_ in (("<track/>", "a track of a video"), ("<image/>", "image has no name")):
        text(path, f"<annotations>{wrong}</annotations>")
        with pytest.raises(InputError, match=rf"line 1: {words_}"):
            read_source(path)


def test_cells_of_texts_in_matlab_files(tmp_path):
    from scipy.io import savemat

    names = np.empty((1, 3), object)
    names[0] = ["a", "b/ü.jpg", ""]
    for packed in (False, True):
        savemat(tmp_path / "a.mat", {"names": names, "x": np.eye(2)}, do_compression=packed)
        assert read_mat5(tmp_path / "a.mat", texts=True)["names"] == ["a", "b/ü.jpg", ""]
        assert list(read_mat5(tmp_path / "a.mat")) == ["x"]
    names[0, 1] = np.eye(3)
    savemat(tmp_path / "a.mat", {"names": names})
    with pytest.raises(InputError, match="not a sound Matlab file"):
        read_mat5(tmp_path / "a.mat", texts=True)


def test_an_image_may_be_damaged(tmp_path):
    """As in folders: it is left out and named."""
    sample = SAMPLES["mtfl"](tmp_path)
    (tmp_path / "AFLW/1.jpg").write_bytes(b"no image")
    faces = read_source(sample.path, boxes="tight")
    assert len(faces) == 1 and "1.jpg" in faces.skipped[0].file
    assert cv2.imread(faces.files[0]) is not None
