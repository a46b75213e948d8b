"""DenseReg (Güler et al. 2017, "DenseReg: fully convolutional dense shape regression in-the-wild"),
small: each pixel says whether it is of the face, and where on the unwrapped face it lies: a step of
u and of v by classification, and what is left of it by regression.

u and v are the columns and rows of the drawn head's grid; where landmarks lie in it is measured on
the training heads and written to FILE.index.txt.
"""

import keras
import numpy as np
from blocks import convolution, residual
from keras import layers, ops
from prnet import places
from recipe import Recipe

from cascade.judging.compare.peers.decoders.dense_uv import DenseUv
from cascade.judging.compare.specs import Spec
from data_tools.files import replace_file
from data_tools.synthetic.drawing import draw_mesh
from features.errors import InputError

STEPS = 10


class DenseReg(Recipe):
    def __init__(self, options, source):
        super().__init__(options, source)
        if options.size % 8:
            raise InputError(f"--size {options.size}: densereg needs a multiple of 8")
        self.side = options.size // 2
        rows, columns = source.surface.shape[1:3]
        u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
        self.uv = np.stack([drawn(one, u, v, self.side) for one in source.surface])
        self.places = places(source.surface, source.landmarks) / [columns - 1, rows - 1]

    def build(self, mean):
        o = self.options
        face = keras.Input((o.size, o.size, 1), name="face")
        fine = residual(convolution(face, o.width, 5, strides=2), o.width)
        middle = residual(fine, 2 * o.width, strides=2)
        x = residual(residual(middle, 4 * o.width, strides=2), 4 * o.width)
        x = layers.Concatenate()([layers.UpSampling2D(2)(x), middle])
        x = convolution(x, 2 * o.width, 3)
        x = layers.Concatenate()([layers.UpSampling2D(2)(x), fine])
        x = convolution(convolution(x, 2 * o.width, 3), 2 * o.width, 3)
        return keras.Model(face, layers.Conv2D(4 * STEPS + 2, 1)(x), name="densereg")

    def loss(self):
        def both(truth, found):
            half = 2 * STEPS + 1
            total = 0.0
            for k in (0, 1):
                maps = found[..., k * half : (k + 1) * half]
                step = ops.cast(truth[..., k], "int32")  # 0 is background
                hot = ops.one_hot(step, STEPS + 1)
                scores = ops.log_softmax(maps[..., : STEPS + 1])
                total = total - ops.mean(ops.sum(hot * scores, axis=-1))
                rest = ops.sum(hot[..., 1:] * maps[..., STEPS + 1 :], axis=-1)
                known = ops.cast(step > 0, rest.dtype)
                total = total + ops.mean(known * ops.square(rest - truth[..., k + 2]))
            return total

        return both

    def targets(self, truth):
        values = self.uv[truth]
        inside = values[..., 0] >= 0
        scaled = np.clip(values * STEPS, 0, STEPS - 1e-4)
        step = np.where(inside[..., None], np.floor(scaled) + 1, 0)
        return np.concatenate([step, scaled - np.floor(scaled)], axis=-1).astype(np.float32)

    def _index(self):
        path = self.options.out.with_suffix(".index.txt")
        replace_file(path, "".join(f"{u:.5f} {v:.5f}\n" for u, v in self.places).encode())
        return path

    def fractions(self, answers):
        spec = Spec("densereg", "densereg", "onnx", "", {"index": str(self._index())})
        decoder = DenseUv(spec, self.options.size)
        maps = np.asarray(answers).transpose(0, 3, 1, 2)
        return np.stack([decoder(one[None]) for one in maps])

    def decode(self):
        return f"&decode=iuv&index={self._index()}"


def drawn(surface, u, v, side):
    """u and v (side, side, 2) of the nearest surface at each pixel; -1 where there is none."""
    found = []
    for values in (u, v):
        picture, nearest = np.full((side, side), -1, np.float32), np.full((side, side), -np.inf)
        nearest = nearest.astype(np.float32)
        xy = surface[..., :2] * side - 0.5
        draw_mesh(picture, nearest, *(np.ascontiguousarray(a, np.float32)
                                      for a in (xy, surface[..., 2], values)))  # fmt: skip
        found.append(picture)
    return np.stack(found, -1)
