"""DAN (Kowalski, Naruniec and Trzcinski 2017, "Deep alignment network"), two stages.

The first stage regresses a shape. The second sees the crop turned and scaled so that this shape
lies on the mean shape, a heatmap of its landmarks, 1 / (1 + distance), and an image made of the
first stage's features; it corrects the shape there, and the result is taken back.
"""

import keras
import numpy as np
from blocks import SPREAD, Formula, convolution, dense, regress
from keras import layers
from recipe import Recipe


class Align(Formula):
    """The similarity (n, 4), a, b and a shift, that takes the mean shape to shapes (n, 2 L): points
    (x, y) go to (a x - b y, b x + a y) + shift."""

    def __init__(self, mean, **kwargs):
        super().__init__(**kwargs)
        self.mean = np.asarray(mean, np.float32)

    def sides(self, shape):
        return (shape[0], 4)

    def formula(self, ops, points):
        centre = self.mean.mean(0)
        x0, y0 = (self.mean - centre).T
        points = ops.reshape(points, (-1, len(self.mean), 2))
        x, y = (ops.take(points, i, axis=2) for i in (0, 1))
        share = 1 / len(self.mean)
        cx, cy = ops.sum(x, axis=1) * share, ops.sum(y, axis=1) * share
        norm = float((x0**2 + y0**2).sum())
        x0, y0 = ops.convert_to_tensor(x0), ops.convert_to_tensor(y0)
        a = ops.sum(x * x0 + y * y0, axis=1) / norm
        b = ops.sum(y * x0 - x * y0, axis=1) / norm
        left, top = map(float, centre)
        return ops.stack([a, b, cx - (a * left - b * top), cy - (b * left + a * top)], axis=1)


class Move(Formula):
    """Points (n, 2 L) taken along a similarity (n, 4), or back."""

    def __init__(self, n_points, back=False, **kwargs):
        super().__init__(**kwargs)
        self.n_points, self.back = n_points, back

    def formula(self, ops, points, similarity):
        points = ops.reshape(points, (-1, self.n_points, 2))
        x, y = (ops.take(points, i, axis=2) for i in (0, 1))
        a, b, dx, dy = (ops.reshape(ops.take(similarity, i, axis=1), (-1, 1)) for i in range(4))
        if self.back:
            x, y, norm = x - dx, y - dy, a * a + b * b
            x, y = (a * x + b * y) / norm, (a * y - b * x) / norm
        else:
            x, y = a * x - b * y + dx, b * x + a * y + dy
        return ops.reshape(ops.stack([x, y], axis=2), (-1, 2 * self.n_points))


class Warp(Formula):
    """The crop (n, S, S, 1) as it is seen after a similarity (n, 4) of fractions."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, crop, similarity):
        ops, size = keras.ops, self.size
        at = ((np.arange(size) + 0.5) / size).astype(np.float32)
        x, y = (ops.convert_to_tensor(v.reshape(1, -1)) for v in np.meshgrid(at, at))
        a, b, dx, dy = (similarity[:, i : i + 1] for i in range(4))
        column = ops.clip((a * x - b * y + dx) * size - 0.5, 0, size - 1)
        row = ops.clip((b * x + a * y + dy) * size - 0.5, 0, size - 1)
        left, top = ops.minimum(ops.floor(column), size - 2), ops.minimum(ops.floor(row), size - 2)
        right_share, lower_share = column - left, row - top
        flat = ops.reshape(crop, (-1, size * size))

        def pixels(down, right):
            index = ops.cast((top + down) * size + left + right, "int64")
            return ops.take_along_axis(flat, index, axis=1)

        upper = pixels(0, 0) * (1 - right_share) + pixels(0, 1) * right_share
        lower = pixels(1, 0) * (1 - right_share) + pixels(1, 1) * right_share
        warped = upper * (1 - lower_share) + lower * lower_share
        return ops.reshape(warped, (-1, size, size, 1))

    def formula(self, ops, crop, similarity):
        """In ONNX: GridSample, whose positions go from -1 to 1."""
        size, graph = self.size, ops.graph
        at = ((np.arange(size) + 0.5) / size).astype(np.float32)
        x, y = (graph.const(v.reshape(1, -1)) for v in np.meshgrid(at, at))
        a, b, dx, dy = (ops.reshape(ops.take(similarity, i, axis=1), (-1, 1)) for i in range(4))
        grid = ops.stack(
            [(a * x - b * y + dx) * 2.0 - 1.0, (b * x + a * y + dy) * 2.0 - 1.0], axis=2
        )
        grid = ops.reshape(grid, (-1, size, size, 2))
        return graph.node("GridSample", crop, grid, mode="bilinear", padding_mode="border",
                          align_corners=0)  # fmt: skip


class Heatmap(Formula):
    """1 / (1 + d) with the distance d in pixels to the nearest of points (n, 2 L)."""

    def __init__(self, size, n_points, **kwargs):
        super().__init__(**kwargs)
        self.size, self.n_points = size, n_points

    def sides(self, shape):
        return (shape[0], self.size, self.size, 1)

    def formula(self, ops, points):
        points = ops.reshape(points, (-1, self.n_points, 2)) * float(self.size)
        at = (np.arange(self.size) + 0.5).astype(np.float32)
        x, y = (ops.convert_to_tensor(v.reshape(1, -1, 1)) for v in np.meshgrid(at, at))
        dx, dy = (
            ops.reshape(ops.take(points, i, axis=2), (-1, 1, self.n_points)) - v
            for i, v in enumerate((x, y))
        )
        distance = ops.sqrt(ops.min(dx * dx + dy * dy, axis=2) + 1e-6)
        shape = (-1, self.size, self.size, 1) if ops is keras.ops else (-1, 1, self.size, self.size)
        return ops.reshape(1.0 / (distance + 1.0), shape)


def stage(x, width, n_features):
    """Convolutions in pairs with pooling, and a dense layer of features."""
    for k in range(4):
        x = convolution(convolution(x, width << min(k, 2), 3), width << min(k, 2), 3)
        x = layers.MaxPooling2D(2)(x)
    return dense(x, n_features)


class Dan(Recipe):
    def phases(self, mean, learner):
        size, width = self.options.size, self.options.width // 2
        face = keras.Input((size, size, 1), name="face")
        features = stage(face, width, 128)
        first = keras.Model(face, regress(features, mean), name="dan_stage_1")
        yield first, self.loss(), 0.5

        for layer in first.layers:
            layer.trainable = False
        shape = first.output
        similarity = Align(mean)(shape)
        there = Move(len(mean), back=True)(shape, similarity)
        half = size // 2
        image = layers.Dense(half * half, activation="relu")(features)
        image = layers.UpSampling2D(2)(layers.Reshape((half, half, 1))(image))
        seen = layers.Concatenate()([
            Warp(size)(face, similarity), Heatmap(size, len(mean))(there), image
        ])  # fmt: skip
        change = layers.Dense(np.size(mean), kernel_initializer="zeros")(stage(seen, width, 128))
        moved = layers.Add()([there, layers.Rescaling(SPREAD)(change)])
        yield keras.Model(face, Move(len(mean))(moved, similarity), name="dan"), self.loss(), 0.5
