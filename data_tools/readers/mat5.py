"""Matrices in Matlab files of version 5: as much of the format as annotations and networks need.

Matrices in Matlab files of version 5: as much of the format as annotations and networks need.
"""

import struct
import zlib

import numpy as np

from features.errors import InputError
from features.files import read_bytes

MAX_BYTES = 1 << 20
# Of all compressed variables together, when unpacked.
MAX_UNPACKED = 1 << 22
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
# Classes of arrays that hold numbers: double, single and the integers. A flag marks complex ones.
_NUMERIC, _COMPLEX = range(6, 16), 0x08
_CELL, _STRUCT, _CHAR = 1, 2, 4
# Structures and cells within one another.
_MAX_DEPTH = 8
# How texts are stored: bytes, 16 bits a letter, UTF-8, UTF-16.
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}


def read_mat5(path, *, texts=False, nested=False, max_bytes=MAX_BYTES, max_unpacked=MAX_UNPACKED):
    """The real matrices of a Matlab file of version 5, and, if wanted, what they are nested in.

    Parameters
    ----------
    path : str or Path
    texts : bool
        Whether to read cell arrays of texts, too.
    nested : bool
        Whether to read texts, and cell and structure arrays of anything, too.
    max_bytes, max_unpacked : int
        What the file, and all its compressed variables together when unpacked, may take.

    Returns
    -------
    dict of str to (ndarray, float64, or list of str)
        Variables by name; those of another kind are left out. If `nested`: a text is a str, a cell
        array a list, a structure array a list of dicts, all in Matlab's order, and None stands for
        what is of another kind within them.

    Raises
    ------
    InputError
        If the file cannot be read, exceeds `max_bytes`, unpacks to more than `max_unpacked`, or is
        damaged or of another format.
    """
    data = read_bytes(path, max_bytes)
    try:
        return _variables(data, max_unpacked, texts, nested)
    # What struct, zlib and numpy raise at sizes that do not fit.
    except (struct.error, zlib.error, ValueError, TypeError, KeyError, StopIteration) as error:
        raise InputError(f"{path}: not a sound Matlab file of version 5; get it anew") from error


def _variables(data, room, texts, nested):
    order = {b"IM": "<", b"MI": ">"}[data[_HEADER - 2 : _HEADER]]
    found = {}
    for kind, content in _elements(data[_HEADER:], order):
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            content = unpacker.decompress(content, room)
            room -= len(content)
            if unpacker.unconsumed_tail or room <= 0:
                raise ValueError("too large")
            (kind, content), *_ = _elements(content, order)
        if kind == _MATRIX:
            name, matrix = _nested(content, order) if nested else _matrix(content, order, texts)
            if matrix is not None:
                found[name] = matrix
    return found


def _elements(data, order):
    """(type, content) of each element in a run of them."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # a small element: its size and content share the tag's eight bytes
            kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise ValueError("size of a small element")
        else:
            start = at + 8
            # Compressed elements alone are not filled up to whole eights.
            end = start + (size if kind == _COMPRESSED else -(-size // 8) * 8)
        if start + size > len(data):
            raise ValueError("cut short")
        yield kind, data[start : start + size]
        at = end


def _matrix(data, order, texts):
    """Name and content of an array; None unless it is numeric and real, or cells of texts."""
    parts = _elements(data, order)
    flags, sizes, name = (next(parts, (0, b""))[1] for _ in range(3))
    (word,) = struct.unpack_from(f"{order}I", flags)
    kind, complex_ = word & 0xFF, word >> 8 & _COMPLEX
    name = name.decode("ascii")
    if kind == _CELL and texts:
        return name, [_text(content, order) for _, content in parts]
    if kind not in _NUMERIC or complex_:
        return name, None
    return name, _numbers(parts, sizes, order)


def _numbers(parts, sizes, order):
    shape = np.frombuffer(sizes, f"{order}i4").tolist()
    type_, content = next(parts, (0, b""))
    values = np.frombuffer(content, f"{order}{_TYPES[type_]}")
    if min(shape) < 0:
        raise ValueError("negative size")
    with np.errstate(invalid="ignore"):  # NaN of any kind stays NaN
        return values.astype(np.float64).reshape(shape, order="F")


def _nested(data, order, depth=0):
    """Name and content of an array of any kind, as `read_mat5` describes it."""
    if depth > _MAX_DEPTH:
        raise ValueError("too deep")
    if not data:  # an empty matrix may be left out altogether
        return "", None
    parts = _elements(data, order)
    flags, sizes, name = (next(parts, (0, b""))[1] for _ in range(3))
    (word,) = struct.unpack_from(f"{order}I", flags)
    kind, complex_, name = word & 0xFF, word >> 8 & _COMPLEX, name.decode("ascii")
    if kind == _CHAR:
        return name, _letters(data, order)
    if kind == _CELL:
        return name, [_nested(content, order, depth + 1)[1] for _, content in parts]
    if kind == _STRUCT:
        (width,) = struct.unpack_from(f"{order}i", next(parts)[1])
        words = next(parts)[1]
        if width < 1:
            raise ValueError("fields without names")
        fields = [
            words[i : i + width].split(b"\0")[0].decode("ascii")
            for i in range(0, len(words), width)
        ]
        values = [_nested(content, order, depth + 1)[1] for _, content in parts]
        return name, [
            dict(zip(fields, values[i : i + len(fields)], strict=True))
            for i in range(0, len(values), len(fields))
        ]
    return name, None if kind not in _NUMERIC or complex_ else _numbers(parts, sizes, order)


def _text(data, order):
    """The letters of an array of them; those of a cell, if there is one around it."""
    parts = _elements(data, order)
    flags, _, _ = (next(parts, (0, b""))[1] for _ in range(3))
    (word,) = struct.unpack_from(f"{order}I", flags)
    return _letters(next(parts, (0, b""))[1] if word & 0xFF == _CELL else data, order)


def _letters(data, order):
    parts = _elements(data, order)
    flags, _, _ = (next(parts, (0, b""))[1] for _ in range(3))
    (word,) = struct.unpack_from(f"{order}I", flags)
    if word & 0xFF != _CHAR:
        raise ValueError("cells of something else than texts")
    type_, content = next(parts, (2, b""))
    encoding = _TEXTS[type_]
    return content.decode(encoding if encoding != "utf-16" else f"utf-16-{'lb'[order == '>']}e")
