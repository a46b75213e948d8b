"""Vanilla CNN (Wu, Hassner, Kim, Medioni and Natarajan 2017, "Facial landmark detection with
tweaked convolutional neural networks"): five points, from the authors' Caffe file.

The folder holds ``vanillaCNN.caffemodel`` and the mean and the deviation of the training crops as
pictures of 40 x 40, ``trainMean.png`` and ``trainSTD.png``. The network sees blue, green and red,
``(v - mean) / (deviation + 1e-6)``, each neuron answers ``|tanh|``, and points come as fractions of
the square from its centre. Models are compared on grey images: here every channel is the grey crop
less the grey of the mean, over the grey of the deviation. On 150 training faces each of LFPW and of
HELEN that errs as much as colour does (6.93 and 5.41 % against 6.96 and 5.34 %).

It wants a square 1.1 times as large as the box that is tight around the 68 landmarks, with its
centre higher by 0.1 of the box's side: the least error on 120 training faces of LFPW and of HELEN.
"""

import numpy as np

from features.errors import InputError
from features.images import read_image

from .caffe import read_caffemodel
from .face_crop import FaceCrop
from .network import ABS_TANH, Conv, Dense, Network, Pool

WHAT = "Vanilla CNN"
SIZE = 40
LAYERS = (
    Conv("Conv1", 16, 5, 2, ABS_TANH), Pool(),
    Conv("Conv2", 48, 3, 1, ABS_TANH), Pool(),
    Conv("Conv3", 64, 3, 0, ABS_TANH), Pool(3, 2),
    Conv("Conv4", 64, 2, 0, ABS_TANH),
    Dense("Dense1", 100, ABS_TANH),
    Dense("Dense2", 10, ()),
)  # fmt: skip


def load(spec):
    """The network in the spec's folder."""
    return _VanillaCnn(spec, spec.folder())


class _VanillaCnn:
    points = "centres5"
    seen = "trained on photographs of the web, which may overlap with these"
    about = "Vanilla CNN, 40 px, the authors' weights"

    def __init__(self, spec, folder):
        self.crop = FaceCrop(spec, SIZE, expand=1.1, down=-0.1)
        paths = [folder / n for n in ("vanillaCNN.caffemodel", "trainMean.png", "trainSTD.png")]
        self.mean, self.deviation = (_picture(path) for path in paths[1:])
        weights = read_caffemodel(paths[0])
        self.net = Network(LAYERS, weights, (3, SIZE, SIZE), paths[0], WHAT)
        self.n_bytes = sum(path.stat().st_size for path in paths)

    def __call__(self, image, box):
        crop = self.crop(box)
        seen = (crop.cut(image) - self.mean) / (self.deviation + np.float32(1e-6))
        found = self.net(np.repeat(seen[None, None], 3, axis=1))
        return crop.to_image(found.reshape(-1, 2) + 0.5)


def _picture(path):
    """A grey picture of the crop's size, float32."""
    picture = read_image(path)
    if picture.shape != (SIZE, SIZE):
        raise InputError(f"{path}: must be {SIZE} x {SIZE} pixels, not {picture.shape}")
    return picture.astype(np.float32)
