"""What a file is that holds no model: each kind is written by the library it belongs to."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile

import cv2
import joblib
import numpy as np
import pytest
from typer.testing import CliRunner

import cascade
from cascade import InputError
from cascade.cli import app
from cascade.formats.native import dumps
from cascade.formats.sniffing import HEAD_BYTES, describe
from data_tools.writers.pts import write_pts


def refusal(path):
    with pytest.raises(InputError) as caught:
        cascade.load(path)
    text = str(caught.value)
    assert str(path) in text and "header" not in text and "\n" not in text
    return text


def written(folder, kind, small_ert):
    """A file of a kind, made by somebody else's code."""
    path, array = folder / "file", np.arange(60000.0)
    data = dumps(small_ert)
    if kind in (".png", ".jpg", ".bmp", ".tiff", ".webp"):
        image = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
        path.write_bytes(cv2.imencode(kind, image)[1].tobytes())
    elif kind == "npz":
        with path.open("wb") as file:
            np.savez(file, mean=array)
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, array)
    elif kind.startswith("pickle"):
        path.write_bytes(pickle.dumps({"a": list(range(9999))}, int(kind[-1])))
    elif kind == "joblib":
        joblib.dump({"mean": array}, path)
    elif kind == "joblib zlib":
        joblib.dump({"mean": array}, path, compress=3)
    elif kind == "gzip":
        # Without a time: the first eight bytes are then a small number.
        path.write_bytes(gzip.compress(np.random.default_rng(0).bytes(1 << 20), mtime=0))
    elif kind in ("bz2", "xz"):
        path.write_bytes({"bz2": bz2, "xz": lzma}[kind].compress(data))
    elif kind == "tar":
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("model.safetensors"), io.BytesIO())
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.safetensors", data)
    elif kind == "torch":  # the layout of torch.save, which is a zip archive
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model/data.pkl", pickle.dumps({}, 2))
            archive.writestr("model/version", "3\n")
    elif kind == "torch old":  # torch.save before version 1.6 begins with this number
        path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps({}, 2))
    elif kind == "keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", "{}")
    elif kind == "hdf5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["weights"] = array
    elif kind == "onnx":
        onnx = pytest.importorskip("onnx")
        model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []), producer_name="me")
        onnx.save(model, path)
    elif kind == "onnx bare":
        onnx = pytest.importorskip("onnx")
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [])), path)
    elif kind == "onnx own":
        pytest.importorskip("onnx")
        from cascade.formats.onnx import write

        write(small_ert, path.with_suffix(".onnx"))
        path.with_suffix(".onnx").rename(path)
    elif kind == "opencv xml":
        storage = cv2.FileStorage(str(folder / "file.xml"), cv2.FILE_STORAGE_WRITE)
        storage.write("mean", array)
        storage.release()
        (folder / "file.xml").rename(path)
    elif kind == "pts":
        write_pts(path, [[1, 2], [3, 4]])
    else:
        path.write_bytes(TEXTS[kind])
    return path


NOT_READ = "which is not read because it can run code"
TEXTS = {
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 1300000\n",
    "imglab": b"<?xml version='1.0'?>\n<?xml-stylesheet href='a.xsl'?>\n<dataset>\n<images/>",
    "xml": b"<?xml version='1.0'?>\n<svg/>",
    "html": b"\n<!DOCTYPE html>\n<html><title>404</title>",
    "json": json.dumps({"a": 1}).encode(),
    "csv": "image,left,top\nß.png,1,2\n".encode() * 99,
    "empty": b"",
}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (".png", "a PNG image; name a model"), (".jpg", "a JPEG image"), (".bmp", "a BMP image"),
        (".tiff", "a TIFF image"), (".webp", "a WebP image"), ("npz", "an .npz"), ("npy", "a .npy"),
        ("pickle2", f"a pickle, {NOT_READ}"), ("pickle3", f"a pickle, {NOT_READ}"),
        ("pickle4", f"a pickle, {NOT_READ}"), ("pickle5", f"a pickle, {NOT_READ}"),
        ("joblib", f"a joblib pickle, {NOT_READ}"),
        ("joblib zlib", "joblib pickle"), ("gzip", "gzip; unpack it first"),
        ("bz2", "bzip2; unpack it first"), ("xz", "xz; unpack"), ("tar", "a tar archive; unpack"),
        ("zip", "a zip archive; unpack it first"), ("torch", "a PyTorch file, which is not read"),
        ("torch old", "a PyTorch file"), ("keras", "a Keras file"), ("hdf5", "an HDF5 file"),
        ("onnx", "an ONNX file"), ("onnx bare", "an ONNX file"), ("onnx own", "an ONNX file"),
        ("opencv xml", "an XML file of OpenCV"), ("imglab", "imglab"), ("xml", "an XML file"),
        ("html", "a web page"), ("json", "a JSON file"), ("pts", "a .pts file"),
        ("csv", "a text file"), ("lfs", "git lfs pull"), ("empty", "an empty file"),
    ],
)  # fmt: skip
def test_a_file_says_what_it_is(kind, said, tmp_path, small_ert):
    text = refusal(written(tmp_path, kind, small_ert))
    assert ": this is " in text and said in text


def test_models_are_never_taken_for_something_else(small_ert, tmp_path):
    data = dumps(small_ert)
    (tmp_path / "m").write_bytes(data)
    assert len(cascade.load(tmp_path / "m").stages_) == 3
    # Cut anywhere, even within its header, it is still said to be a damaged model.
    for size in (1, 8, 9, 100, len(data) - 1):
        (tmp_path / "m").write_bytes(data[:size])
        with pytest.raises(InputError, match="not a whole model file"):
            cascade.load(tmp_path / "m")


def test_a_header_whose_length_looks_like_another_file(tmp_path):
    # 0x00088b1f bytes of header: gzip's own first three bytes.
    (tmp_path / "m").write_bytes((0x88B1F).to_bytes(8, "little") + b"{" + b" " * 600000)
    with pytest.raises(InputError, match="not a whole model file"):
        cascade.load(tmp_path / "m")


def test_noise_is_nothing_known():
    noise = np.random.default_rng(5)
    heads = [b"\xfe" + noise.bytes(HEAD_BYTES - 1) for _ in range(200)]
    assert not any(map(describe, heads))


def test_text_that_is_cut_within_a_character():
    text = ("a" + "ß" * 300).encode()[:HEAD_BYTES]
    assert describe(text) == "a text file, not a model"


def test_a_folder_and_the_command_line(tmp_path):
    assert "is a folder" in refusal(tmp_path)
    path = tmp_path / "face.safetensors"
    path.write_bytes(cv2.imencode(".jpg", np.zeros((9, 9), np.uint8))[1].tobytes())
    result = CliRunner().invoke(app, ["info", str(path)])
    assert result.exit_code == 1
    assert result.stderr == f"error: {path}: this is {describe(path.read_bytes())}\n"
