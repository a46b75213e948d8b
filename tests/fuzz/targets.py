"""What is fuzzed: every reader of files, as a function that takes the bytes of one.

A target may raise InputError, and nothing else. What a model's reader accepts must also predict.
"""

import json
import struct
from functools import partial

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save as pack

import cascade
from cascade.formats import dlib as dlib_dat
from cascade.formats import native
from cascade.formats import opencv as opencv_lbf
from cascade.judging.compare.peers.decoders.face_model import FaceModel
from cascade.judging.compare.peers.decoders.tables import take_places
from cascade.judging.compare.peers.published.caffe import read_caffemodel
from cascade.judging.compare.specs import Spec
from cascade.loop import model_file
from cascade.loop.checkpoint import Checkpoint
from cascade.loop.state import untrained
from cascade.stages import registry
from data_tools.readers import (
    SOURCES,
    find_source,
    read_boxes,
    read_imglab,
    read_pts,
    read_visible,
    read_wflw,
)
from data_tools.readers.mat5 import read_mat5
from data_tools.schemes import FACE68, Scheme
from features.errors import InputError
from features.images import read_image

from ..data_tools.samples import OPTIONS, SAMPLES
from .seeds import FUZZED

_IMAGE = np.random.default_rng(0).integers(0, 256, (60, 70)).astype(np.uint8)
# In the middle, over the border, small, and far too large.
_BOXES = np.float32([[20, 15, 50, 45], [-9, 30, 25, 59], [30, 30, 33, 33], [-400, -300, 500, 400]])
NATIVE_DTYPES = {
    "F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
    "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "?",
}  # fmt: skip


def predicts(model):
    """Predict in all ways that reach a kernel; landmarks may be anywhere or NaN."""
    image = _IMAGE
    with np.errstate(all="ignore"):
        for box in _BOXES:
            model.predict(image, box)
        model.predict(image, _BOXES[:2])
        model.align(image, _BOXES[:1], staged=True)
        model.predict_many(np.stack([image] * 2), _BOXES[:2])
        if hasattr(model, "detect"):
            model.detect(image, min_size=20, rotation=[0, 30])
        if len(getattr(model, "starts_", ())) > 1 and model.method not in ("dlib", "opencv"):
            model.predict(image, _BOXES[0], n_starts=2, mirror=model.scheme_.flip is not None)


def resealed(data):
    """A model file with a digest that fits, so that what lies behind the digest is reached."""
    try:
        size = int.from_bytes(data[:8], "little")
        entries = json.loads(data[8 : 8 + size])
        header = json.loads(entries.pop("__metadata__")["cascade"])
        arrays = {}
        for name, entry in entries.items():
            dtype = np.dtype(NATIVE_DTYPES[entry["dtype"]])
            first, last = (8 + size + int(at) for at in entry["data_offsets"])
            arrays[name] = np.frombuffer(data[first:last], dtype).reshape(entry["shape"])
        header.pop("sha256", None)
        header["sha256"] = model_file._digest(header, arrays)
        return pack(arrays, {"cascade": json.dumps(header)})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError,
            OverflowError, SafetensorError):  # fmt: skip
        return data


def _read(reader, path, data):
    path.write_bytes(data)
    return reader(path)


def _model(reader, path, data):
    predicts(_read(reader, path, data))


def _resealed_model(path, data):
    _model(native.read, path, resealed(data))


def _checkpoint(path, data):
    """As a training that goes on would read it."""
    path.write_bytes(resealed(data))
    header, _ = model_file.read(path)
    try:
        # Its own parameters and scheme, or nothing in it beyond them would be looked at.
        model = untrained(cascade.ERT, header)
        model.scheme_ = Scheme.from_dict(header["scheme"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        model = cascade.ERT()
        model.scheme_ = FACE68
    model.seed_ = 0
    keeper = Checkpoint(path, model, None)
    keeper._training = {"faces": "0" * 64, "seed": 0}
    keeper.load()


def _colour(path):
    read_image(path)
    return read_image(path, grey=False)


def _option(name, read, path, data):
    """As the file that an option of a spec names."""
    path.write_bytes(data)
    return read(Spec("onnx:net", "net", "onnx", "net", {name: str(path)}))


def _face_model(spec):
    model = FaceModel(spec, 32)
    with np.errstate(all="ignore"):
        model(np.ones((1, model.n_parameters)))


def _data_set(name, path, data):
    """As a data set of which one file comes from a stranger; a face that is left out counts as
    refused."""
    root = path.parent / name
    root.mkdir(exist_ok=True)
    sample = SAMPLES[name](root)
    (root / FUZZED[name]).write_bytes(data)
    find_source(sample.path)
    options = OPTIONS.get(name, lambda sample: {})(sample)
    (source,) = (source for source in SOURCES if source.name == name)
    try:
        faces = source.load().read(sample.path, boxes="tight", **options)
    except InputError as error:
        if str(root) in str(error):
            raise InputError(f"{path.name}: {error}") from error
        raise
    if len(faces) < 2:
        raise InputError(f"{path.name}: {faces.skipped[:1]}")


TARGETS = {
    "pts": partial(_read, read_pts),
    "boxes": partial(_read, read_boxes),
    "visible": partial(_read, read_visible),
    "imglab": partial(_read, read_imglab),
    "wflw": partial(_read, lambda path: read_wflw(path, path.parent)),
    "mat5": partial(_read, read_mat5),
    "mat5-nested": partial(_read, partial(read_mat5, nested=True)),
    "caffe": partial(_read, read_caffemodel),
    "face-model": partial(_option, "model", _face_model),
    "places": partial(_option, "index", take_places),
    "scheme": partial(_read, Scheme.from_file),
    "image": partial(_read, _colour),
    "dat": partial(_model, dlib_dat.read),
    "opencv": partial(_model, opencv_lbf.read),
    "native": partial(_model, native.read),
    "resealed": _resealed_model,
    "checkpoint": _checkpoint,
    "load": partial(_model, cascade.load),
    **{name: partial(_data_set, name) for name in FUZZED},
}
# Folders of the corpus that a target begins with, where not that of its own name.
CORPORA = {"resealed": ("native",), "load": ("dat", "opencv", "native")}


def corpus(target, folder):
    """The files that `target` begins with, sorted."""
    names = CORPORA.get(target, (target,))
    return sorted(path for name in names for path in (folder / name).glob("*"))


def refuses(target, path, data):
    """Whether `target` refuses the file of these bytes; any other error passes."""
    try:
        TARGETS[target](path, data)
    except InputError as error:
        if path.name not in str(error):
            raise AssertionError(f"the message does not name the file: {error}") from error
        return True
    return False


_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 1 << 24, (1 << 31) - 1, 1 << 31,
            (1 << 32) - 1, 1 << 62, (1 << 63) - 1, (1 << 64) - 1)  # fmt: skip
_TEXTS = (b"-1", b"0", b"1e999", b"nan", b"inf", b"9" * 400, b"1" * 5000, b"null", b"[]", b"{}",
          b"\x00", b"\xff", b"<a>", b"&l;", b"..", b'"')  # fmt: skip


def mutated(data, rng):
    """A variant of a file: cut, bits turned over, parts repeated, moved or left out, hostile
    numbers put in. `rng` is a random.Random."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at, kind = rng.randrange(len(data) + 1), rng.randrange(8)
        size = rng.choice((1, 2, 4, 8, 16, 64, 512))
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + size]
        elif kind == 4:
            data[at:at] = data[at : at + size] * rng.choice((1, 2, 50))
        elif kind == 5:
            number = rng.choice(_NUMBERS)
            order = rng.choice(("<", ">"))
            code = rng.choice([c for c, top in (("B", 8), ("H", 16), ("I", 32), ("Q", 64))
                               if number < 1 << top])  # fmt: skip
            new = struct.pack(order + code, number)
            data[at : at + len(new)] = new
        elif kind == 6:
            data[at : at + rng.choice((0, 1, 4))] = rng.choice(_TEXTS)
        else:
            other = rng.randrange(len(data) + 1)
            data[at : at + size] = data[other : other + size]
    return bytes(data)


_VALUES = (None, True, -1, 0, 1, 3, 255, 65_536, 1 << 31, 1 << 63, 10**400, 1.5, -0.0, 1e308,
           float("inf"), float("-inf"), float("nan"), "", "x", "1", [], {}, [None],
           {"class": "Starts"}, [[]] * 3,
           *cascade.METHODS, *registry.FEATURES, *registry.PREDICTORS)  # fmt: skip
_ITEMS = {
    "f": (0, -1, 1e-38, 1e30, -1e30, 3e38, 1e-45, np.inf, np.nan),
    "i": (0, 1, -1, 127, -128, 32_767, -32_768, 1 << 30, -(1 << 31)),
    "u": (0, 1, 19, 20, 127, 128, 255, 256, 65_535, (1 << 32) - 1),
}


def mutated_model(data, rng):
    """A variant of a native model file whose structure is sound: other values in the header, other
    numbers, shapes or dtypes of arrays, arrays left out or swapped, and a digest that fits."""
    size = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8 : 8 + size])
    header = json.loads(entries.pop("__metadata__")["cascade"])
    arrays = {}
    for name, entry in entries.items():
        first, last = (8 + size + at for at in entry["data_offsets"])
        found = np.frombuffer(data[first:last], NATIVE_DTYPES[entry["dtype"]])
        arrays[name] = found.reshape(entry["shape"]).copy()
    for _ in range(rng.choice((1, 1, 2, 4))):
        if rng.random() < 0.3:
            _mutate_json(header, rng)
        elif arrays:
            _mutate_arrays(arrays, rng)
    header.pop("sha256", None)
    header["sha256"] = model_file._digest(header, arrays)
    return pack(arrays, {"cascade": json.dumps(header)})


def _mutate_json(node, rng):
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.8:
            node = node[key]
            continue
        kind = rng.random()
        if kind < 0.1:
            del node[key]
        elif kind < 0.15 and isinstance(node, list):
            node *= rng.choice((2, 100))
        else:
            node[key] = rng.choice(_VALUES)
        return


def _mutate_arrays(arrays, rng):
    name = rng.choice(sorted(arrays))
    array, kind = arrays[name], rng.randrange(10)
    if kind < 6 and array.size:
        items = _ITEMS.get(array.dtype.kind, (0,))
        with np.errstate(all="ignore"):
            value = np.array(rng.choice(items)).astype(array.dtype)
        where = rng.randrange(array.size)
        array.reshape(-1)[slice(None) if rng.random() < 0.2 else where] = value
    elif kind == 6:
        axis = rng.randrange(array.ndim) if array.ndim else 0
        arrays[name] = np.repeat(array, 2, axis) if rng.random() < 0.5 else array[:-1].copy()
    elif kind == 7:
        with np.errstate(all="ignore"):
            arrays[name] = array.astype(rng.choice(list(NATIVE_DTYPES.values())))
    elif kind == 8:
        arrays[rng.choice(sorted(arrays))] = array
    else:
        del arrays[name]
