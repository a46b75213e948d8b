"""The weights in Caffe's .caffemodel files, read from protobuf's wire format.

A file holds one NetParameter: layers, each with a name and arrays of numbers ("blobs"). The
structure of the network is not taken from there: each network's own module knows it.
"""

import numpy as np

from features.errors import InputError
from features.files import read_bytes

MAX_BYTES = 1 << 28
# Fields that are looked at one by one; a real network has a few dozen a layer.
MAX_FIELDS = 100_000
_MAX_AXES = 8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Numbers of the fields of caffe.proto that matter here. Layers are stored under one number since
# 2014, under another before; names and blobs of the two kinds of layer have numbers of their own.
_LAYERS = {100: {"name": 1, "blobs": 7}, 2: {"name": 4, "blobs": 6}}
_OLD_SHAPE, _DATA, _SHAPE, _DOUBLES = (1, 2, 3, 4), 5, 7, 8
_DIM = 1


def read_caffemodel(path, max_bytes=MAX_BYTES):
    """The weights of a network of Caffe.

    Parameters
    ----------
    path : str or Path
    max_bytes : int
        What the file may have.

    Returns
    -------
    dict of str to list of ndarray, float32
        The blobs of each layer that has some, by its name: weights, then biases.

    Raises
    ------
    InputError
        If the file cannot be read, is too large, damaged or of another format, or holds no
        weights.
    """
    data = memoryview(read_bytes(path, max_bytes))
    try:
        layers = _Reader().layers(data)
    except (ValueError, IndexError, OverflowError) as error:
        raise InputError(f"{path}: not a sound .caffemodel of Caffe; get it anew") from error
    if not layers:
        raise InputError(f"{path}: holds no weights of a Caffe network; name a .caffemodel file")
    return layers


class _Reader:
    """Walks through messages and counts the fields on the way."""

    def __init__(self):
        self.n_fields = 0

    def layers(self, data):
        found = {}
        for number, kind, content in self._fields(data):
            if number in _LAYERS and kind == _BYTES:
                name, blobs = self._layer(content, **_LAYERS[number])
                if blobs:
                    found[name] = blobs
        return found

    def _layer(self, data, name, blobs):
        title, found = "", []
        for number, kind, content in self._fields(data):
            if kind == _BYTES and number == name:
                title = bytes(content).decode()
            elif kind == _BYTES and number == blobs:
                found.append(self._blob(content))
        return title, found

    def _blob(self, data):
        values, old, shape = [], {}, None
        for number, kind, content in self._fields(data):
            if number in (_DATA, _DOUBLES) and kind == _BYTES:
                values.append(np.frombuffer(content, "<f4" if number == _DATA else "<f8"))
            elif number in _OLD_SHAPE and kind == _VARINT:
                old[number] = content
            elif number == _SHAPE and kind == _BYTES:
                shape = self._dims(content)
        if shape is None:
            shape = [old.get(number, 1) for number in _OLD_SHAPE]
        flat = np.concatenate(values) if values else np.zeros(0)
        if len(shape) > _MAX_AXES:
            raise ValueError("too many axes")
        with np.errstate(over="ignore", invalid="ignore"):  # who builds the network looks at them
            return flat.astype(np.float32).reshape(shape)

    def _dims(self, data):
        dims = []
        for number, kind, content in self._fields(data):
            if number == _DIM and kind == _VARINT:
                dims.append(content)
            elif number == _DIM and kind == _BYTES:  # packed: one varint after another
                at = 0
                while at < len(content):
                    dim, at = self._varint(content, at)
                    dims.append(dim)
        return dims

    def _fields(self, data):
        """(number, wire type, content) of each field of a message."""
        at = 0
        while at < len(data):
            tag, at = self._varint(data, at)
            number, kind = tag >> 3, tag & 7
            if kind == _VARINT:
                content, at = self._varint(data, at)
            elif kind == _BYTES:
                size, at = self._varint(data, at)
                content, at = data[at : at + size], at + size
            elif kind in (_FIXED32, _FIXED64):
                size = 4 if kind == _FIXED32 else 8
                content, at = data[at : at + size], at + size
            else:
                raise ValueError("a wire type that protobuf does not have")
            if at > len(data):
                raise ValueError("cut short")
            yield number, kind, content

    def _varint(self, data, at):
        """A whole number in groups of seven bits, lowest first, and the place after it."""
        self.n_fields += 1
        if self.n_fields > MAX_FIELDS:
            raise ValueError("more fields than any network has")
        value = 0
        for shift in range(0, 64, 7):
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
        raise ValueError("a number that does not end")
