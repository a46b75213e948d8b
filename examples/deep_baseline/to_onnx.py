"""A Keras network of the layers used here as an ONNX file.

Written out node by node, since Keras' own export goes through tf2onnx, which does not install
beside every release of TensorFlow. Maps are turned from Keras' (n, H, W, C) to ONNX' (n, C, H, W).
"""

import numpy as np
import onnx
from keras import layers

from cascade.formats.onnx.graph import Graph, Tensor
from data_tools.files import replace_file


def export(model, path, **notes):
    """Write a model of one input and one output.

    Parameters
    ----------
    model : keras.Model
        Of convolutions, plain and transposed, batch normalisation, pooling, upsampling, dense
        layers, rescaling, ReLU, sums, products, concatenations, and `blocks.Formula`.
    path : str or Path
    **notes : str
        Facts to keep in the file.

    Raises
    ------
    NotImplementedError
        For any other layer.
    """
    graph = Graph()
    entry, exit_ = model.inputs[0], model.outputs[0]
    values = {entry.name: Tensor(graph, "face", np.float32)}
    for layer in model.layers:
        if not isinstance(layer, layers.InputLayer):
            given = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
            given = [values[tensor.name] for tensor in given]
            values[layer.output.name] = _add(graph, layer, given)
    points = graph.named("points", values[exit_.name])
    ends = [(tensor, ["n", *_turned(keras_tensor.shape[1:])])
            for tensor, keras_tensor in ((values[entry.name], entry), (points, exit_))]  # fmt: skip
    proto = graph.model("landmarks", ends[:1], ends[1:], 17, producer_name="cascade-align")
    onnx.helper.set_model_props(proto, {name: str(value) for name, value in notes.items()})
    onnx.checker.check_model(proto, full_check=True)
    replace_file(path, proto.SerializeToString())


def _turned(shape):
    """ONNX' order of a map's sides."""
    return [shape[2], *shape[:2]] if len(shape) == 3 else list(shape)


def _add(graph, layer, given):
    """The output of a layer."""
    x = given[0]

    def weight(values):
        return graph.const(np.ascontiguousarray(np.asarray(values), np.float32))

    match layer:
        case layers.Conv2DTranspose():
            # Keras' padding "same" cuts what stands over, the larger half after.
            over = [side - stride for side, stride in zip(layer.kernel_size, layer.strides,
                                                          strict=True)]  # fmt: skip
            pads = [o // 2 for o in over] + [o - o // 2 for o in over]
            kernel = np.transpose(_numpy(layer.kernel), (3, 2, 0, 1))
            bias = [weight(_numpy(layer.bias))] if layer.use_bias else []
            x = graph.node("ConvTranspose", x, weight(kernel), *bias, strides=layer.strides,
                           pads=pads)  # fmt: skip
            return _activated(graph, layer, x)
        case layers.Conv2D(groups=1):
            bias = [weight(_numpy(layer.bias))] if layer.use_bias else []
            kernel = np.transpose(_numpy(layer.kernel), (3, 2, 0, 1))
            pads = "SAME_UPPER" if layer.padding == "same" else "VALID"
            x = graph.node("Conv", x, weight(kernel), *bias, strides=layer.strides, auto_pad=pads)
            return _activated(graph, layer, x)
        case layers.BatchNormalization():
            parts = ("gamma", "beta", "moving_mean", "moving_variance")
            parts = [weight(_numpy(getattr(layer, part))) for part in parts]
            return graph.node("BatchNormalization", x, *parts, epsilon=layer.epsilon)
        case layers.GlobalAveragePooling2D(keepdims=True):
            return graph.node("GlobalAveragePool", x)
        case layers.MaxPooling2D() | layers.AveragePooling2D():
            kind = "MaxPool" if isinstance(layer, layers.MaxPooling2D) else "AveragePool"
            pads = "SAME_UPPER" if layer.padding == "same" else "VALID"
            return graph.node(kind, x, kernel_shape=layer.pool_size, strides=layer.strides,
                              auto_pad=pads)  # fmt: skip
        case layers.UpSampling2D(interpolation="nearest"):
            scales = graph.const(np.float32([1, 1, *layer.size]))
            nothing = graph.const(np.zeros(0, np.float32))
            return graph.node("Resize", x, nothing, scales, mode="nearest", nearest_mode="floor",
                              coordinate_transformation_mode="asymmetric")  # fmt: skip
        case layers.Flatten():
            # Keras counts channels fastest, and so do the weights that follow.
            turned = x.transpose(0, 2, 3, 1) if len(layer.input.shape) == 4 else x
            return graph.node("Flatten", turned)
        case layers.Reshape():
            if len(layer.output.shape) != 4:
                raise NotImplementedError(f"layer {layer.name} reshapes to something but a map")
            return x.reshape(-1, *layer.output.shape[1:]).transpose(0, 3, 1, 2)
        case layers.Dense():
            bias = [weight(_numpy(layer.bias))] if layer.use_bias else []
            return _activated(graph, layer, graph.node("Gemm", x, weight(_numpy(layer.kernel)),
                                                       *bias))  # fmt: skip
        case layers.Rescaling():
            return x * np.float32(layer.scale) + np.float32(layer.offset)
        case layers.ReLU(max_value=None):
            return graph.node("Relu", x)
        case layers.Multiply():
            return graph.node("Mul", *given)
        case layers.Add():
            return graph.node("Add", *given)
        case layers.Concatenate():
            return graph.join(given, 1)
        case _ if hasattr(layer, "formula"):
            return layer.formula(Operators(graph), *given)
        case _:
            raise NotImplementedError(
                f"no ONNX node for layer {layer.name} ({type(layer).__name__})"
            )


def _activated(graph, layer, x):
    """What Keras holds to be part of the layer."""
    name = layer.activation.__name__
    known = {"linear": None, "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    if name not in known:
        raise NotImplementedError(f"no ONNX node for the activation {name} of layer {layer.name}")
    return graph.node(known[name], x) if known[name] else x


def _numpy(variable):
    return variable.numpy() if hasattr(variable, "numpy") else np.asarray(variable)


class Operators:
    """The functions of `keras.ops` that formulas use, as nodes of a graph."""

    def __init__(self, graph):
        self.graph = graph

    def convert_to_tensor(self, variable):
        return self.graph.const(np.float32(_numpy(variable)))

    def abs(self, x):
        return self.graph.node("Abs", x)

    def tanh(self, x):
        return self.graph.node("Tanh", x)

    def exp(self, x):
        return self.graph.node("Exp", x)

    def sqrt(self, x):
        return x.sqrt()

    def sum(self, x, axis):
        return x.sum(axis)

    def min(self, x, axis):
        return self.graph.node("ReduceMin", x, axes=[axis], keepdims=0)

    def max(self, x, axis, keepdims=False):
        return self.graph.node("ReduceMax", x, axes=[axis], keepdims=int(keepdims))

    def reshape(self, x, shape):
        return x.reshape(*shape)

    def take(self, x, index, axis):
        return x.take(index, axis)

    def matmul(self, a, b):
        return self.graph.node("MatMul", a, b)

    def stack(self, tensors, axis):
        axes = self.graph.ints(axis)
        return self.graph.join([self.graph.node("Unsqueeze", t, axes) for t in tensors], axis)

    def cast(self, x, dtype):
        return x.cast(dtype)
