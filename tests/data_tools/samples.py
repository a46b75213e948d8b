"""Small data sets in the very layout of published ones, with drawn noise for images."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np
from scipy.io import savemat

from data_tools.video import _quiet

SIZE = 60, 50  # width, height
BOX = (4.0, 3.0, 55.0, 46.0)


class Sample(NamedTuple):
    """What was written, and what a reader must find."""

    path: Path
    scheme: str
    shapes: np.ndarray
    visible: np.ndarray | None = None
    attributes: dict = MappingProxyType({})
    boxes: list | None = None
    """What "csv" finds; None where the data set has none."""


def shapes(n_points, n_faces=2, seed=0):
    """Landmarks inside the images, in quarters of pixels, which every format keeps."""
    rng = np.random.default_rng(seed)
    found = rng.integers(20, 40, (n_faces, n_points, 2)) + rng.integers(0, 4, (n_faces, 1, 2)) / 4
    found[:, 0], found[:, -1] = (6, 5), (52, 44)
    return found


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 256, SIZE[::-1]).astype(np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def pts(shape, first=1):
    rows = "".join(f"{x:.6f} {y:.6f}\n" for x, y in np.asarray(shape) + first)
    return f"version: 1\nn_points: {len(shape)}\n{{\n{rows}}}\n"


def pairs(folder, names, faces, suffix=".jpg"):
    for name, shape in zip(names, faces, strict=True):
        image(folder / f"{name}{suffix}")
        text(folder / f"{name}.pts", pts(shape))


def flat(shape):
    return np.asarray(shape).ravel().tolist()


def words(values):
    return " ".join(f"{value:g}" for value in values)


def imglab(root):
    faces = np.rint(shapes(5))
    boxes = ""
    for k, shape in enumerate(faces):
        image(root / f"{k}.png")
        parts = "".join(f"<part name='{i}' x='{x:g}' y='{y:g}'/>" for i, (x, y) in enumerate(shape))
        boxes += (f"<image file='{k}.png'><box top='3' left='4' width='52' height='44'>{parts}"
                  "</box></image>")  # fmt: skip
    path = text(root / "faces.xml", f"<?xml version='1.0'?>\n<!-- a -->\n<dataset><images>{boxes}"
                                    "</images></dataset>")  # fmt: skip
    return Sample(path, "face5", faces, boxes=[BOX] * 2)


def cvat(root):
    """A skeleton of which a point is outside and one covered, and single points of one group."""
    faces = shapes(5)
    skeleton = "".join(
        f'<points label="{i}" occluded="{int(i == 2)}" outside="{int(i == 1)}" '
        f'points="{x},{y}"></points>'
        for i, (x, y) in enumerate(faces[0])
    )
    single = "".join(
        f'<points label="{i}" group_id="7" occluded="0" points="{x},{y}"/>'
        for i, (x, y) in enumerate(faces[1])
    )
    box = '<box label="face" xtl="4" ytl="3" xbr="55" ybr="46"/>'
    for name in "ab":
        image(root / f"{name}.png")
    path = text(
        root / "annotations.xml",
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta></meta>'
        f'<image id="0" name="a.png" width="60" height="50">{box}'
        f'<skeleton label="s" points="">{skeleton}</skeleton></image>'
        f'<image id="1" name="b.png" width="60" height="50">{box}{single}</image></annotations>',
    )
    faces[0, 1] = np.nan
    visible = np.ones((2, 5), bool)
    visible[0, 1:3] = False
    return Sample(path, "face5", faces, visible, boxes=[BOX] * 2)


def coco(root):
    faces = shapes(98)
    flags = np.full((2, 98, 1), 2)
    flags[0, 5], flags[1, 6] = 1, 0
    for name in "ab":
        image(root / f"{name}.jpg")
    content = {
        "info": {"description": "drawn"},
        "images": [{"id": 10 + k, "file_name": f"{'ab'[k]}.jpg"} for k in range(2)],
        "annotations": [
            {"id": k, "image_id": 10 + k, "category_id": 1, "iscrowd": 0,
             "keypoints": flat(np.concatenate([faces[k], flags[k]], 1)),
             "bbox": [4, 3, 51, 43]}
            for k in range(2)
        ],
        "categories": [{"id": 1, "name": "face", "keypoints": [], "skeleton": []}],
    }  # fmt: skip
    faces[1, 6] = np.nan
    path = text(root / "test.json", json.dumps(content))
    return Sample(path, "wflw98", faces, flags[..., 0] == 2, boxes=[BOX] * 2)


def label_studio(root):
    faces = shapes(5)
    sizes = {"original_width": SIZE[0], "original_height": SIZE[1]}
    tasks = []
    for k, shape in enumerate(faces):
        image(root / f"{k}.png")
        result = [
            {"id": f"p{i}", "type": "keypointlabels", "parentID": "box", **sizes,
             "value": {"x": x / SIZE[0] * 100, "y": y / SIZE[1] * 100, "width": 0.5,
                       "keypointlabels": [str(i)]}}
            for i, (x, y) in enumerate(shape)
        ]  # fmt: skip
        left, top, right, bottom = np.array(BOX) / (*SIZE, *SIZE) * 100
        value = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        result.append({"id": "box", "type": "rectanglelabels", **sizes, "value": value})
        tasks.append(
            {"id": k, "data": {"image": f"/data/upload/1/abcdef01-{k}.png"},
             "annotations": [{"was_cancelled": False, "result": result}]}
        )  # fmt: skip
    path = text(root / "export.json", json.dumps(tasks))
    return Sample(path, "face5", faces, boxes=[BOX] * 2)


def labelme(root):
    faces = shapes(5)
    for k, shape in enumerate(faces):
        image(root / f"{k}.png")
        found = [
            {"label": str(i), "points": [[x, y]], "group_id": None, "shape_type": "point",
             "flags": {"occluded": True} if (k, i) == (0, 3) else {}}
            for i, (x, y) in enumerate(shape)
        ]  # fmt: skip
        found.append({"label": "face", "points": [[4, 46], [55, 3]], "shape_type": "rectangle"})
        found.append({"label": "hair", "points": [[1, 1], [2, 2], [3, 1]], "shape_type": "polygon"})
        content = {"version": "5", "flags": {}, "shapes": found, "imagePath": f"{k}.png"}
        text(root / f"{k}.json", json.dumps(content | {"imageData": None}))
    visible = np.ones((2, 5), bool)
    visible[0, 3] = False
    return Sample(root, "face5", faces, visible, boxes=[BOX] * 2)


def table(root):
    faces = shapes(5)
    visible = np.ones((2, 5), bool)
    visible[1, 2] = False
    header = "image,left,top,right,bottom," + ",".join(f"{a}{i}" for i in range(5) for a in "xy")
    header += "," + ",".join(f"visible{i}" for i in range(5)) + ",yaw,set,ok\n"
    rows = ""
    for k, shape in enumerate(faces):
        image(root / f"{k}.png")
        cells = [f"{k}.png", *BOX, *flat(shape), *visible[k].astype(int), 10.5 + k, "ab"[k], k == 1]
        rows += ",".join(map(str, cells)) + "\n"
    path = text(root / "faces.csv", header + rows)
    attributes = {"yaw": [10.5, 11.5], "set": ["a", "b"], "ok": [False, True]}
    return Sample(path, "face5", faces, visible, attributes, [BOX] * 2)


def ljson(root):
    faces = shapes(68)
    faces[1, 7] = np.nan
    for k, shape in enumerate(faces):
        image(root / f"{k}.jpg")
        rows = [[None, None] if np.isnan(x) else [y, x] for x, y in shape]
        group = {"landmarks": {"points": rows, "connectivity": []}, "labels": []}
        few = {"landmarks": {"points": [[1, 2]], "connectivity": []}, "labels": []}
        text(root / f"{k}.ljson", json.dumps({"version": 3, "groups": {"A": few, "LJSON": group}}))
    return Sample(root, "face68", faces)


def w300(root):
    faces = shapes(68)
    pairs(root / "afw", ["a"], faces[:1])
    pairs(root / "helen" / "trainset", ["b"], faces[1:], ".png")
    return Sample(root, "face68", faces, attributes={"set": ["afw", "helen/trainset"]})


def vw300(root):
    faces = shapes(68)
    folder = root / "001"
    folder.mkdir(exist_ok=True)
    # FFmpeg keeps the level of the first call in a process: a loud one would be heard later.
    with _quiet():
        writer = cv2.VideoWriter(
            str(folder / "vid.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, SIZE
        )
    for k in range(12):
        writer.write(np.full((*SIZE[::-1], 3), 20 * k, np.uint8))
    writer.release()
    for k in range(12):
        text(folder / "annot" / f"{k + 1:06d}.pts", pts(faces[k // 6] + 0.25 * (k % 6)))
    # Every tenth frame: the first and the eleventh.
    expected = np.stack([faces[0], faces[1] + 0.25 * 4])
    return Sample(root, "face68", expected, attributes={"video": ["001"] * 2, "frame": [1, 11]})


def _mat(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, content)


def _angles(k):
    return np.radians(np.float64([[10 + k, -20, 30, 0, 0, 0, 1]]))


_POSE = {"pitch": [10, 11], "yaw": [-20, -20], "roll": [30, 30]}


def w300lp(root):
    faces = shapes(68)
    for k, folder in enumerate(("AFW", "IBUG")):
        stem = root / folder / f"{folder}_{k}_0"
        image(stem.with_suffix(".jpg"))
        _mat(stem.with_suffix(".mat"), pt2d=faces[k].T + 1, Pose_Para=_angles(k))
    return Sample(root, "face68", faces, attributes={**_POSE, "set": ["AFW", "IBUG"]})


def aflw2000(root):
    faces = shapes(68)
    for k in range(2):
        image(root / f"image0005{k}.jpg")
        points = np.vstack([faces[k].T + 1, np.zeros(68)]).astype(np.float32)
        _mat(root / f"image0005{k}.mat", pt3d_68=points, pt2d=np.full((2, 21), -1.0),
             Pose_Para=_angles(k).astype(np.float32))  # fmt: skip
    return Sample(root, "face68", faces, attributes=_POSE)


def aflw(root):
    faces = shapes(21)
    faces[1, 4] = np.nan
    for k in range(2):
        image(root / "flickr" / "0" / f"image0000{k}.jpg")
    (root / "aflw.sqlite").unlink(missing_ok=True)
    with closing(sqlite3.connect(root / "aflw.sqlite")) as file, file:
        file.executescript(
            "CREATE TABLE Faces(face_id INTEGER PRIMARY KEY, file_id TEXT, db_id TEXT);"
            "CREATE TABLE FaceImages(file_id TEXT, db_id TEXT, filepath TEXT, width INTEGER);"
            "CREATE TABLE FaceRect(face_id INTEGER, x REAL, y REAL, w REAL, h REAL);"
            "CREATE TABLE FacePose(face_id INTEGER, roll REAL, pitch REAL, yaw REAL);"
            "CREATE TABLE FaceMetaData(face_id INTEGER, sex TEXT, occluded INTEGER);"
            "CREATE TABLE FeatureCoords(face_id INTEGER, feature_id INTEGER, x REAL, y REAL);"
        )
        for k, shape in enumerate(faces):
            name = f"0/image0000{k}.jpg"
            file.execute("INSERT INTO Faces VALUES (?, ?, 'f')", (k + 1, f"i{k}"))
            file.execute("INSERT INTO FaceImages VALUES (?, 'f', ?, 60)", (f"i{k}", name))
            file.execute("INSERT INTO FaceRect VALUES (?, 4, 3, 51, 43)", (k + 1,))
            roll, pitch, yaw = np.radians([30.0, 10.0 + k, -20.0]).tolist()
            file.execute("INSERT INTO FacePose VALUES (?, ?, ?, ?)", (k + 1, roll, pitch, yaw))
            file.execute("INSERT INTO FaceMetaData VALUES (?, ?, 0)", (k + 1, "mf"[k]))
            rows = [(k + 1, i + 1, x, y) for i, (x, y) in enumerate(shape.tolist()) if x == x]
            file.executemany("INSERT INTO FeatureCoords VALUES (?, ?, ?, ?)", rows)
    return Sample(root, "aflw21", faces, attributes={**_POSE, "sex": ["m", "f"]}, boxes=[BOX] * 2)


def aflw19(root):
    faces = shapes(19)
    names = np.empty((2, 1), object)
    for k in range(2):
        names[k, 0] = f"0/image0000{k}.jpg"
        image(root / "flickr" / names[k, 0])
    visible = np.ones((2, 19), np.uint8)
    visible[0, 5] = 0
    left, top, right, bottom = np.array(BOX) + 1
    _mat(
        root / "AFLWinfo_release.mat",
        nameList=names,
        data=np.hstack([faces[..., 0], faces[..., 1]]) + 1,
        mask_new=visible,
        bbox=np.array([[left, right, top, bottom]] * 2),
        ra=np.array([[2.0, 1.0]]),
    )
    return Sample(root, "aflw19", faces, visible == 1, {"set": ["train"] * 2}, [BOX] * 2)


def bioid(root):
    faces = shapes(20)
    for k in range(2):
        image(root / f"BioID_000{k}.pgm")
        text(root / f"BioID_000{k}.eye", "#LX\tLY\tRX\tRY\n40\t20\t20\t20\n")
        text(root / "points_20" / f"bioid_000{k}.pts", pts(faces[k], first=0))
    return Sample(root, "bioid20", faces)


def celeba(root):
    faces = np.rint(shapes(5))
    names = " ".join(f"{p}_{a}" for p in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
                     for a in "xy")  # fmt: skip
    rows = "".join(f"00000{k}.jpg  {words(flat(s))}\n" for k, s in enumerate(faces))
    text(root / "Anno" / "list_landmarks_celeba.txt", f"2\n{names}\n{rows}")
    boxes = "".join(f"00000{k}.jpg    4  3   51  43\n" for k in range(2))
    text(root / "Anno" / "list_bbox_celeba.txt", f"2\nimage_id x_1 y_1 width height\n{boxes}")
    text(root / "Eval" / "list_eval_partition.txt", "000000.jpg 0\n000001.jpg 2\n")
    for k in range(2):
        image(root / "Img" / "img_celeba" / f"00000{k}.jpg")
    return Sample(root, "centres5", faces, attributes={"set": ["train", "test"]}, boxes=[BOX] * 2)


def cnn_facepoint(root):
    faces = shapes(5)
    for k in range(2):
        image(root / "lfw_5590" / f"{k}.jpg")
    rows = [f"lfw_5590\\{k}.jpg 4 55 3 46 {words(flat(s))}" for k, s in enumerate(faces)]
    text(root / "trainImageList.txt", rows[0] + " \n")
    text(root / "testImageList.txt", rows[1] + " \n")
    attributes = {"set": ["trainImageList", "testImageList"]}
    return Sample(root, "centres5", faces, attributes=attributes, boxes=[BOX] * 2)


def mtfl(root):
    faces = shapes(5)
    rows = [f" AFLW\\{k}.jpg {words(s[:, 0])} {words(s[:, 1])} 1 2 2 {3 + k}\n"
            for k, s in enumerate(faces)]  # fmt: skip
    for k in range(2):
        image(root / "AFLW" / f"{k}.jpg")
    text(root / "training.txt", rows[0])
    text(root / "testing.txt", rows[1])
    return Sample(root, "centres5", faces,
                  attributes={"pose": [3, 4], "set": ["training", "testing"]})  # fmt: skip


def cofw(root):
    import h5py

    faces = shapes(29)
    visible = np.ones((2, 29), bool)
    visible[1, 3] = False
    table = np.hstack([faces[..., 0] + 1, faces[..., 1] + 1, ~visible])
    boxes = np.array([[5.0, 4.0, 51.0, 43.0]] * 2)
    path = root / "COFW_train_color.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        references = np.empty((1, 2), h5py.ref_dtype)
        for k in range(2):
            file[f"#refs#/{k}"] = np.full(SIZE, 9 * k, np.uint8)
            references[0, k] = file[f"#refs#/{k}"].ref
        file.create_dataset("IsTr", data=references)
        file["phisTr"], file["bboxesTr"] = table.T, boxes.T
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: drawn".ljust(128))
    return Sample(path, "cofw29", faces, visible, boxes=[BOX] * 2)


def cofw68(root):
    faces = shapes(68)
    covered = np.zeros((2, 1, 68), np.uint8)
    covered[1, 0, 3] = 1
    folder = root / "COFW68_Data" / "test_annotations"
    for k in range(2):
        image(root / f"{k + 1}.png")
        _mat(folder / f"{k + 1}_points.mat", Points=faces[k] + 1, Occ=covered[k])
    _mat(folder.parent / "cofw68_test_bboxes.mat", bboxes=np.int16([[5, 4, 51, 43]] * 2))
    return Sample(root, "face68", faces, covered[:, 0] == 0, boxes=[BOX] * 2)


def helen(root):
    faces = shapes(194)
    for k in range(2):
        image(root / "train_1" / f"{k}7.jpg")
        rows = "".join(f"{x:g} , {y:g}\n" for x, y in faces[k])
        text(root / "annotation" / f"{k + 1}.txt", f"{k}7\n{rows}")
    text(root / "trainnames.txt", "07\n")
    text(root / "testnames.txt", "17\n")
    return Sample(root, "helen194", faces, attributes={"set": ["train", "test"]})


def _txt106(shape):
    return "106\n" + "".join(f"{x:g} {y:g}\n" for x, y in shape)


def jd(root):
    faces = shapes(106)
    for k, folder in enumerate(("Test_data1", "Training_data/AFW")):
        image(root / folder / "picture" / f"{k}.jpg")
        text(root / folder / "landmark" / f"{k}.jpg.txt", _txt106(faces[k]))
    text(root / "Test_data1/rect/0.jpg.rect", "4 3 55 46\n")
    text(root / "Training_data/AFW/picture/1.jpg.rect", "4 3 55 46\n")
    attributes = {"set": ["Test_data1", "Training_data/AFW"]}
    return Sample(root, "lapa106", faces, attributes=attributes, boxes=[BOX] * 2)


def lapa(root):
    faces = shapes(106)
    for k, folder in enumerate(("train", "test")):
        image(root / folder / "images" / f"{k}.jpg")
        text(root / folder / "landmarks" / f"{k}.txt", _txt106(faces[k]))
    return Sample(root, "lapa106", faces, attributes={"set": ["train", "test"]})


def lfpw(root):
    faces = shapes(29)
    names = ["left_eyebrow_out", *(f"p{i}" for i in range(1, 35))]
    header = "\t".join(["imgurl", "worker", *(f"{n}_{c}" for n in names for c in "xyt")])
    rows = [header]
    for k, shape in enumerate(faces):
        whole = np.full((35, 3), -1.0)
        whole[[i for i in range(35) if not 28 <= i < 34], :2] = shape
        whole[:, 2] = np.arange(35) == 4
        for worker, offset in (("worker_0", 3), ("average", 0)):
            cells = "\t".join(f"{v:g}" for v in (whole + np.array([offset, 0, 0])).ravel())
            rows.append(f"http://example.org/photos/{k}face.jpg?b=1\t{worker}\t{cells}")
        image(root / f"{k}face.png")
    path = text(root / "kbvt_lfpw_v1_train.csv", "\n".join(rows) + "\n")
    return Sample(path, "cofw29", faces, np.tile(np.arange(29) != 4, (2, 1)))


def menpo(root):
    faces = shapes(68)
    pairs(root, ["aflw__face_39822", "fddb__face_100"], faces)
    pairs(root, ["aflw__face_39900"], shapes(39, 1))
    return Sample(root, "face68", faces)


def merl_rav(root):
    faces = shapes(68)
    visible = np.ones((2, 68), bool)
    visible[:, 2:4] = False
    for k, view in enumerate(("frontal", "left")):
        image(root / view / "testset" / "images" / f"image0000{k}.jpg")
        raw = faces[k] + 1
        raw[2], raw[3] = -raw[2], -1
        text(root / view / "testset" / "labels" / f"image0000{k}.pts", pts(raw, first=0))
    faces[:, 3] = np.nan
    attributes = {"view": ["frontal", "left"], "set": ["testset"] * 2}
    return Sample(root, "face68", faces, visible, attributes)


def muct(root):
    faces = shapes(76)
    columns = ",".join(f"{a}{i:02d}" for i in range(76) for a in "xy")
    faces[1, 9] = 0
    rows = [f"{name},0,{','.join(f'{v:g}' for v in flat(shape))}\n"
            for name, shape in (("i000qa-fn", faces[0]), ("ir000qa-fn", faces[0]),
                                ("i001qa-mn", faces[1]))]  # fmt: skip
    text(root / "muct-landmarks" / "muct76-opencv.csv", f"name,tag,{columns}\n{''.join(rows)}")
    for name in ("i000qa-fn", "i001qa-mn"):
        image(root / "jpg" / f"{name}.jpg")
    faces[1, 9] = np.nan
    return Sample(root, "muct76", faces, attributes={"tag": ["0", "0"]})


def _named(name):
    def make(root):
        faces = shapes(68)
        pairs(root / name / "train", ["a"], faces[:1])
        pairs(root / name / "test", ["b"], faces[1:])
        # Folders are read in the order of their names.
        return Sample(root / name, "face68", faces[::-1], attributes={"set": ["test", "train"]})

    return make


def wflw(root):
    faces = shapes(98)
    rows = [f"{words(flat(s))} 4 3 55 46 {k} 0 0 0 1 0 0--Parade/{k} a.jpg\n"
            for k, s in enumerate(faces)]  # fmt: skip
    folder = root / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    text(folder / "list_98pt_rect_attr_train.txt", "".join(rows))
    for k in range(2):
        image(root / "WFLW_images" / "0--Parade" / f"{k} a.jpg")
    attributes = {"pose": [False, True], "occlusion": [True, True], "blur": [False, False]}
    return Sample(root, "wflw98", faces, attributes=attributes, boxes=[BOX] * 2)


SAMPLES = {
    "imglab": imglab, "cvat": cvat, "coco": coco, "label-studio": label_studio,
    "csv": table, "labelme": labelme, "ljson": ljson, "300w": w300, "300vw": vw300,
    "300w-lp": w300lp,
    "aflw2000-3d": aflw2000, "aflw": aflw, "aflw19": aflw19, "bioid": bioid, "celeba": celeba,
    "cnn-facepoint": cnn_facepoint, "cofw": cofw, "cofw68": cofw68, "helen194": helen,
    "jd-landmark": jd, "lapa": lapa, "lfpw": lfpw, "menpo": menpo, "merl-rav": merl_rav,
    "mtfl": mtfl, "muct": muct, "mvfw": _named("MVFW"), "wflw": wflw,
}  # fmt: skip
OPTIONS = {"cofw68": lambda sample: {"images": sample.path}}
