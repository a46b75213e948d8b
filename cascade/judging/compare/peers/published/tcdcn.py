"""TCDCN (Zhang, Luo, Loy and Tang 2014, "Facial landmark detection by deep multi-task learning";
2016, "Learning deep representation for face alignment with auxiliary attributes"): 68 points.

The weights are the authors' own ``model.mat``: a structure array of layers, each with its name and
a cell of weights (row, column, input, output) and biases. The network sees 60 x 60 grey pixels,
``(v - 127.5) / 128``, and answers in fractions of its square: all y, then all x. Its first dense
layer counts the last map as channel, column, row.

It wants a square 1.1 times as large as the box that is tight around the 68 landmarks, about the
same centre: on 100 training faces of LFPW and of HELEN the error is least from 1.1 to 1.15 times,
and the centre matters little.
"""

import numpy as np

from data_tools.readers.mat5 import read_mat5
from features.errors import InputError

from .face_crop import FaceCrop
from .network import Conv, Dense, Network, Pool

MAX_BYTES = 1 << 26
WHAT = "TCDCN"
SIZE = 60
LAYERS = (
    Conv("conv1", 20, 5), Pool(),
    Conv("conv2", 48, 5), Pool(),
    Conv("conv3", 64, 3), Pool(),
    Conv("conv4", 80, 3),
    Dense("ip1", 512),
    Dense("ip136", 136, ()),
)  # fmt: skip
_LAST_MAP = (80, 3, 3)


def load(spec):
    """The network in the spec's .mat file."""
    return _Tcdcn(spec, spec.file())


def read_weights(path):
    """Weights and biases of each layer, in the order of ONNX.

    Raises
    ------
    InputError
        If the file is damaged, or is not of this network.
    """
    found = read_mat5(path, nested=True, max_bytes=MAX_BYTES, max_unpacked=MAX_BYTES)
    try:
        layers = {layer["layer_names"]: layer["weights"] for layer in found["model"]}
        return {name: _onnx_order(name, *arrays) for name, arrays in layers.items()}
    # Whatever another content lacks or has too many of.
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: holds no layers of {WHAT}; name the model.mat of its authors"
        ) from error


def _onnx_order(name, weights, biases):
    if weights.ndim == 4:
        weights = weights.transpose(3, 2, 0, 1)
    else:
        weights = weights.T
    if name == "ip1":
        channels, rows, columns = _LAST_MAP
        weights = weights.reshape(-1, channels, columns, rows).transpose(0, 1, 3, 2)
        weights = weights.reshape(len(weights), -1)
    return weights, biases.ravel()


class _Tcdcn:
    points = 68
    seen = "its authors do not list its training faces; 300-W's training sets are among them"
    about = "TCDCN, 60 px, the authors' weights"

    def __init__(self, spec, path):
        self.n_bytes = path.stat().st_size
        self.crop = FaceCrop(spec, SIZE, expand=1.1)
        self.net = Network(LAYERS, read_weights(path), (1, SIZE, SIZE), path, WHAT)

    def __call__(self, image, box):
        crop = self.crop(box)
        seen = (crop.cut(image).astype(np.float32) - 127.5) / 128
        y, x = self.net(seen[None, None]).reshape(2, -1)
        return crop.to_image(np.stack([x, y], axis=-1))
