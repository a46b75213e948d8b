"""A Keras network of the layers used here as an ONNX file.

Written out node by node, since Keras' own export goes through tf2onnx, which does not install
beside every release of TensorFlow. Maps are turned from Keras' (n, H, W, C) to ONNX' (n, C, H, W).
"""

import numpy as np
import onnx
from keras import layers
from onnx import helper, numpy_helper

from data_tools.files import replace_file


def export(model, path, **notes):
    """Write a model of one input and one output.

    Parameters
    ----------
    model : keras.Model
        Of convolutions, batch normalisation, global average pooling, dense layers, rescaling,
        ReLU, sums and products.
    path : str or Path
    **notes : str
        Facts to keep in the file.

    Raises
    ------
    NotImplementedError
        For any other layer.
    """
    graph = _Graph(model)
    entry, exit_ = model.inputs[0], model.outputs[0]
    height, width, channels = entry.shape[1:]
    kind = onnx.TensorProto.FLOAT
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "landmarks",
            [helper.make_tensor_value_info(entry.name, kind, ["n", channels, height, width])],
            [helper.make_tensor_value_info(exit_.name, kind, ["n", exit_.shape[1]])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="cascade-align",
    )
    helper.set_model_props(proto, {name: str(value) for name, value in notes.items()})
    onnx.checker.check_model(proto, full_check=True)
    replace_file(path, proto.SerializeToString())


class _Graph:
    """The nodes and weights of a model, in the order of its layers."""

    def __init__(self, model):
        self.nodes, self.weights = [], []
        for layer in model.layers:
            if not isinstance(layer, layers.InputLayer):
                self._add(layer)

    def _add(self, layer):
        name = layer.name
        given = layer.input if isinstance(layer.input, list) else [layer.input]
        given, out = [tensor.name for tensor in given], layer.output.name
        match layer:
            case layers.Conv2D():
                kernel = np.transpose(layer.kernel, (3, 2, 0, 1))
                given += [self._keep(f"{name}/kernel", kernel)]
                given += [self._keep(f"{name}/bias", layer.bias)] if layer.use_bias else []
                pads = "SAME_UPPER" if layer.padding == "same" else "VALID"
                self._activated(layer, "Conv", given, out, strides=layer.strides, auto_pad=pads)
            case layers.BatchNormalization():
                parts = ("gamma", "beta", "moving_mean", "moving_variance")
                given += [self._keep(f"{name}/{part}", getattr(layer, part)) for part in parts]
                self._node("BatchNormalization", given, out, epsilon=layer.epsilon)
            case layers.GlobalAveragePooling2D(keepdims=True):
                self._node("GlobalAveragePool", given, out)
            case layers.Flatten():
                # Keras counts channels fastest, and so do the weights that follow.
                self._node("Transpose", given, f"{name}/turned", perm=(0, 2, 3, 1))
                self._node("Flatten", [f"{name}/turned"], out)
            case layers.Dense():
                given += [self._keep(f"{name}/kernel", layer.kernel)]
                given += [self._keep(f"{name}/bias", layer.bias)] if layer.use_bias else []
                self._activated(layer, "Gemm", given, out)
            case layers.Rescaling():
                given += [self._keep(f"{name}/scale", layer.scale)]
                self._node("Mul", given, f"{name}/scaled")
                self._node(
                    "Add", [f"{name}/scaled", self._keep(f"{name}/offset", layer.offset)], out
                )
            case layers.ReLU(max_value=None):
                self._node("Relu", given, out)
            case layers.Multiply():
                self._node("Mul", given, out)
            case layers.Add():
                self._node("Add", given, out)
            case _:
                raise NotImplementedError(f"no ONNX node for layer {name} ({type(layer).__name__})")

    def _activated(self, layer, operation, given, out, **attributes):
        """A node and, after it, the activation that Keras holds to be part of the layer."""
        node = {"linear": None, "relu": "Relu", "sigmoid": "Sigmoid"}[layer.activation.__name__]
        self._node(operation, given, f"{out}/linear" if node else out, **attributes)
        if node:
            self._node(node, [f"{out}/linear"], out)

    def _node(self, operation, given, out, **attributes):
        self.nodes.append(helper.make_node(operation, given, [out], **attributes))

    def _keep(self, name, values):
        values = np.ascontiguousarray(values, np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name
