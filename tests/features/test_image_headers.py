"""Headers of images, beside Pillow's readers and against files made to mislead."""

import io
import os
import struct
import subprocess
import sys
import time
import zlib

import cv2
import numpy as np
import pytest

from features.errors import InputError
from features.image_headers import Truncated, read_header
from features.images import read_image

SIZES = [(1, 1), (7, 5), (300, 2), (16, 4000), (257, 256)]


def tiff(width, height, *more, order="<", payload=None):
    """A grey TIFF in one strip of deflated zeros; `more` are tags (tag, type, count, value)."""
    data = zlib.compress(bytes(width * height)) if payload is None else payload
    given = {tag for tag, *_ in more}
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)]
    tags += [] if 322 in given else [(278, 4, 1, height)]
    places = (324, 325) if 322 in given else (273, 279)
    n_tags = len(tags) + len(more) + 2
    tags += [*more, (places[0], 4, 1, 14 + 12 * n_tags), (places[1], 4, 1, len(data))]
    packed = [
        struct.pack(order + "HHI", *tag[:3])
        + (
            struct.pack(order + "HH", tag[3], 0)
            if tag[1] == 3
            else struct.pack(order + "I", tag[3])
        )
        for tag in sorted(tags, key=lambda tag: tag[0])
    ]
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(order + "IH", 8, n_tags)
    return head + b"".join(packed) + bytes(4) + data


def png(*chunks):
    """A PNG of chunks (kind, announced length, content), without checksums."""
    packed = [struct.pack(">I4s", n, kind.encode()) + data + bytes(4) for kind, n, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


IHDR = "IHDR", 13, struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)


def refused(tmp_path, data, monkeypatch, words):
    """Whether the file is refused before it is decoded, and the seconds that takes."""
    path = tmp_path / "hostile"
    path.write_bytes(data)
    with monkeypatch.context() as patch:
        patch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
        began = time.process_time()
        with pytest.raises(InputError, match=rf"hostile: .*{words}"):
            read_image(path)
    return time.process_time() - began


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "kind, options",
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate", "big_tiff": False}),
        ("WebP", {}),
        ("WebP", {"lossless": True}),
        ("WebP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
        ("PPM", {}),
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_sizes_are_those_that_pillow_wrote(tmp_path, size, kind, options, mode):
    images = pytest.importorskip("PIL.Image")
    data = io.BytesIO()
    images.new(mode, size, 77).save(data, kind, **options)
    header = read_header(data.getvalue())
    assert header[:2] == size and header.n_scans <= 100
    path = tmp_path / "image"
    path.write_bytes(data.getvalue())
    assert read_image(path).shape == size[::-1]


def test_photographs_of_opencv_are_read(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (333, 517, 3)).astype(np.uint8)
    for suffix in (".png", ".bmp", ".tif", ".ppm", ".jpg", ".webp"):
        path = tmp_path / f"image{suffix}"
        cv2.imwrite(str(path), image)
        assert read_image(path, grey=False).shape == image.shape


def test_other_headers():
    assert read_header(png(IHDR, ("IDAT", 9, bytes(9)), ("IEND", 0, b"")) + b"more")[:2] == (40, 30)
    bmp = b"BM" + bytes(12) + struct.pack("<IHH", 12, 40, 30)
    assert read_header(bmp)[:2] == (40, 30)
    upside_down = b"BM" + bytes(12) + struct.pack("<Iii", 40, 40, -30)
    assert read_header(upside_down)[:2] == (40, 30)
    assert read_header(tiff(9, 8, order=">"))[:3] == (9, 8, 72)
    assert read_header(b"P5 # a comment\n # another\r 17\n\t4#\n255\n")[:2] == (17, 4)
    assert read_header(b"GIF89a") is None


@pytest.mark.parametrize(
    "data",
    [
        b"P5 ",
        b"P5 12",
        b"P5 12 0 255\n",
        b"P5 12x4 255\n",
        b"P5 " + b"1" * 5000 + b" 3 255\n",
        b"P5 #" + bytes(5000) + b"\n3 3 255\n",
        b"BM\0\0",
        b"BM" + bytes(12) + struct.pack("<Iii", 40, -4, 4),
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        tiff(9, 8, (277, 3, 1, 9)),
        tiff(9, 8, (257, 4, 1, 8000)),  # the height once more
        tiff(9, 8, (322, 4, 2, 16), (323, 4, 1, 16)),
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(40),
        b"RIFF\0\0\0\0WEBPVP8X",
        b"RIFF\0\0\0\0WEBPXXXX" + bytes(40),
        png(("IDAT", 13, bytes(13)), ("IEND", 0, b"")),
        png(IHDR, IHDR, ("IEND", 0, b"")),
        png(IHDR, ("IDAT", 0xFFFFFFFF, bytes(99)), ("IEND", 0, b"")),
        png(IHDR, ("IDAT", 99, bytes(99))),
        png(("IHDR", 13, b"")),
        b"\xff\xd8\xff\xd9",
    ],
)
def test_damaged_headers(data):
    with pytest.raises(ValueError):
        read_header(data)


def frame(width, height):
    return b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"


def test_a_jpeg_has_one_frame():
    end = b"\xff\xd9"
    assert read_header(b"\xff\xd8" + frame(40, 30) + end)[:2] == (40, 30)
    with pytest.raises(ValueError, match="two frames"):
        read_header(b"\xff\xd8" + frame(40, 30) + frame(9000, 9000) + end)
    # FF 01 has no length: what follows is seen by decoders, and must be seen here.
    hidden = b"\xff\x01" + frame(9000, 9000)
    with pytest.raises(ValueError, match="two frames"):
        read_header(b"\xff\xd8" + hidden + frame(40, 30) + end)
    with pytest.raises(Truncated):
        read_header(b"\xff\xd8" + frame(40, 30))


N_PADDING = 4 << 20


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * N_PADDING + b"\xd9",
        b"\xff\xd8" + b"\xff\x00" * (N_PADDING // 2) + b"\xff\xd9",
        b"P5 #" + b"x" * N_PADDING + b"\n9 9 255\n" + bytes(81),
        b"P5 " + b"#\n" * (N_PADDING // 2) + b"9 9 255\n" + bytes(81),
        png(IHDR, *[("aaAa", 0, b"")] * (N_PADDING // 12), ("IEND", 0, b"")),
    ],
    ids=["jpeg-fill", "jpeg-stuffed", "pnm-comment", "pnm-comments", "png-chunks"],
)  # fmt: skip
def test_padding_takes_no_time(tmp_path, monkeypatch, data):
    # Pillow's readers took half a second a megabyte or more; this takes 0.02.
    assert refused(tmp_path, data, monkeypatch, "damaged|truncated") < 0.5


def test_many_tags_take_no_time(tmp_path, monkeypatch):
    more = [(t, 7, 400_000, 8) for t in range(1000, 31_000)]
    data = tiff(9, 8, *more, (65000, 3, 1, 0), (257, 4, 1, 8000))
    assert refused(tmp_path, data, monkeypatch, "damaged") < 0.5


@pytest.mark.parametrize("side, tile", [(4000, 8192), (16, 8192), (4000, 4096)])
def test_tiles_larger_than_the_image_or_the_file(tmp_path, monkeypatch, side, tile):
    payload = zlib.compress(bytes(tile * tile))
    data = tiff(side, side, (322, 4, 1, tile), (323, 4, 1, tile), payload=payload)
    refused(tmp_path, data, monkeypatch, "a tile or strip of")


def test_strips_larger_than_the_file(tmp_path, monkeypatch):
    refused(tmp_path, tiff(5000, 5000, payload=bytes(200_000)), monkeypatch, "a tile or strip of")


def test_small_tiles_are_read(tmp_path):
    path = tmp_path / "tiles.tif"
    data = tiff(50, 40, (322, 4, 1, 256), (323, 4, 1, 256), payload=zlib.compress(bytes(256 * 256)))
    path.write_bytes(data)
    assert read_image(path).shape == (40, 50)


_PEAK = """
import re, sys
from features.errors import InputError
from features.images import read_image

def peak():
    # What getrusage says includes the process that started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) >> 10

read_image(sys.argv[1])
before = peak()
try:
    read_image(sys.argv[2])
except InputError:
    pass
print(peak() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory as Linux has it")
def test_memory_of_the_largest_tile_of_a_small_file(tmp_path):
    """In a process of its own: at most the tile in colour and the image, in MiB."""
    small, large = tmp_path / "small.tif", tmp_path / "large.tif"
    small.write_bytes(tiff(9, 8))
    tile = 4096
    payload = zlib.compress(bytes(tile * tile))
    more = (322, 4, 1, tile), (323, 4, 1, tile)
    large.write_bytes(tiff(tile, tile, *more, payload=payload))
    assert large.stat().st_size < 20_000
    command = [sys.executable, "-c", _PEAK, str(small), str(large)]
    peak = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 16 <= peak < 160
    large.write_bytes(tiff(4000, 4000, (322, 4, 1, 8192), (323, 4, 1, 8192),
                           payload=zlib.compress(bytes(8192 * 8192))))  # fmt: skip
    peak = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert peak < 8
