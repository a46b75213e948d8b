import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_tools.readers import read_folder
from data_tools.schemes import Scheme
from data_tools.writers import write_pts
from features.errors import InputError
from features.images import as_grey, read_image

COLOUR = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)


def test_grey_is_returned_as_it_is():
    grey = np.ascontiguousarray(COLOUR[:, :, 0])
    assert as_grey(grey) is grey


def test_kinds_of_images_agree():
    expected = cv2.cvtColor(COLOUR, cv2.COLOR_BGR2GRAY)
    frozen = COLOUR.copy()
    frozen.flags.writeable = False
    rgba = np.dstack([COLOUR[:, :, ::-1], np.full((9, 7), 3, np.uint8)])
    np.testing.assert_array_equal(as_grey(frozen), expected)
    np.testing.assert_array_equal(as_grey(COLOUR[:, :, ::-1], color="rgb"), expected)
    np.testing.assert_array_equal(as_grey(rgba, color="rgb"), expected)
    np.testing.assert_array_equal(as_grey(COLOUR.astype(np.uint16) * 257), expected)
    np.testing.assert_array_equal(as_grey(COLOUR / 255.0), expected)
    np.testing.assert_array_equal(as_grey(expected[:, :, None]), expected)
    np.testing.assert_array_equal(as_grey(COLOUR[::-1])[::-1], expected)
    assert as_grey(np.zeros((1, 1), np.uint8)).shape == (1, 1)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4), np.int32),
        np.full((4, 4), 1.5),
        np.full((4, 4), np.nan),
        np.full((4, 4), -0.1),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(InputError):
        as_grey(image)


@pytest.mark.parametrize(
    "image, words",
    [
        (np.zeros((4, 4), object), "object is not uint8.*; give all its rows one length"),
        (np.zeros((4, 4), bool), r"bool is not uint8.*; multiply it by numpy\.uint8"),
        (np.zeros((4, 4), complex), "complex128 is not uint8.*; take its absolute value"),
        (np.zeros((4, 4), [("a", "u1")]), "is not uint8.*; choose one of its fields"),
        (np.zeros((4, 4), "M8[s]"), "is not uint8.*; convert it"),
        (np.zeros((4, 4), np.uint32), "uint32 is not uint8.*; convert it"),
        ([[1, 2], [3]], "not an array"),
        (np.array([[None]]), "object"),
    ],
)
def test_arrays_of_other_kinds_are_refused_in_one_sentence(image, words):
    with pytest.raises(InputError, match=words) as caught:
        as_grey(image)
    assert "\n" not in str(caught.value)


def test_both_byte_orders():
    for dtype in (">u2", "<u2"):
        image = (COLOUR[:, :, 0].astype(np.uint16) * 257).astype(dtype)
        np.testing.assert_array_equal(as_grey(image), COLOUR[:, :, 0])
    for dtype in (">f4", "<f8", "f2"):
        np.testing.assert_array_equal(as_grey(np.eye(3).astype(dtype)), np.eye(3) * 255)


@pytest.mark.parametrize("shape", [(1 << 17, 1 << 17), (1 << 24, 1 << 10, 3), (2, (1 << 24) + 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_more_pixels_than_any_image_are_refused(shape, dtype):
    image = np.broadcast_to(np.zeros((1,) * len(shape), dtype), shape)  # takes no memory itself
    with pytest.raises(InputError, match="too large"):
        as_grey(image)


def test_copies_beyond_memory_are_refused(monkeypatch):
    monkeypatch.setattr("features.memory.available_memory", lambda: 100 << 20)
    image = np.broadcast_to(np.uint16(0), (1 << 14, 1 << 14))
    with pytest.raises(InputError, match=r"copies of the image need 256 MiB.*cut it"):
        as_grey(image)


def test_read_image(tmp_path):
    path = tmp_path / "a face.png"
    cv2.imwrite(str(path), COLOUR)
    np.testing.assert_array_equal(read_image(path, grey=False), COLOUR)
    assert read_image(path).shape == (9, 7)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_truncated_image_is_refused(tmp_path, suffix):
    whole, part = tmp_path / f"whole{suffix}", tmp_path / f"part{suffix}"
    cv2.imwrite(str(whole), cv2.resize(COLOUR, (200, 200)))
    part.write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"part.*truncated"):
        read_image(part)


def test_unreadable_files_are_named(tmp_path):
    path = tmp_path / "x.jpg"
    with pytest.raises(InputError, match=r"x\.jpg: cannot read"):
        read_image(path)
    path.write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"x\.jpg: not an image"):
        read_image(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"x\.jpg"):
        read_image(path)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side, words", [(30_000, "too many"), (10_000, "in only")])
def test_bombs_are_refused_before_they_are_decoded(tmp_path, monkeypatch, side, words):
    path = tmp_path / "bomb.png"
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1 + side // 8) * 100)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(InputError, match=rf"bomb\.png: {side}x{side}.*{words}"):
        read_image(path)


def test_large_photographs_are_read(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (512, 512), np.uint8)
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), cv2.resize(noise, (5000, 4000)))
    assert read_image(path).shape == (4000, 5000)


@pytest.mark.parametrize("progressive", [0, 1])
def test_jpegs_with_something_after_their_end(tmp_path, progressive):
    """Phones append a video, programs a larger copy: markers in there are none of the image's."""
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
    data = cv2.imencode(".jpg", cv2.resize(COLOUR, (200, 150)), options)[1].tobytes()
    path = tmp_path / "a.jpg"
    path.write_bytes(data + b"\xff\xda" * 500)
    assert read_image(path).shape == (150, 200)


def test_turned_image_is_read_upright(tmp_path):
    data = cv2.imencode(".jpg", cv2.resize(COLOUR, (40, 30)))[1].tobytes()
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # orientation: turned by 90 degrees
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + tag + bytes(4)
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    assert read_image(path, grey=False).shape == (40, 30, 3)
    assert read_image(path).shape == (40, 30)
    # A dataset knows the size of the image as it is seen.
    write_pts(tmp_path / "turned.pts", np.float32([[5, 5], [20, 30], [9, 33]]))
    faces = read_folder(tmp_path, boxes="tight", scheme=Scheme("three", 3))
    assert faces.sizes.tolist() == [[30, 40]] and faces.image(0).shape == (40, 30)


def test_what_is_no_file_is_refused(tmp_path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(InputError):
            read_image(path)


def test_rare_formats_are_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    for head in (b"\x76\x2f\x31\x01", b"#?RADIANCE", b"GIF89a", b"\0\0\0\x0cjP  ", b"Pf\n9 9\n"):
        path = tmp_path / "x.png"
        path.write_bytes(head + bytes(500))
        with pytest.raises(InputError, match="not an image"):
            read_image(path)
