"""The corpus: small sound files of every format, drawn or trained on drawn faces, and bad ones.

``python -m tests.fuzz.seeds`` writes it anew to tests/corpus/FORMAT/, where names begin with what a
reader must do with the file: `sound` is read, `bad` is refused.
"""

import io
import json
import sqlite3
import struct
import zlib
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from safetensors.numpy import save
from scipy.io import savemat

from ..cascade.compare.caffe_files import caffemodel
from ..data_tools.samples import SAMPLES

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
_XML = "<?xml version='1.0'?><dataset><images>{}</images></dataset>"
_FACE = (
    "<image file='a.png'><box top='1' left='2' width='30' height='31'><part name='0' x='5' y='6'/>"
    "<part name='1' x='25' y='20.5'/></box></image>"
)
_LAUGHS = "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10}'>" for i in range(1, 10))
_BOXES = "image,left,top,right,bottom\n"


# The file of each data set that is fuzzed, in the sample of it that a test draws.
FUZZED = {
    "aflw": "aflw.sqlite",
    "aflw19": "AFLWinfo_release.mat",
    "aflw2000-3d": "image00050.mat",
    "celeba": "Anno/list_landmarks_celeba.txt",
    "cnn-facepoint": "trainImageList.txt",
    "coco": "test.json",
    "cofw68": "COFW68_Data/test_annotations/1_points.mat",
    "csv": "faces.csv",
    "cvat": "annotations.xml",
    "helen194": "annotation/1.txt",
    "label-studio": "export.json",
    "labelme": "0.json",
    "lapa": "train/landmarks/0.txt",
    "lfpw": "kbvt_lfpw_v1_train.csv",
    "ljson": "0.ljson",
    "merl-rav": "frontal/testset/labels/image00000.pts",
    "mtfl": "training.txt",
    "muct": "muct-landmarks/muct76-opencv.csv",
}


def texts():
    """The files of annotations, by format and name."""
    scheme = {
        "name": "eyes",
        "n_points": 2,
        "flip": [1, 0],
        "groups": {"line": {"points": [0, 1], "closed": False}},
        "eye_corners": [0, 1],
        "pupils": [[0], [1]],
    }
    return {
        "pts": {
            "sound-300w": "version: 1\nn_points: 3\n{\n1 2\n3.5 4e1\nnan nan\n}\n",
            "sound-bare": "1 2\n3.5\t40\n",
            "bad-count": "n_points: 99999999999999999999\n{\n1 2\n}\n",
            "bad-long": "1 2\n" * 33_000,
            "bad-number": f"{{\n{'9' * 5000} 1\n}}\n",
            "bad-deep": "{" * 9999,
        },
        "boxes": {
            "sound": _BOXES + 'a.png,1,2,30,40\n"b, c.png",0,0,1.5,2e1\n',
            "bad-quote": _BOXES + '"a.png,1,2,3,4\n' * 200,
            "bad-field": _BOXES + "a" * 150_000 + ",1,2,3,4",
            "bad-infinite": _BOXES + "a.png,1,2,inf,4",
        },
        "visible": {"sound": "image,0,1\na.png,1,0\n", "bad-flag": "image,0,1\na.png,1,2\n"},
        "wflw": {
            "sound": f"{'12.5 ' * 196}1 2 30 40 0 0 0 1 0 0 a.png\n",
            "bad-above": f"{'12.5 ' * 196}1 2 30 40 0 0 0 1 0 0 ../a.png\n",
            "bad-infinite": f"{'inf ' * 196}1 2 30 40 0 0 0 1 0 0 a.png\n",
        },
        "imglab": {
            "sound": _XML.format(_FACE),
            "bad-laughs": f"<!DOCTYPE d [<!ENTITY l0 'ha'>{_LAUGHS}]>{_XML[21:].format('&l9;')}",
            "bad-external": "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
            + _XML[21:].format("&x;"),
            "bad-deep": _XML.format("<a>" * 9999),
            "bad-cut": _XML.format(_FACE)[:-30],
            "bad-gaps": _XML.format(
                "<image file='a.png'>"
                + "".join(
                    f"<box top='1' left='1' width='9' height='9'><part name='{k}' x='1' y='1'/>"
                    "</box>"
                    for k in range(1200)
                )
                + "</image>"
            ),
        },
        "scheme": {
            "sound": json.dumps(scheme),
            "bad-deep": "[" * 20_000,
            "bad-many": json.dumps(scheme | {"n_points": 10**9}),
            "bad-infinite": json.dumps(scheme | {"n_points": float("inf")}),
            "bad-digits": '{"name": "a", "n_points": ' + "1" * 9999 + "}",
            "bad-flip": json.dumps(scheme | {"flip": [1, 1]}),
            "bad-nested": json.dumps(scheme | {"flip": [[0], {}]}),
        },
    }


def data_sets():
    """One file of each data set, by data set and name; the others of its sample are sound."""
    found = {}
    with TemporaryDirectory() as folder:
        for name, file in FUZZED.items():
            root = Path(folder) / name
            root.mkdir()
            SAMPLES[name](root)
            found[name] = {"sound": (root / file).read_bytes()}
        found["aflw"] |= _databases(Path(folder) / "aflw" / FUZZED["aflw"])
    for name, changes in _CHANGES.items():
        for kind, (old, new) in changes.items():
            sound = found[name]["sound"]
            assert old in sound
            found[name][f"bad-{kind}"] = sound.replace(old, new, 1)
    for name in ("aflw", "aflw19", "aflw2000-3d", "cofw68", "coco", "cvat", "lfpw", "labelme"):
        found[name]["bad-cut"] = found[name]["sound"][:-60]
    for name, first in (("coco", b'{"images": '), ("labelme", b'{"shapes": '), ("ljson", b""),
                        ("label-studio", b"[{")):  # fmt: skip
        found[name]["bad-deep"] = first + b"[" * 100_000
    boxes = b'<box label="f" xtl="1" ytl="1" xbr="9" ybr="9"/>' * 1100
    sound = found["cvat"]["sound"]
    found["cvat"]["bad-boxes"] = sound.replace(b"</image>", boxes + b"</image>", 1)
    entities = f"<!DOCTYPE a [<!ENTITY l0 'ha'>{_LAUGHS}]><annotations>&l9;</annotations>"
    found["cvat"]["bad-laughs"] = entities.encode()
    return found


# What is put in the place of what in a sound file.
_CHANGES = {
    "csv": {"above": (b"0.png", b"../0.png"), "twice": (b",yaw,set", b",yaw,yaw")},
    "celeba": {"infinite": (b"6 5", b"6 inf"), "above": (b"000000.jpg", b"../../x.jpg")},
    "cnn-facepoint": {"above": (b"lfw_5590", b".."), "columns": (b" 4 55", b" 4")},
    "coco": {
        "above": (b'"a.jpg"', b'"/etc/x.jpg"'),
        "infinite": (b"[6.", b"[1e999, 6."),
        "image": (b'"image_id": 10', b'"image_id": [[[]]]'),
        "unknown": (b'"image_id": 10', b'"image_id": 77'),
    },
    "cvat": {
        "nested": (b"<skeleton", b"<skeleton><skeleton"),
        "number": (b'points="6', b'points="1e99'),
    },
    "helen194": {"point": (b"6", b"six")},
    "label-studio": {"size": (b'"original_width": 60', b'"original_width": 1e300')},
    "labelme": {"above": (b'"0.png"', b'"../0.png"'), "twice": (b'"label": "1"', b'"label": "0"')},
    "lapa": {"count": (b"106", b"99999999999999999999")},
    "lfpw": {"flag": (b"average\t", b"average\t1e40\t")},
    "ljson": {
        "version": (b'"version": 3', b'"version": 9'),
        "kind": (b'LJSON": {"landmarks": {"points": [', b'LJSON": {"landmarks": {"points": [7, '),
    },
    "merl-rav": {"count": (b"n_points: 68", b"n_points: 67")},
    "mtfl": {"above": (b"AFLW", b".."), "columns": (b" 1 2 2 3", b" 1 2 2")},
    "muct": {"columns": (b"i000qa-fn,0,", b"i000qa-fn,0,0,"), "header": (b"x00", b"x0"),
             "above": (b"i000qa-fn", b"../../x")},
}  # fmt: skip


def _databases(sound):
    """Databases whose tables are something else, by name."""
    scripts = {
        "feature": "UPDATE FeatureCoords SET feature_id = 99 WHERE feature_id = 3",
        "view": "DROP TABLE Faces; CREATE VIEW Faces AS WITH RECURSIVE n(face_id, file_id) AS "
        "(SELECT 1, 1 UNION ALL SELECT face_id + 1, 1 FROM n) SELECT * FROM n",
        "generated": "DROP TABLE FaceRect; CREATE TABLE FaceRect(face_id, x AS "
        "(zeroblob(900000000)), y, w, h)",
        "number": "UPDATE FaceRect SET x = 'left'",
        "above": "UPDATE FaceImages SET filepath = '../x.jpg'",
    }
    found = {}
    for name, script in scripts.items():
        copy = sound.with_name(f"{name}.sqlite")
        copy.write_bytes(sound.read_bytes())
        with closing(sqlite3.connect(copy)) as file, file:
            file.executescript(script)
        found[f"bad-{name}"] = copy.read_bytes()
    return found


def matrices():
    """Matlab files of version 5 by name."""
    points = {"Points": np.arange(12.0).reshape(6, 2), "Occ": np.zeros((1, 6), np.uint8)}
    found = {}
    for name, packed in (("sound", False), ("sound-packed", True)):
        out = io.BytesIO()
        savemat(out, points, do_compression=packed)
        found[name] = b"MATLAB 5.0".ljust(124) + out.getvalue()[124:]  # without the date
    # Each packs a little more than a MiB of zeros into a kilobyte.
    many = {f"v{k}": np.zeros((1, 1_100_000), np.uint8) for k in range(20)}
    out = io.BytesIO()
    savemat(out, many, do_compression=True)
    found["bad-bomb"] = b"MATLAB 5.0".ljust(124) + out.getvalue()[124:]
    return found


def images():
    """Image files by name."""
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 256, (6, 8, 3)).astype(np.uint8), (40, 30))
    found = {}
    for kind in ("png", "jpg", "bmp", "tif", "webp", "ppm"):
        found[f"sound.{kind}"] = cv2.imencode(f".{kind}", picture)[1].tobytes()
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    found["sound-progressive.jpg"] = cv2.imencode(".jpg", picture, progressive)[1].tobytes()
    found["bad-cut.png"] = found["sound.png"][:-40]
    found["bad-cut.jpg"] = found["sound.jpg"][:-40]
    # Announces a chunk of 4 GiB.
    at = found["sound.png"].index(b"IDAT") - 4
    found["bad-chunk.png"] = found["sound.png"][:at] + b"\xff" * 4 + found["sound.png"][at + 4 :]
    found["bad-bomb.png"] = _png(10_000, 10_000)
    found["bad-size.png"] = _png(1 << 30, 1 << 30, rows=1)
    found["bad-size.webp"] = _webp(16_383, 16_383)
    found["bad-strip.tif"] = _tiff(16_384, 16_384, {278: 16_384})
    found["bad-tile.tif"] = _tiff(16, 16, {322: 32_768, 323: 32_768})
    found["bad-scans.jpg"] = _scans(found["sound-progressive.jpg"])
    return found


def _png(width, height, rows=None):
    """A black image of one bit a pixel; of few rows, if so told, whatever it announces."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(9)
    row = bytes(1 + -(-width // 8)) if rows is None else bytes(9)
    data = b"".join(packer.compress(row) for _ in range(rows or height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _webp(width, height):
    frame = b"\x30\x01\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    canvas = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    parts = b"VP8X" + struct.pack("<I", 10) + canvas + b"VP8 " + struct.pack("<I", 10) + frame
    return b"RIFF" + struct.pack("<I", len(parts) + 4) + b"WEBP" + parts


def _tiff(width, height, more):
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 300, 277: 1, 279: 100}
    if 322 in more:
        tags |= {324: tags.pop(273), 325: tags.pop(279)}
    entries = b"".join(struct.pack("<HHII", k, 4, 1, v) for k, v in sorted((tags | more).items()))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries) // 12) + entries + bytes(4)
    return head.ljust(400, b"\0")


def _scans(jpeg):
    """A progressive JPEG whose last scan comes 200 times."""
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * 200 + jpeg[-2:]


def models():
    """Model files by format and name: every kind of stage, five landmarks."""
    from cascade import AAM, ASM, CPR, ERT, ESR, JDA, LBF, RCPR, SDM, ShapePredictor, Starts
    from cascade.formats import dlib as dlib_dat
    from cascade.formats import native
    from cascade.formats import opencv as opencv_lbf
    from cascade.methods.opencv import FacemarkLBF
    from cascade.pose.poses import Poses
    from data_tools.dataset import FaceDataset
    from data_tools.synthetic import synthetic_faces

    drawn = synthetic_faces(40, seed=1, size=96)
    pixels = [drawn.image(i) for i in range(len(drawn))]
    five = drawn.shapes[:, [45, 42, 36, 39, 33]]
    faces = FaceDataset.from_arrays(pixels, five, drawn.boxes, visible=drawn.visible[:, :5]
                                    if drawn.visible is not None else None)  # fmt: skip
    common = {"starts": Starts(n=2), "random_state": 0}
    trees = {"n_stages": 2, "n_trees": 8, "depth": 2, "n_points": 20, "n_components": 4}
    ferns = {"n_stages": 2, "n_ferns": 8, "depth": 3, "n_points": 30}
    poses = Poses(n_shapes=2, n_early=1, n_routes=2)
    recipes = {
        "ert": (ERT, trees | {"smallest_leaf": 2}),
        "dense": (ERT, trees | {"smallest_leaf": 2, "max_landmarks": 3}),
        "dlib": (ShapePredictor, trees | {"smallest_leaf": 2}),
        "lbf": (LBF, {"radius": (0.2, 0.1), "n_trees": 2, "depth": 2}),
        "sdm": (SDM, {"n_stages": 2, "half": (0.2, 0.1)}),
        "sift": (SDM, {"n_stages": 1, "half": (0.2,), "descriptor": "sift"}),
        "poses": (ERT, trees | {"smallest_leaf": 2, "poses": poses}),
        "cpr": (CPR, ferns),
        "esr": (ESR, ferns),
        "rcpr": (RCPR, ferns),
        "opencv": (FacemarkLBF, {"radius": (0.2, 0.1), "n_trees": 2, "depth": 2}),
        "asm": (
            ASM,
            {
                "scales": (8.0, 12.0),
                "n_cells": 3,
                "profiles": "outline",
                "n_profile": 5,
                "reach": 2,
            },
        ),
        "aam": (AAM, {"scales": (6.0, 9.0), "n_appearances": (3,), "margin": 1.0}),
    }
    found = {"native": {}, "dat": {}, "opencv": {}, "checkpoint": {}}
    for name, (method, options) in recipes.items():
        known = method._get_param_names()
        options = {key: value for key, value in (common | options).items() if key in known}
        model = method(**options).fit(faces)
        found["native"][f"sound-{name}"] = native.dumps(model)
        if name == "dlib":
            found["dat"]["sound"] = dlib_dat.dumps(model)
            found["native"]["sound-compact"] = native.dumps(model.exact().compact(4))
        if name == "opencv":
            found["opencv"]["sound"] = opencv_lbf.dumps(model)
        if name == "ert":
            training = {"faces": "0" * 64, "seed": 0}
            found["checkpoint"]["sound"] = native.dumps(model, training)
    found["native"]["sound-jda"] = native.dumps(
        JDA(front_trees=6, front_depth=2, n_stages=2, n_trees=4, depth=2, n_points=20, copies=4,
            n_components=4, n_pairs=30, n_others=300, work=10**6, searches=1,
            random_state=0).fit(faces, _empty())
    )  # fmt: skip
    whole = found["native"]["sound-ert"]
    found["native"] |= {
        "bad-cut": whole[:-100],
        "bad-huge-header": struct.pack("<Q", 1 << 62) + whole[8:],
        "bad-deep-header": struct.pack("<Q", 20_000) + b"[" * 20_000,
        "bad-sizes": _with_header({"mean": {"dtype": "F32", "shape": [1 << 40, 1 << 20],
                                            "data_offsets": [0, 1 << 62]}}),
    }  # fmt: skip
    for kind in ("dat", "opencv"):
        found[kind]["bad-cut"] = found[kind]["sound"][:-100]
    return found


def networks():
    """Files of networks of others, by format and name."""
    rng = np.random.default_rng(0)
    layers = {"conv": (rng.normal(size=(3, 2, 4, 4)), rng.random(3)), "fc": (rng.random((2, 48)),)}
    found = {
        "caffe": {
            "sound": caffemodel(layers),
            "sound-old": caffemodel(layers, old=True, doubles=True),
            "bad-fields": b"\x08\x01" * 100_001,
            "bad-size": b"\xa2\x06\xff\xff\xff\xff\x0f",
        },
        "places": {
            "sound": b"\n".join(b"%d %d" % (k, k + 1) for k in range(68)),
            "sound-rows": b"1 2 3\n4,5,6\n",
            "bad-number": b"1 2\n3 1e999\n",
            "bad-many": b"1 2\n" * 5000,
        },
    }
    rows = np.zeros((2, 1), dtype=[("weights", "O"), ("layer_names", "O")])
    for k, name in enumerate(("conv1", "ip")):
        cell = np.empty((2, 1), "O")
        cell[0, 0], cell[1, 0] = rng.normal(size=(3, 3, 1, 2)).astype(np.float32), np.ones((2, 1))
        rows[k, 0] = cell, name
    for name, packed in (("sound", False), ("sound-packed", True)):
        out = io.BytesIO()
        savemat(out, {"model": rows, "empty": np.zeros((0, 0), "O")}, do_compression=packed)
        data = b"MATLAB 5.0".ljust(124) + out.getvalue()[124:]
        found.setdefault("mat5-nested", {})[name] = data
    deep = np.ones((1, 1))
    for _ in range(20):
        cell = np.empty((1, 1), "O")
        cell[0, 0] = deep
        deep = cell
    out = io.BytesIO()
    savemat(out, {"deep": deep})
    found["mat5-nested"]["bad-deep"] = b"MATLAB 5.0".ljust(124) + out.getvalue()[124:]
    model = {
        "mean": rng.normal(size=30).astype(np.float32),
        "shape": rng.normal(size=(30, 4)).astype(np.float32),
        "expression": rng.normal(size=(30, 2)).astype(np.float32),
        "keypoints": np.arange(5),
        "param_std": np.ones(18, np.float32),
    }
    found["face-model"] = {
        "sound": save(model),
        "bad-vertex": save(model | {"keypoints": np.arange(5) + 6}),
        "bad-nan": save(model | {"mean": np.full(30, np.nan)}),
        "bad-rows": save(model | {"shape": np.ones((29, 4))}),
        "bad-cut": save(model)[:-9],
    }
    return found


def _empty():
    """Pictures without faces."""
    from data_tools.synthetic.clutter import background

    rng = np.random.default_rng(2)
    return [np.rint(background(rng, 96)).astype(np.uint8) for _ in range(6)]


def _with_header(header):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(100)


def write(folder=CORPUS):
    """Write the corpus."""
    files = {kind: {k: v.encode() for k, v in names.items()} for kind, names in texts().items()}
    files |= {**data_sets(), "mat5": matrices(), "image": images(), **models(), **networks()}
    for kind, names in files.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name, data in names.items():
            (folder / kind / name).write_bytes(data)


if __name__ == "__main__":
    write()
