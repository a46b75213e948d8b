"""Where training faces come from: photographs with landmarks, or drawn heads of known depth."""

import numpy as np
from crops import MEAN, SCALE, Crops

from cascade.judging.compare.crops import SquareCrop
from cascade.loop.starts import mean_shape
from data_tools import metrics
from data_tools.readers import read_folders
from data_tools.schemes import FACE68
from data_tools.synthetic import render_portrait
from features.errors import InputError
from features.frame import Frame

HAIRLINE = -0.65, 0.0  # where the grid of all drawn heads begins


class Photographs:
    """Annotated faces of folders, of which some are held out.

    Parameters
    ----------
    options : argparse.Namespace
    points : callable
        From the faces' scheme to the `PointSet` that the network finds.
    progress : Console
    """

    def __init__(self, options, points, progress):
        faces = read_folders(
            options.folders, boxes=options.boxes, progress=progress.counting("read")
        )
        if options.limit and options.limit < len(faces):
            rows = np.random.default_rng(options.seed).permutation(len(faces))[: options.limit]
            faces = faces.subset(np.sort(rows))
        self.held_out, faces = faces.split(options.validation, options.seed)
        self.crops = Crops(options.size, options.expand)
        # A little more detail than the network sees, and room for boxes that are moved.
        face = round(1.25 * options.size / options.expand)
        self.store = faces.store(Frame(2 * face, face), progress=progress.cropping)
        self.points = points(faces.scheme)
        self.start = mean_shape(self.store.shapes)
        self.mean = self.points.of(self.crops.fractions(self.start)[None])[0]
        self.seen, self.to_image = self.crops.plain(self.held_out)
        self.n_faces, self.scheme = len(faces), faces.scheme

    def epoch(self, batch_size, rng):
        """Crops (b, size, size, 1) and truths (b, P, 2), every face once, as itself or mirrored."""
        for crops, truth in self.crops.epoch(self.store, self.start, batch_size, rng):
            shapes = truth.reshape(len(truth), -1, 2)
            yield crops, self.points.of(shapes).astype(np.float32)

    def held_out_truth(self):
        """Truths (n, P, 2) of `seen`."""
        squares = [SquareCrop(box, self.crops.size, self.crops.expand)
                   for box in self.held_out.boxes]  # fmt: skip
        shapes = [(shape - square.corner) @ np.linalg.inv(square.axes).T
                  for shape, square in zip(self.held_out.shapes, squares, strict=True)]  # fmt: skip
        return self.points.of(np.stack(shapes)).astype(np.float32)

    def error(self, found):
        """Mean error of points (n, P, 2) found in `seen`."""
        faces = self.held_out
        lengths = metrics.face_lengths(faces.shapes, faces.scheme, kind=faces.scheme.normalizer,
                                       boxes=faces.boxes)  # fmt: skip
        errors = metrics.point_errors(self.to_image(found), self.points.of(faces.shapes), lengths)
        return float(np.nanmean(metrics.face_errors(errors)))


class Heads:
    """Drawn heads; all that is known of them is in arrays, a row a head.

    Attributes
    ----------
    images : ndarray of shape (n, size, size, 1), float32
        Crops in the network's units.
    landmarks : ndarray of shape (n, 68, 2), float32
        Fractions of the crop.
    surface : ndarray of shape (n, R, C, 3), float32
        The face unwrapped to a grid: x, y and z of each vertex, fractions of the crop's side.
    model_points : ndarray of shape (n, V, 3)
        Vertices of the surface, row by row, then landmarks, in the head's own frame.
    pose : ndarray of shape (n, 3, 4)
        From the head's frame to fractions of the crop's side.
    """

    def __init__(self, options, points, progress):
        n, size = options.heads, options.size
        rows = [self._draw(np.random.default_rng([options.seed, i]), size, options.expand)
                for i in range(n)]  # fmt: skip
        self.images, self.landmarks, self.surface, self.model_points, self.pose = (
            np.stack(part).astype(np.float32) for part in zip(*rows, strict=True)
        )
        n_held = max(1, round(options.validation * n))
        self.seen, self.held = self.images[:n_held], np.arange(n_held)
        self.rows = np.arange(n_held, n)
        if len(self.rows) < 2:
            raise InputError("--heads: too few to learn from")
        self.scheme = FACE68
        self.points = points(self.scheme)
        self.mean, self.n_faces = self.landmarks.mean(0), len(self.rows)

    @staticmethod
    def _draw(rng, size, expand):
        image, portrait, _, box = render_portrait(rng, 160)
        square = SquareCrop(box, size, expand)
        side = square.axes[0, 0]
        crop = (square.cut(image)[..., None] - MEAN) * SCALE

        def placed(points):
            xy = (portrait.project(points) - square.corner) / side
            return np.concatenate([xy, points[..., 2:] * portrait.unit / side], -1)

        head = portrait.head
        turned, landmarks = head.mesh(HAIRLINE)[0], head.landmarks()
        own = np.concatenate([turned.reshape(-1, 3), landmarks]) @ head.rotation
        linear = head.rotation * portrait.unit / side
        shift = np.append((portrait.centre - square.corner) / side, 0)
        pose = np.column_stack([linear, shift])
        return crop, placed(landmarks)[:, :2], placed(turned), own, pose

    def epoch(self, batch_size, rng):
        """Crops and the numbers of their heads, every head once, under changing light."""
        rows = rng.permutation(self.rows)
        for first in range(0, len(rows), batch_size):
            part = rows[first : first + batch_size]
            gain = np.exp(rng.normal(0, 0.2, (len(part), 1, 1, 1)))
            offset = rng.normal(0, 0.15, (len(part), 1, 1, 1))
            yield np.clip(self.images[part] * gain + offset, -1, 1).astype(np.float32), part

    def held_out_truth(self):
        """Numbers of the heads that are held out."""
        return self.held

    def error(self, found):
        """Mean error of points (n, 68, 2) found in `seen`."""
        return float(np.nanmean(metrics.nme(found, self.landmarks[self.held], self.scheme)))
