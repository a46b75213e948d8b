"""3DDFA (Zhu et al. 2016, "Face alignment across large poses: a 3D solution"), small: a network
that regresses the pose, shape and expression of a linear face model.

The face model is made from the drawn heads: principal components of heads at rest are shapes, and
of what expressions add are expressions; it goes to FILE.model.safetensors. The loss is the vertex
distance cost, with a share of the parameters' own error; ``--contour`` adds DeFA's (Liu et al.
2017, "Dense face alignment"): how far each point of the true jaw is from the nearest projected
vertex.
"""

import keras
import numpy as np
from blocks import convolution, dense, residual
from keras import layers, ops
from recipe import Recipe
from safetensors.numpy import save

from data_tools.files import replace_file

N_SHAPES, N_EXPRESSIONS = 10, 8
EVERY = 7  # of the vertices, whose distance is the cost


class Tddfa(Recipe):
    def __init__(self, options, source):
        super().__init__(options, source)
        points = source.model_points.reshape(len(source.model_points), -1).astype(np.float64)
        self.mean = points.mean(0)
        rest, weights = components(points - self.mean, N_SHAPES)
        left = points - self.mean - weights @ rest
        more, other = components(left, N_EXPRESSIONS)
        self.basis = np.concatenate([rest, more])
        # In pixels counted from 1, y upwards, as the peer reads them.
        size = options.size
        pose = source.pose.astype(np.float64) * size
        pose[:, 1] *= -1
        pose[:, 0, 3] += 0.5
        pose[:, 1, 3] += size + 0.5
        self.parameters = np.concatenate([pose.reshape(len(pose), 12), weights, other], axis=1)
        self.shift = self.parameters.mean(0)
        self.scale = self.parameters.std(0) + 1e-6

    def build(self, mean):
        o = self.options
        face = keras.Input((o.size, o.size, 1), name="face")
        x = convolution(face, o.width, 5, strides=2)
        for k in (1, 2, 3):
            x = residual(x, o.width << k, strides=2)
        return keras.Model(face, layers.Dense(len(self.shift))(dense(x, 128)), name="tddfa")

    def _vertices(self, parameters, rows, library):
        """x and y (n, V, 2) in pixels of the face model's `rows` of vertices."""
        columns = (3 * rows[:, None] + np.arange(3)).ravel()
        mean, basis = (v.astype(np.float32) for v in (self.mean[columns], self.basis[:, columns]))
        if library is ops:
            mean, basis = ops.convert_to_tensor(mean), ops.convert_to_tensor(basis)
        shape = library.matmul(parameters[:, 12:], basis) + mean
        shape = library.reshape(shape, (-1, len(rows), 3))
        pose = library.reshape(parameters[:, :12], (-1, 3, 4))
        turned = library.matmul(shape, library.transpose(pose[:, :2, :3], (0, 2, 1)))
        return turned + pose[:, None, :2, 3]

    def loss(self):
        n = len(self.mean) // 3
        rows = np.concatenate([np.arange(0, n - 68, EVERY), np.arange(n - 68, n)])
        scale, shift = (ops.convert_to_tensor(v.astype(np.float32))
                        for v in (self.scale, self.shift))  # fmt: skip

        def cost(truth, found):
            wanted = self._vertices(truth * scale + shift, rows, ops)
            given = self._vertices(found * scale + shift, rows, ops)
            distance = ops.mean(ops.sum(ops.square(wanted - given), axis=-1))
            total = distance + ops.mean(ops.square(truth - found))
            if self.options.contour:
                jaw, surface = wanted[:, -68:-51, None], given[:, None, :-68]
                nearest = ops.min(ops.sum(ops.square(jaw - surface), axis=-1), axis=-1)
                total = total + 0.5 * ops.mean(nearest)
            return total

        return cost

    def targets(self, truth):
        return ((self.parameters[truth] - self.shift) / self.scale).astype(np.float32)

    def fractions(self, answers):
        parameters = np.asarray(answers) * self.scale + self.shift
        n = len(self.mean) // 3
        points = self._vertices(parameters, np.arange(n - 68, n), np)
        x, y = points[..., 0] - 0.5, self.options.size - points[..., 1] + 0.5
        return np.stack([x, y], axis=-1) / self.options.size

    def decode(self):
        path = self.options.out.with_suffix(".model.safetensors")
        n = len(self.mean) // 3
        arrays = {
            "mean": self.mean, "shape": self.basis[:N_SHAPES].T,
            "expression": self.basis[N_SHAPES:].T, "keypoints": np.arange(n - 68, n),
            "param_mean": self.shift, "param_std": self.scale,
        }  # fmt: skip
        arrays = {k: np.ascontiguousarray(v, np.int64 if k == "keypoints" else np.float32)
                  for k, v in arrays.items()}  # fmt: skip
        replace_file(path, save(arrays))
        return f"&decode=3dmm&model={path}"


def components(rows, n):
    """The first `n` principal components (n, d) of centred rows (m, d), and weights (m, n)."""
    _, _, axes = np.linalg.svd(rows[:1000], full_matrices=False)
    axes = axes[:n]
    return axes, rows @ axes.T
