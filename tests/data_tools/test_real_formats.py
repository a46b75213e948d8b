"""Readers on files of the data sets themselves, where they are at hand."""

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from data_tools.readers import find_source, read_folders, read_source
from data_tools.readers.ljson import read_landmarks
from data_tools.readers.merl_rav import read_labels
from features.errors import InputError


@pytest.fixture
def formats(real_data):
    folder = real_data / "formats"
    if not folder.is_dir():
        pytest.skip(f"no samples of formats at {folder}")
    return folder


def picture(path, size=(400, 400)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full(size, 99, np.uint8))


@pytest.mark.parametrize(
    "folder, scheme, n_faces",
    [("wflw", "wflw98", 4), ("cofw", "cofw29", 2), ("lapa", "lapa106", 2), ("300wlp", "face68", 2),
     ("aflw", "aflw19", 2)],
)  # fmt: skip
def test_coco(formats, folder, scheme, n_faces):
    path = next((formats / "coco" / folder).glob("*.json"))
    faces = read_source(path)
    assert find_source(path).name == "coco" and faces.scheme.name == scheme
    assert len(faces) == n_faces and not faces.skipped
    # Landmarks lie in the images, most of them in their boxes, and eyes above the chin.
    inside = (faces.shapes > faces.boxes[:, None, :2] - 20) & (
        faces.shapes < faces.boxes[:, None, 2:] + 20
    )
    assert inside.mean() > 0.9
    for shape in faces.shapes:
        right, left = (shape[list(points)].mean(0) for points in faces.scheme.pupils)
        assert right[0] < left[0] and max(right[1], left[1]) < shape[:, 1].max()


def test_folders_of_pts_stay_what_they_are(real_data):
    assert find_source(real_data / "300w").name == "300w"
    for folder in ("300w/afw", "300w/helen/trainset", "300w/lfpw/testset", "imm", "backgrounds"):
        assert find_source(real_data / folder) is None
    groups = sorted((real_data / "groups").glob("*.xml"))
    assert groups and {find_source(path).name for path in groups} == {"imglab"}
    faces = read_folders(
        [real_data / "300w/lfpw/testset", real_data / "formats/300w-lp"], boxes="tight"
    )
    assert len(faces) == 225 and faces.attributes == {}


def test_coco_whole_body(formats, tmp_path):
    path = formats / "coco/wholebody/test_coco_wholebody.json"
    with pytest.raises(InputError, match="no usable face"):  # its photographs are not here
        read_source(path)
    for name in ("785", "40083", "196141", "197388"):
        picture(tmp_path / f"{int(name):012d}.jpg", (700, 700))
    faces = read_source(path, images=tmp_path)
    assert faces.scheme.name == "face68" and len(faces) == 4
    assert any(entry.reason == "no valid face" for entry in faces.skipped)
    np.testing.assert_allclose(faces.shapes[0, 0], [355.823, 75.36], atol=1e-3)
    np.testing.assert_allclose(faces.boxes[0], [358.2, 69.86, 384.56, 95.71], atol=1e-2)


def test_3d_models(formats):
    for folder, name in (("aflw2000-3d", "aflw2000-3d"), ("300w-lp", "300w-lp")):
        path = formats / folder
        faces = read_source(path, boxes="tight")
        assert find_source(path).name == name and faces.scheme.name == "face68"
        file = faces.files[0].replace(".jpg", ".mat")
        content = loadmat(file)
        points = content["pt3d_68" if folder == "aflw2000-3d" else "pt2d"]
        np.testing.assert_allclose(faces.shapes[0], points[:2].T - 1, atol=1e-3)
        angles = np.degrees(content["Pose_Para"][0, :3])
        found = [faces.attributes[a][0] for a in ("pitch", "yaw", "roll")]
        np.testing.assert_allclose(found, angles, atol=1e-3)
        # At a positive yaw, the nose points to the left of the image.
        for shape, yaw in zip(faces.shapes, faces.attributes["yaw"], strict=True):
            middle = (shape[36, 0] + shape[45, 0]) / 2
            if abs(yaw) > 15:
                assert np.sign(shape[30, 0] - middle) == -np.sign(yaw)
    faces = read_source(formats / "aflw2000-3d", points=21, boxes="tight")
    assert faces.scheme.name == "aflw21"
    points = loadmat(faces.files[0].replace(".jpg", ".mat"))["pt2d"]
    np.testing.assert_allclose(faces.shapes[0], points.T - 1, atol=1e-3)


def test_merl_rav(formats, tmp_path):
    path = formats / "merl-rav"
    assert find_source(path).name == "merl-rav"
    files = sorted(path.glob("*/testset/labels/*.pts"))
    for file in files:
        picture(tmp_path / f"{file.stem.partition('_')[0]}.jpg", (1600, 2900))
    faces = read_source(path, images=tmp_path, boxes="tight")
    assert len(faces) == len(files) == 10 and not faces.skipped
    assert set(faces.attributes["view"]) == {"frontal", "left", "lefthalf", "right", "righthalf"}
    shape, visible = read_labels(path / "lefthalf/testset/labels/image00530.pts")
    np.testing.assert_allclose(shape[0], [334.357, 304], atol=1e-2)
    assert not visible[:4].any() and visible[4] and (shape[np.isfinite(shape)] >= 0).all()
    # Profiles hide the far side of the face, frontal faces nothing.
    missing = np.isnan(faces.shapes[..., 0]).mean(1)
    views = faces.attributes["view"]
    assert missing[np.isin(views, ["left", "right"])].min() > 0.2
    assert missing[views == "frontal"].max() == 0


def test_cofw68(formats, tmp_path):
    path = formats / "cofw68"
    assert find_source(path).name == "cofw68"
    with pytest.raises(InputError, match="images are not here"):
        read_source(path)
    for number in (1, 2, 100):
        picture(tmp_path / f"{number:03d}.jpg", (600, 600))
    faces = read_source(path, images=tmp_path)
    assert len(faces) == 3 and faces.scheme.name == "face68"
    assert 0.5 < faces.visible.mean() < 1
    centre = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    assert (np.abs(faces.shapes.mean(1) - centre) < 60).all()


def test_lists_of_lfpw_and_muct(formats, tmp_path):
    path = formats / "kbvt_lfpw_v1_test.head.csv"
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    for row in rows:
        picture(tmp_path / row[0].rpartition("/")[2], (1500, 1500))
    faces = read_source(path, images=tmp_path, boxes="tight")
    assert len(faces) == sum(row[1] == "average" for row in rows) > 3
    np.testing.assert_allclose(faces.shapes[0, 0], np.float32(rows[0][2:4]), atol=1e-3)
    # The last of the 29 is the chin, which the list has behind the ears.
    np.testing.assert_allclose(faces.shapes[0, 28], np.float32(rows[0][-3:-1]), atol=1e-3)
    assert 0.8 < faces.visible.mean() <= 1

    path = formats / "muct76-opencv.head.csv"
    for line in path.read_text().splitlines()[1:]:
        picture(tmp_path / f"{line.partition(',')[0]}.jpg", (700, 700))
    faces = read_source(path, images=tmp_path, boxes="tight")
    assert len(faces) == 39 and faces.scheme.name == "muct68"
    np.testing.assert_allclose(faces.shapes[0, 0], [201, 348])
    assert set(faces.attributes["tag"]) == {"0", "200"}


def test_annotation_tools(formats, tmp_path):
    assert find_source(formats / "labelme.json").name == "labelme"
    picture(tmp_path / "primitives.jpg", (450, 560))
    with pytest.raises(InputError, match="no usable face"):  # one point is no face
        read_source(formats / "labelme.json", images=tmp_path)

    path = formats / "cvat-for-images.xml"
    assert find_source(path).name == "cvat"
    for name, side in (("img0.jpg", 8), ("img1.jpg", 10)):
        picture(tmp_path / name, (side, side))
    faces = read_source(path, images=tmp_path, boxes="tight")
    # Points of their own are numbered from 0, those of the skeletons from 1 to 4.
    assert faces.shapes.shape == (3, 5, 2)
    nan = [np.nan, np.nan]
    np.testing.assert_array_equal(faces.shapes[0], [nan, nan, [2, 2], [3, 3], [4, 4]])
    np.testing.assert_array_equal(faces.shapes[1], [[1, 2], [3, 4], [5, 6], nan, nan])
    assert len(read_landmarks(formats / "lenna.ljson")) == 68
    np.testing.assert_allclose(
        read_landmarks(formats / "lenna.ljson")[0], [200.534, 268.62], atol=1e-3
    )
    assert len(read_landmarks(formats / "lenna.ljson", group="pupils")) == 2
    with pytest.raises(InputError, match="no group 'x', but LJSON, pupils"):
        read_landmarks(formats / "lenna.ljson", group="x")
