"""Files of Caffe, written by protobuf itself from the part of caffe.proto that holds weights."""

import numpy as np
import pytest


def _messages():
    """The classes of messages, made from their numbers of fields."""
    pytest.importorskip("google.protobuf", reason="protobuf comes with onnx: pip install onnx")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="weights.proto", package="weights")

    def message(name, *fields):
        found = file.message_type.add(name=name)
        for title, number, type_, repeated, packed in fields:
            field = found.field.add(name=title, number=number, label=3 if repeated else 1)
            if isinstance(type_, str):
                field.type, field.type_name = kind.TYPE_MESSAGE, f".weights.{type_}"
            else:
                field.type = type_
            if packed:
                field.options.packed = True

    floats, doubles, ints, text = (
        kind.TYPE_FLOAT, kind.TYPE_DOUBLE, kind.TYPE_INT32, kind.TYPE_STRING
    )  # fmt: skip
    message("Shape", ("dim", 1, kind.TYPE_INT64, True, True))
    message(
        "Blob",
        *((name, k, ints, False, False) for k, name in enumerate(("n", "c", "h", "w"), start=1)),
        ("data", 5, floats, True, True), ("diff", 6, floats, True, True),
        ("shape", 7, "Shape", False, False), ("double_data", 8, doubles, True, True),
    )  # fmt: skip
    message("Layer", ("name", 1, text, False, False), ("type", 2, text, False, False),
            ("blobs", 7, "Blob", True, False))  # fmt: skip
    message("OldLayer", ("name", 4, text, False, False), ("blobs", 6, "Blob", True, False))
    message("Net", ("name", 1, text, False, False), ("layers", 2, "OldLayer", True, False),
            ("layer", 100, "Layer", True, False))  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("weights.Net"))


def caffemodel(layers, *, old=False, doubles=False):
    """The bytes of a .caffemodel.

    Parameters
    ----------
    layers : dict of str to sequence of ndarray
    old : bool
        As before 2014: another kind of layer, and blobs of four sides.
    doubles : bool
        Whether numbers are in float64.
    """
    net = _messages()(name="a network")
    for name, arrays in layers.items():
        layer = net.layers.add(name=name) if old else net.layer.add(name=name, type="Something")
        for array in arrays:
            blob = layer.blobs.add()
            getattr(blob, "double_data" if doubles else "data").extend(np.ravel(array).tolist())
            if old:
                sides = (1,) * (4 - np.ndim(array)) + np.shape(array)
                blob.n, blob.c, blob.h, blob.w = sides
            else:
                blob.shape.dim.extend(np.shape(array))
    return net.SerializeToString()


def zeros(layers, channels, biases=None):
    """Weights of zero for a table of layers of `network`, with the biases of some."""
    from cascade.judging.compare.peers.published.network import Conv, Dense, Join, Pool

    found, shape, maps = {}, channels, {}
    for layer in layers:
        match layer:
            case Conv(name, n, side, pad, _):
                found[name] = np.zeros((n, shape[0], side, side)), np.zeros(n)
                shape = n, *(length + 2 * pad - side + 1 for length in shape[1:])
            case Pool(side, stride, _):
                shape = shape[0], *(-(-(length - side) // stride) + 1 for length in shape[1:])
            case Dense(name, n, _):
                found[name] = np.zeros((n, int(np.prod(shape)))), np.zeros(n)
                shape = (n,)
            case Join(names):
                shape = (int(sum(np.prod(maps[name]) for name in names)),)
        if getattr(layer, "name", ""):
            maps[layer.name] = shape
    for name, values in (biases or {}).items():
        found[name] = found[name][0], np.asarray(values, float)
    return found
