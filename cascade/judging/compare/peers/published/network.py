"""A chain of layers, written as a table, with weights from a file: an ONNX network in memory."""

from typing import NamedTuple

import numpy as np

from features.errors import InputError

from .....formats.onnx.graph import Graph, Tensor
from ...specs import needed
from ..onnx_network import open_session

_OPSET = 17
_INSTALL = "pip install onnx onnxruntime"


# Functions of each value, by their names in ONNX, one after another.
RELU = ("Relu",)
ABS_TANH = ("Tanh", "Abs")


class Conv(NamedTuple):
    """A convolution of `side` x `side` pixels and what follows each value."""

    name: str
    channels: int
    side: int
    pad: int = 0
    then: tuple[str, ...] = RELU


class Pool(NamedTuple):
    """The maximum of `side` x `side` pixels; a window that begins within the map counts even if it
    ends outside, as in Caffe."""

    side: int = 2
    stride: int = 2
    name: str = ""


class Dense(NamedTuple):
    """A linear layer on the whole map, its values counted as channel, row, column."""

    name: str
    channels: int
    then: tuple[str, ...] = RELU


class Join(NamedTuple):
    """The maps of earlier layers, by their names, flattened one after another."""

    names: tuple[str, ...]


class Network:
    """A network that onnxruntime runs.

    Parameters
    ----------
    layers : tuple of Conv, Pool, Dense and Join
    weights : dict of str to pair of ndarray
        Of each convolution, (channels, inputs, side, side), and dense layer, (channels, inputs),
        and its biases.
    shape : tuple of int
        Of the input of one face: (channels, height, width).
    where : str or Path
        The file of the weights, for errors.
    what : str
        The network, for errors.

    Raises
    ------
    InputError
        If weights are missing, of other shapes or not finite; or onnx or onnxruntime is missing.
    """

    def __init__(self, layers, weights, shape, where, what):
        needed("onnx", _INSTALL, what)
        self._weights, self._where, self._what = weights, where, what
        self._graph = Graph()
        x = Tensor(self._graph, "face", np.float32)
        maps = {}
        entry = x, ["n", *shape]
        for layer in layers:
            x, shape = self._add(layer, x, shape, maps)
            if getattr(layer, "name", ""):
                maps[layer.name] = x, shape
        x = self._graph.named("points", x)
        proto = self._graph.model(what, [entry], [(x, ["n", *shape])], _OPSET)
        self._session = open_session(where, what, proto.SerializeToString())

    def __call__(self, crops):
        """The outputs (n, outputs) for crops (n, channels, height, width), float32."""
        return self._session.run(None, {"face": np.ascontiguousarray(crops, np.float32)})[0]

    def _add(self, layer, x, shape, maps):
        """The output of one more layer, and its shape."""
        graph = self._graph
        match layer:
            case Conv(name, channels, side, pad, then):
                kernel, bias = self._weights_of(name, (channels, shape[0], side, side))
                x = self._each(then, graph.node("Conv", x, kernel, bias, pads=[pad] * 4))
                return x, (channels, *(length + 2 * pad - side + 1 for length in shape[1:]))
            case Pool(side, stride):
                x = graph.node("MaxPool", x, kernel_shape=[side] * 2, strides=[stride] * 2,
                               ceil_mode=1)  # fmt: skip
                return x, (shape[0], *(-(-(length - side) // stride) + 1 for length in shape[1:]))
            case Dense(name, channels, then):
                kernel, bias = self._weights_of(name, (channels, int(np.prod(shape))))
                x = graph.node("Gemm", graph.node("Flatten", x), kernel, bias, transB=1)
                return self._each(then, x), (channels,)
            case Join(names):
                flat = [graph.node("Flatten", maps[name][0]) for name in names]
                return graph.join(flat, 1), (sum(int(np.prod(maps[n][1])) for n in names),)

    def _each(self, functions, x):
        for function in functions:
            x = self._graph.node(function, x)
        return x

    def _weights_of(self, name, shape):
        """Weights of a layer and its biases as constants, checked."""
        found = list(self._weights.get(name, ()))
        shapes = [array.shape for array in found]
        if shapes != [shape, shape[:1]]:
            has = f"weights {', '.join(map(str, shapes))}" if shapes else "no such weights"
            raise InputError(
                f"{self._where}: not {self._what}: its layer {name} needs weights of {shape} and "
                f"biases of {shape[:1]}, but the file has {has}"
            )
        if not all(np.isfinite(array).all() for array in found):
            raise InputError(f"{self._where}: layer {name} has weights that are not finite numbers")
        return [self._graph.const(np.asarray(array, np.float32)) for array in found]


class TrainedNetwork:
    """The same, from an ONNX file.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        Of the input of one face.
    n_outputs : int
    what : str
        The network, for errors.

    Raises
    ------
    InputError
        If the file cannot be loaded or takes or gives something else.
    """

    def __init__(self, path, shape, n_outputs, what):
        self._session = open_session(path, what)
        self.trained_on = self._session.get_modelmeta().custom_metadata_map.get("trained_on", "")
        entries = self._session.get_inputs()
        if [list(entry.shape[1:]) for entry in entries] != [list(shape)]:
            raise InputError(
                f"{path}: not {what}: it must take crops of {shape}, not "
                f"{[entry.shape for entry in entries]}"
            )
        self._entry = entries[0].name
        found = self(np.zeros((1, *shape))).shape
        if found != (1, n_outputs):
            raise InputError(f"{path}: not {what}: it must give {n_outputs} numbers, not {found}")

    def __call__(self, crops):
        """The outputs (n, outputs) for crops (n, channels, height, width), float32."""
        return self._session.run(None, {self._entry: np.ascontiguousarray(crops, np.float32)})[0]
