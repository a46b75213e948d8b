"""dlib's XML files: read, written, and read by dlib itself."""

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_tools.dataset import FaceDataset
from data_tools.readers import read_folder, read_folders, read_imglab
from data_tools.writers import write_imglab, write_pts
from features.errors import InputError

SQUARE = np.array([[10, 12], [30, 12], [30, 40], [10, 40]], np.float32)
HEAD = "<?xml version='1.0'?><?xml-stylesheet href='x.xsl'?><dataset><name>n</name><images>"
TAIL = "</images></dataset>"


def parts(shape=SQUARE, names="0123"):
    pairs = zip(names, shape, strict=True)
    return "".join(f"<part name='{n}' x='{x:g}' y='{y:g}'/>" for n, (x, y) in pairs)


def box(content=None, top=9, left=8, width=26, height=34, more=""):
    content = parts() if content is None else content
    return (
        f"<box top='{top}' left='{left}' width='{width}' height='{height}' {more}>{content}</box>"
    )


def put(folder, *images):
    """An XML file of images given as (file name, boxes), and the images."""
    text = HEAD
    for name, boxes in images:
        cv2.imwrite(str(folder / name), np.full((48, 64), 99, np.uint8))
        text += f"\n<image file='{name}'>{boxes}</image>"
    path = folder / "faces.xml"
    path.write_text(text + TAIL)
    return path


def test_boxes_and_parts_by_hand(tmp_path):
    second = box(parts(SQUARE[[2, 0]] + 0.5, "20"), 1, 2, 60, 45)
    path = put(tmp_path, ("b.png", box() + second), ("a.png", box()))
    faces = read_imglab(path)
    assert faces.files == [str(tmp_path / name) for name in ("b.png", "b.png", "a.png")]
    # dlib's right and bottom are the last pixels inside.
    np.testing.assert_array_equal(faces.boxes[:2], [(8, 9, 33, 42), (2, 1, 61, 45)])
    np.testing.assert_array_equal(faces.shapes[0], SQUARE)
    whole = [SQUARE[0] + 0.5, [np.nan] * 2, SQUARE[2] + 0.5, [np.nan] * 2]
    np.testing.assert_array_equal(faces.shapes[1], whole)
    np.testing.assert_array_equal(faces.sizes, [(64, 48)] * 3)
    assert faces.skipped == []


def test_numbers_are_in_order_of_their_value(tmp_path):
    names = [str(k) for k in range(12)]
    shape = np.stack([np.arange(12), np.arange(12) + 5], 1).astype(np.float32)
    path = put(tmp_path, ("a.png", box(parts(shape[::-1], names[::-1]))))
    np.testing.assert_array_equal(read_imglab(path).shapes[0], shape)


def test_what_is_left_out_is_told(tmp_path):
    small = box(parts(np.full((4, 2), 9)))
    path = put(
        tmp_path, ("a.png", box()), ("b.png", box("") + "\n" + box(more="ignore='1'")),
        ("c.png", small), ("d.png", box(width=0)), ("e.png", box()),
    )  # fmt: skip
    (tmp_path / "e.png").unlink()
    faces = read_imglab(path)
    assert len(faces) == 1
    found = {entry.file.removeprefix(f"{tmp_path}/"): entry.reason for entry in faces.skipped}
    for file, words in {
        "faces.xml, line 3": "without parts",
        "faces.xml, line 4": "ignored",
        "faces.xml, line 5": "spread",
        "d.png": "degenerate",
        "e.png": "cannot read",
    }.items():
        assert words in found[file]


def test_other_boxes(tmp_path):
    path = put(tmp_path, ("a.png", box() + box(parts(SQUARE + np.float32([20, 0])), left=28)))
    tight = read_imglab(path, boxes="tight")
    np.testing.assert_array_equal(tight.boxes, [(10, 12, 30, 40), (30, 12, 50, 40)])
    calls = []

    def detector(image):
        calls.append(image.shape)
        return [(29, 10, 52, 41), (9, 10, 31, 42)]

    found = read_imglab(path, boxes="detect", detector=detector)
    np.testing.assert_array_equal(found.boxes, [(9, 10, 31, 42), (29, 10, 52, 41)])
    assert calls == [(48, 64)]  # once an image
    (tmp_path / "b.csv").write_text("image,left,top,right,bottom\na.png,0,0,60,40\n")
    np.testing.assert_array_equal(
        read_imglab(path, boxes=tmp_path / "b.csv").boxes, [(0, 0, 60, 40)] * 2
    )


def test_joined_with_a_folder(tmp_path):
    path = put(tmp_path, ("a.png", box()))
    folder = tmp_path / "more"
    folder.mkdir()
    cv2.imwrite(str(folder / "b.png"), np.full((48, 64), 99, np.uint8))
    write_pts(folder / "b.pts", SQUARE)
    faces = read_folders([path, folder], boxes="tight")
    assert faces.files == [str(tmp_path / "a.png"), str(folder / "b.png")]


LAUGHS = "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10}'>" for i in range(1, 10))
BAD = {
    "nothing": "",
    "no XML": "version: 1",
    "bytes": "\x00\x01",
    "another document": "<html></html>",
    "cut": HEAD + "<image file='a.png'>" + box(),
    "entities that grow": f"<!DOCTYPE d [<!ENTITY l0 'ha'>{LAUGHS}]>{HEAD}&l9;{TAIL}",
    "a file as an entity": f"<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{HEAD}&x;{TAIL}",
    "a document type": f"<!DOCTYPE d SYSTEM 'http://localhost/d.dtd'>{HEAD}{TAIL}",
    "an unknown encoding": "<?xml version='1.0' encoding='rot13'?>" + HEAD[21:] + TAIL,
    "deep": HEAD + "<a>" * 100_000 + "</a>" * 100_000 + TAIL,
    "no faces": HEAD + TAIL,
    "box without an image": HEAD + box() + TAIL,
    "box in a box": f"{HEAD}<image file='a.png'>{box(box())}</image>{TAIL}",
    "part without a box": f"{HEAD}<image file='a.png'>{parts()}</image>{TAIL}",
    "image without a file": f"{HEAD}<image>{box()}</image>{TAIL}",
    "word for a number": f"{HEAD}<image file='a.png'>{box(left='one')}</image>{TAIL}",
    "hexadecimal": f"{HEAD}<image file='a.png'>{box(left='0x10')}</image>{TAIL}",
    "infinite": f"{HEAD}<image file='a.png'>{box(parts(SQUARE * np.inf))}</image>{TAIL}",
    "beyond": f"{HEAD}<image file='a.png'>{box(width=10**9)}</image>{TAIL}",
    "long number": f"{HEAD}<image file='a.png'>{box(width='1' * 10**6)}</image>{TAIL}",
    "two parts of a name": f"{HEAD}<image file='a.png'>{box(parts(names='0012'))}</image>{TAIL}",
    "many names": HEAD + "<image file='a.png'>"
    + box("".join(f"<part name='{k}' x='1' y='1'/>" for k in range(33000))) + "</image>" + TAIL,
    "names of their own": HEAD + "<image file='a.png'>"
    + "".join(box(f"<part name='{k}' x='1' y='1'/>") for k in range(3000)) + "</image>" + TAIL,
}  # fmt: skip


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_bad_file_is_refused_by_name(tmp_path, text):
    path = tmp_path / "bad.xml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bad\.xml"):
        read_imglab(path)


def test_images_that_are_no_files(tmp_path):
    for name in ("/dev/zero", "/dev/stdin", "../" * 40 + "dev/zero", "no.png", "/", "x" * 5000):
        path = tmp_path / "bad.xml"
        path.write_text(f"{HEAD}<image file='{name}'>{box()}</image>{TAIL}")
        with pytest.raises(InputError, match=r"bad\.xml: no usable face"):
            read_imglab(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(-50, 90), st.integers(-50, 90)), min_size=11, max_size=11),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_written_is_read(tmp_path, shapes):
    shapes = np.array(shapes, np.float32)
    shapes[:, 0], shapes[:, 1] = (0, 0), (9, 9)
    shapes[1:, 5] = np.nan
    files = [str(tmp_path / f"a & '{i // 2}'.png") for i in range(len(shapes))]
    for file in files:
        cv2.imwrite(file, np.zeros((20, 30), np.uint8))
    faces = FaceDataset(files, shapes, np.tile((1.2, 2.4, 20.6, 19), (len(files), 1)))
    write_imglab(tmp_path / "faces.xml", faces)
    again = read_imglab(tmp_path / "faces.xml")
    assert again.files == files
    np.testing.assert_array_equal(again.shapes, shapes)
    np.testing.assert_array_equal(again.boxes, np.tile((1, 2, 21, 19), (len(files), 1)))


def test_dlib_reads_what_is_written(synthetic, tmp_path):
    """dlib trains on the file, and judges the model by the landmarks that it read."""
    dlib = pytest.importorskip("dlib")
    for i in range(10):
        cv2.imwrite(str(tmp_path / f"{i}.png"), synthetic.image(i))
    faces = FaceDataset(
        [str(tmp_path / f"{i}.png") for i in range(10)],
        synthetic.shapes[:10], synthetic.boxes[:10], synthetic.scheme,
    )  # fmt: skip
    write_imglab(tmp_path / "faces.xml", faces)
    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.num_trees_per_cascade_level = 2, 5
    options.oversampling_amount, options.num_test_splits = 1, 5
    dlib.train_shape_predictor(str(tmp_path / "faces.xml"), str(tmp_path / "m.dat"), options)
    by_dlib = dlib.test_shape_predictor(str(tmp_path / "faces.xml"), str(tmp_path / "m.dat"))

    read = read_imglab(tmp_path / "faces.xml")
    predictor = dlib.shape_predictor(str(tmp_path / "m.dat"))
    errors = []
    for i in range(10):
        rectangle = dlib.rectangle(*(int(v) for v in read.boxes[i]))
        found = predictor(read.image(i), rectangle)
        points = np.array([(p.x, p.y) for p in found.parts()])
        errors.append(np.linalg.norm(points - read.shapes[i], axis=1).mean())
    assert np.mean(errors) == pytest.approx(by_dlib, rel=1e-6)


def test_folder_named_like_a_file(tmp_path):
    folder = tmp_path / "odd.xml"
    folder.mkdir()
    cv2.imwrite(str(folder / "b.png"), np.full((48, 64), 99, np.uint8))
    write_pts(folder / "b.pts", SQUARE)
    assert len(read_folders([folder], boxes="tight")) == len(read_folder(folder, boxes="tight"))
