"""DCNN (Sun, Wang and Tang 2013, "Deep convolutional network cascade for facial point detection"):
five points in three levels, from the Caffe files of a public retraining.

Level 1, ``1_F.caffemodel``, finds all points in a crop of 39 x 39 grey pixels. Levels 2 and 3,
``2_LE1.caffemodel`` to ``3_RM2.caffemodel``, have two networks for each point, which see patches of
15 x 15 pixels around it, of two sizes, and answer with the place in the patch; their answers are
averaged. Each crop is standardised by its own mean and deviation. The public retraining has only
the first of the paper's three networks at level 1. ``levels=1`` or ``2`` stops there. A network
trained by examples/deep_baseline has the ending ``.onnx`` instead.

Level 1 answers in fractions of a square, and sees 1.1 times its side. The square that it wants is
0.95 times as large as the box that is tight around the 68 landmarks, with its centre higher by
0.075 of the box's side: of squares from 0.7 to 1.8 times as large, this one has the least error on
120 training faces of LFPW and of HELEN.
"""

import numpy as np

from features.errors import InputError, require_count

from ...crops import SquareCrop
from .caffe import read_caffemodel
from .face_crop import FaceCrop, standardised
from .network import Conv, Dense, Join, Network, Pool, TrainedNetwork

WHAT = "DCNN"
SIZE, PATCH = 39, 15
GROW = 1.1  # of level 1
# Half the side of the patches of the first and second networks, in units of the square's side.
HALVES = {2: (0.16, 0.18), 3: (0.11, 0.12)}
POINTS = ("LE", "RE", "N", "LM", "RM")
LEVEL1 = (
    Conv("conv1", 20, 4), Pool(),
    Conv("conv2", 40, 3), Pool(),
    Conv("conv3", 60, 3), Pool(name="pool3"),
    Conv("conv4", 80, 2),
    Join(("pool3", "conv4")),
    Dense("fc1", 120),
    Dense("fc2", 10),
)  # fmt: skip
LEVELS23 = (
    Conv("conv1", 20, 4), Pool(),
    Conv("conv2", 40, 3), Pool(),
    Dense("fc1", 60),
    Dense("fc2", 2),
)  # fmt: skip


def load(spec):
    """The networks in the spec's folder."""
    return _Dcnn(spec, spec.folder())


class _Dcnn:
    points = "centres5"
    seen = "trained on LFW and photographs of the web, which may overlap with these"

    def __init__(self, spec, folder):
        self.crop = FaceCrop(spec, SIZE, expand=0.95, down=-0.075)
        levels = spec.take("levels", 3, int)
        require_count("levels", levels, 1, 3)
        self.n_bytes = 0
        self.trained_on = ""
        self.first = self._network(folder / "1_F.caffemodel", LEVEL1, SIZE)
        self.later = [
            [self._pair(folder, level, point) for point in POINTS] for level in range(2, levels + 1)
        ]
        self.about = f"DCNN, {levels} level{'s' * (levels > 1)}, {1 + 10 * (levels - 1)} networks"

    def _pair(self, folder, level, point):
        """Networks of a point with the halves of their patches."""
        return [
            (half, self._network(folder / f"{level}_{point}{k}.caffemodel", LEVELS23, PATCH))
            for k, half in enumerate(HALVES[level], start=1)
        ]

    def _network(self, path, layers, size):
        trained = path.with_suffix(".onnx")
        if trained.is_file():
            self.n_bytes += trained.stat().st_size
            net = TrainedNetwork(trained, (1, size, size), layers[-1].channels, WHAT)
            self.trained_on, self.seen = net.trained_on, ""
            return net
        if not path.is_file():
            raise InputError(f"{path}: no such file; dcnn:FOLDER needs 1_F, 2_LE1 to 3_RM2")
        self.n_bytes += path.stat().st_size
        return Network(layers, read_caffemodel(path), (1, size, size), path, WHAT)

    def __call__(self, image, box):
        square = self.crop(box)
        points = square.to_image(_answer(self.first, self.crop(box, GROW), image))
        # The unit of patches: the square has no angle, so its first axis is along x.
        side = square.axes[0, 0]
        for level in self.later:
            points = [
                np.mean([_near(net, image, at, half * side) for half, net in pair], axis=0)
                for at, pair in zip(points, level, strict=True)
            ]
        return np.asarray(points)


def _near(net, image, at, half):
    """What a network of level 2 or 3 finds in the patch around a point (2,)."""
    patch = SquareCrop((*(at - half), *(at + half)), PATCH)
    return patch.to_image(_answer(net, patch, image))[0]


def _answer(net, crop, image):
    return net(standardised(crop.cut(image))[None, None]).reshape(-1, 2)
