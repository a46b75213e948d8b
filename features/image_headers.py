"""The size of an image, read from the header of its file.

These readers are our own, a few lines each, because those of imaging libraries walk through
comments and padding byte by byte, or load every tag of a file. A file that states its size twice is
refused: a decoder could take the one that was not checked here.
"""

import re
import struct
from typing import NamedTuple

import numpy as np


class Header(NamedTuple):
    """What is known of an image before it is decoded."""

    width: int
    height: int
    block: int = 0
    """Pixels that the decoder unpacks at once, if more than a row: a tile or strip of a TIFF."""
    n_scans: int = 1
    """Passes over the whole image."""


class Truncated(ValueError):
    """The file ends before its image does."""


# Markers of a JPEG; 00 stuffs the coded data, D0 to D7 restart its decoder, FF fills, and 01 stands
# alone as the restarts do.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_START, _END, _SCAN, _FILLED = 0xD8, 0xD9, 0xDA, 4000
# Start of a frame: C0 to CF, but for the tables C4 and CC and the reserved C8.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

# Length and kind of a chunk of a PNG. Programs write chunks of 8 kB and more.
_CHUNK, _MAX_CHUNKS = struct.Struct(">I4s"), 1 << 17

# Comments count towards the length of a header.
_PNM_LENGTH = 4096
_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_PNM = re.compile(rb"P[1-6]" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})(?=[\s#])")

_TAGS = {256: "width", 257: "height", 277: "samples", 278: "strip", 322: "tile_x", 323: "tile_y"}
_TIFF_TYPES = {3: 2, 4: 4}  # SHORT and LONG, and their bytes
_MAX_SAMPLES = 4


def read_header(data):
    """The header of a PNG, JPEG, BMP, TIFF, WebP or PNM.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    Header or None
        None where the file has another format.

    Raises
    ------
    ValueError
        If the header is damaged; `Truncated` if the file ends early.
    """
    for pattern, read in _READERS:
        if re.match(pattern, data, re.DOTALL):
            try:
                header = read(data)
            except struct.error as error:
                raise Truncated("the header ends early") from error
            if header.width < 1 or header.height < 1:
                raise ValueError("an image without pixels")
            return header
    return None


def _png(data):
    """Chunks up to the end: decoders take memory for the length that a chunk announces."""
    at, width, height = 8, 0, 0
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            raise Truncated("no end")
        length, kind = _CHUNK.unpack_from(data, at)
        if (kind == b"IHDR") != (at == 8):
            raise ValueError("the header does not come first, or twice")
        if at == 8:
            width, height = struct.unpack_from(">II", data, at + 8)
        at += 12 + length
        if at > len(data):
            raise Truncated("a chunk ends early")
        if kind == b"IEND":
            return Header(width, height)
    raise ValueError(f"more than {_MAX_CHUNKS} chunks")


def _jpeg(data):
    """Markers up to the end, or up to more of them than an image has."""
    at = n_scans = 0
    size = None
    for _ in range(_FILLED):
        found = _MARKER.search(data, at)
        if found is None:
            raise Truncated("no end")
        at, code = found.end(), data[found.end() - 1]
        if code == _END:
            break
        n_scans += code == _SCAN
        if code in _FRAMES:
            if size is not None:
                raise ValueError("two frames")
            height, width = struct.unpack_from(">HH", data, at + 3)
            size = width, height
        if code != _START:  # all others that are no restarts say how long they are
            at += int.from_bytes(data[at : at + 2], "big")
    else:
        n_scans = _FILLED
    if size is None:
        raise ValueError("no frame")
    return Header(*size, n_scans=n_scans)


def _bmp(data):
    (length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", data, 18)
    return Header(width, abs(height))  # negative: the first row is at the top


def _webp(data):
    kind = data[12:16]
    if kind == b"VP8 ":
        if data[23:26] != b"\x9d\x01\x2a":
            raise ValueError("no key frame")
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L":
        mark, bits = struct.unpack_from("<BI", data, 20)
        if mark != 0x2F:
            raise ValueError("no lossless frame")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X":
        corner = struct.unpack_from("<HBHB", data, 24)
        width, height = (1 + low + (high << 16) for low, high in (corner[:2], corner[2:]))
    else:
        raise ValueError("no frame")
    return Header(width, height)


def _pnm(data):
    found = _PNM.match(data[:_PNM_LENGTH])
    if found is None:
        raise ValueError(f"no size in the first {_PNM_LENGTH} bytes")
    return Header(int(found[1]), int(found[2]))


def _tiff(data):
    """Size and tiling of the first image, the one that is decoded."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (n_tags,) = struct.unpack_from(order + "H", data, at)
    row = np.dtype([("tag", order + "u2"), ("type", order + "u2"),
                    ("count", order + "u4"), ("value", "V4")])  # fmt: skip
    if at + 2 + n_tags * row.itemsize > len(data):
        raise Truncated("the tags end early")
    table = np.frombuffer(data, row, n_tags, at + 2)
    tags = {}
    for tag, kind, count, value in table[np.isin(table["tag"], list(_TAGS))].tolist():
        name = _TAGS[tag]
        if name in tags or kind not in _TIFF_TYPES or count != 1:
            raise ValueError(f"{name} is not one number")
        # A short value stands at the front of its four bytes.
        tags[name] = int.from_bytes(value[: _TIFF_TYPES[kind]], "little" if order == "<" else "big")
    if not {"width", "height"} <= set(tags):
        raise ValueError("no size")
    if not 1 <= tags.get("samples", 1) <= _MAX_SAMPLES:
        raise ValueError(f"more than {_MAX_SAMPLES} samples a pixel")
    width, height = tags["width"], tags["height"]
    if "tile_x" in tags or "tile_y" in tags:
        block = tags.get("tile_x", width) * tags.get("tile_y", height)
    else:
        # A strip of more rows than the image has is unpacked as far as the image goes.
        block = width * min(tags.get("strip", height), height)
    return Header(width, height, block)


# What a file begins with. The decoders of rarer formats, less used and less tested, never see a
# file.
_READERS = (
    (rb"\x89PNG\r\n\x1a\n", _png),
    (rb"\xff\xd8\xff", _jpeg),
    (rb"BM", _bmp),
    (rb"II\*\0|MM\0\*", _tiff),
    (rb"RIFF....WEBP", _webp),
    (rb"P[1-6]\s", _pnm),
)
