"""The active appearance model: a model of shapes and one of what faces look like once they are
warped to the mean shape, fitted together (Cootes, Edwards & Taylor 1998; Matthews & Baker 2004,
"Active Appearance Models Revisited").

Grey levels of unseen faces under unseen light are explained badly. Here the appearance is the
plane of gradient directions, as in Antonakos, Alabort-i-Medina, Tzimiropoulos & Zafeiriou 2015,
"Feature-Based Lucas-Kanade and Active Appearance Models".
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from features._hog_kernels import DIRECTIONS
from features.errors import InputError, require_count, require_range
from features.geometry import as_boxes, to_box_frame
from features.images import as_grey
from features.memory import allocate

from . import _aam_kernels as kernels
from ._mesh_kernels import differentiate, doubled_areas, steepest, warp
from ._pdm_kernels import through
from ._plane_kernels import look
from .base import MAX_LEVELS, MAX_SIZE, ShapeModel, level_number
from .found import in_plane
from .mesh import Mesh

MAX_COMPONENTS, MAX_STEPS, MAX_STARTS, MAX_CELLS = 1000, 100, 100, 1 << 16
# Side of the plane relative to the mean shape.
_ROOM = 1.2
# Iteration stops when no landmark moves farther than this, in cells.
_TOLERANCE = 0.1
# Of the grey levels, which only pictures need.
_GREY_COMPONENTS = 50
# Powers of the randomised PCA: enough that fits do not change with more.
_PCA_POWERS = 3
# Triangles of less than half this many cells are none.
_LEAST_AREA = 1e-4
_ALGORITHMS = {"project-out": kernels.PROJECT_OUT, "simultaneous": kernels.SIMULTANEOUS}


@dataclass(frozen=True)
class AamLevel:
    """The appearance model at one scale.

    Attributes
    ----------
    scale : ndarray of shape (1,), float32
        Cells per box side.
    size : ndarray of shape (1,), int32
        Cells that the plane is wide.
    algorithm : ndarray of shape (1,), int32
        0 projects the appearance out, 1 fits it at the same time.
    steps : ndarray of shape (1,), int32
        Largest number of steps.
    trust : ndarray of shape (1,), float32
        Weight of the prior of shapes, relative to the image.
    starts : ndarray of shape (s, 3), float32
        Initial poses, relative to the pose at the begin of the level: shift in box sides, and
        factor of the size.
    prior : ndarray of shape (4, 4), float32
        Inverse covariance of a pose's error when the level begins: relative size, angle, shift in
        cells.
    triangles : ndarray of shape (T, 3), int32
    cells : ndarray of shape (n, 2), int32
    inside : ndarray of shape (n,), int32
        As of `Mesh`.
    mean : ndarray of shape (n, 8), float32
    components : ndarray of shape (k, n, 8), float16
        Orthonormal.
    variances : ndarray of shape (k,), float32
    noise : ndarray of shape (1,), float32
        Variance per number that the components do not explain.
    grey_mean : ndarray of shape (n,), float32
    grey_components : ndarray of shape (g, n), float16
        Of grey levels, for pictures; a single one of zeros but at the finest level.
    """

    scale: np.ndarray
    size: np.ndarray
    algorithm: np.ndarray
    steps: np.ndarray
    trust: np.ndarray
    starts: np.ndarray
    prior: np.ndarray
    triangles: np.ndarray
    cells: np.ndarray
    inside: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    noise: np.ndarray
    grey_mean: np.ndarray
    grey_components: np.ndarray

    KIND: ClassVar = "aam-level"
    LAYOUT: ClassVar = {
        "scale": ("f4", 1),
        "size": ("i4", 1),
        "algorithm": ("i4", 1),
        "steps": ("i4", 1),
        "trust": ("f4", 1),
        "starts": ("f4", "starts", 3),
        "prior": ("f4", 4, 4),
        "triangles": ("i4", "triangles", 3),
        "cells": ("i4", "cells", 2),
        "inside": ("i4", "cells"),
        "mean": ("f4", "cells", DIRECTIONS),
        "components": ("f2", "appearances", "cells", DIRECTIONS),
        "variances": ("f4", "appearances"),
        "noise": ("f4", 1),
        "grey_mean": ("f4", "cells"),
        "grey_components": ("f2", "greys", "cells"),
    }

    @property
    def kind(self):
        """Names for display: the appearance, and the fitting algorithm."""
        names = {number: name for name, number in _ALGORITHMS.items()}
        return "appearance", f"{names[int(self.algorithm[0])]} steps"

    def check(self, sizes):
        """Refuse invalid values."""
        level_number(self.scale, "scale", 1, MAX_SIZE)
        size = level_number(self.size, "size", 8, MAX_SIZE)
        level_number(self.algorithm, "algorithm", 0, 1)
        level_number(self.steps, "steps", 1, MAX_STEPS)
        level_number(self.trust, "trust", 1e-6, 1e6)
        for name, most in (
            ("starts", MAX_STARTS),
            ("cells", MAX_CELLS),
            ("appearances", MAX_COMPONENTS),
            ("greys", MAX_COMPONENTS),
        ):
            if sizes[name] > most:
                raise InputError(f"{sizes[name]} {name} are too many; the limit is {most}")
        if not (np.abs(self.starts[:, :2]) <= 2).all():
            raise InputError("a start lies far from the face")
        if not ((self.starts[:, 2] >= 0.25) & (self.starts[:, 2] <= 4)).all():
            raise InputError("a start is of another size than the face")
        for name, low, high in (
            ("triangles", 0, sizes["landmarks"] - 1),
            ("cells", 0, size - 1),
            ("inside", 0, sizes["triangles"] - 1),
        ):
            array = getattr(self, name)
            if array.min() < low or array.max() > high:
                raise InputError(f"{name} are not all within {low} and {high}")
        index = self.cells[:, 1].astype(np.int64) * size + self.cells[:, 0]
        if len(np.unique(index)) != len(index):
            raise InputError("a cell occurs twice")
        if not (self.variances > 0).all() or not (self.variances < 1e9).all():
            raise InputError("the variances are not all above 0")
        level_number(self.noise, "noise", 1e-9, 1e9)
        for name, most in (
            ("mean", 1e3),
            ("components", 1.001),
            ("prior", 1e9),
            ("grey_mean", 1e3),
            ("grey_components", 1.001),
        ):
            if not np.abs(getattr(self, name)).max() <= most:
                raise InputError(f"{name} has numbers above {most}")


class Reconstruction(NamedTuple):
    """A face warped to the mean shape, and its reconstruction by the model.

    Attributes
    ----------
    seen : ndarray of shape (S, S), uint8
        The face's grey levels, warped to the mean shape; 0 outside of it.
    made : ndarray of shape (S, S), uint8
        The reconstruction by the model of grey levels.
    shape : ndarray of shape (L, 2), float32
        The landmarks in pixels of the photograph.
    """

    seen: np.ndarray
    made: np.ndarray
    shape: np.ndarray


class _Ready(NamedTuple):
    """The arrays of a level in the types of the kernel."""

    mesh: tuple
    neighbours: np.ndarray
    slopes: np.ndarray
    moves: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    shrink: np.ndarray
    fixed: np.ndarray
    fixed_hessian: np.ndarray


@dataclass(kw_only=True, eq=False, repr=False)
class AAM(ShapeModel):
    """Active appearance model on gradient directions.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    scales : sequence of float
        Cells per box side of each level, coarse to fine.
    algorithms : sequence of {"project-out", "simultaneous"}
        Fitting algorithm of each level; the last value is repeated for further levels. Project-out
        uses the gradients of the mean appearance in all steps, and is fast. Simultaneous uses those
        of the face's current appearance, and solves exactly for shape and appearance (Tzimiropoulos
        & Pantic 2013).
    n_steps : int
        Largest number of steps per level.
    trust : sequence of float
        Weight of the prior of shapes, by level. Neighbouring cells are correlated, so the image
        would count too much with weight 1.
    reach : float
        The coarsest level starts from nine positions this many box sides apart, and keeps the most
        likely result; 0 starts once.
    margin : float
        Width in cells of a border around the mesh that is part of the appearance.
    n_appearances : sequence of int
        Principal components of the appearance, by level.
    share : float
        Share of the shapes' variance that the shape model explains.
    max_components : int
        Largest number of components of the shape model.
    mirror, frame_size, face_size, memory_limit, random_state, n_jobs, verbose
        As in `Cascade`.

    Examples
    --------
    >>> from cascade import AAM
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(30, seed=1, size=128)
    >>> model = AAM(scales=(12.0, 24.0), n_appearances=(20, 20), random_state=0).fit(faces)
    >>> model.predict(faces.image(0), faces.boxes[0]).shape
    (68, 2)
    """

    method = "aam"
    LEVEL = AamLevel
    #: Sets of parameters by name, for ``--preset``.
    PRESETS: ClassVar = {
        "small": {"scales": (12.0, 24.0), "n_appearances": (60, 60)},
        "default": {},
        "accurate": {"scales": (12.0, 24.0, 44.0, 60.0)},
        # In a few milliseconds, and poor on faces that look like none of training.
        "fast": {"algorithms": ("project-out",), "n_steps": 20},
    }

    scales: tuple = (12.0, 24.0, 44.0)
    algorithms: tuple = ("project-out", "simultaneous")
    n_steps: int = 9
    trust: tuple = (10.0, 30.0, 60.0)
    reach: float = 0.1
    margin: float = 2.0
    n_appearances: tuple = (100, 100, 100)

    def n_levels(self):
        """One level per scale."""
        return len(self.scales)

    def check_parameters(self):
        """Refuse parameters that are out of range."""
        super().check_parameters()
        for name in ("scales", "algorithms", "trust", "n_appearances"):
            value = getattr(self, name)
            if isinstance(value, str) or not 1 <= len(value) <= MAX_LEVELS:
                raise InputError(f"{name} must be a list of 1 to {MAX_LEVELS}, not {value!r}")
        for scale in self.scales:
            require_range("scales: each", scale, 4, 200)
        for algorithm in self.algorithms:
            if algorithm not in _ALGORITHMS:
                raise InputError(
                    f"algorithms has {algorithm!r}; take one of {', '.join(_ALGORITHMS)}"
                )
        for trust in self.trust:
            require_range("trust: each", trust, 1e-3, 1e5)
        for n in self.n_appearances:
            require_count("n_appearances: each", n, 1, MAX_COMPONENTS)
        require_count("n_steps", self.n_steps, 1, MAX_STEPS)
        require_range("reach", self.reach, 0, 1)
        require_range("margin", self.margin, 0, 20)

    def train_level(self, t, found, rng, workers, tick):
        """Mesh and appearance at scale `t`; see `ShapeModel.train_level`."""
        scale = float(self.scales[t])
        extent = _ROOM * float(np.ptp(self.pdm_.mean, axis=0).max())
        size = int(np.ceil(scale * extent + 2 * self.margin)) + 4
        if size > MAX_SIZE:
            raise InputError(f"scale {scale} makes a plane of {size} cells, above {MAX_SIZE}")
        mesh = Mesh.over(self._reference(scale, size), size, self.margin)
        n_faces, n = len(found.shapes), len(mesh.cells)
        finest = t == self.n_levels() - 1
        room = "the appearances of all faces", "take fewer faces or a smaller scale"
        seen = allocate((n_faces, n, DIRECTIONS), np.float32, *room)
        greys = allocate((n_faces, n), np.float32, *room) if finest else None
        places = in_plane(found.shapes, found.poses, scale, size)

        def gather(span):
            points = np.empty((n, 2))
            for i in range(*span):
                picture, plane = look(
                    found.images[i], found.placements[i], found.poses[i], scale, size
                )
                kernels.read(plane, places[i], _mesh_of(mesh), points, seen[i])
                if greys is not None:
                    greys[i] = _grey_at(picture, points)

        workers.over_spans(gather, n_faces)
        tick(0.3)
        rows, seed = seen.reshape(n_faces, -1), int(rng.integers(2**31))
        wanted = self.n_appearances[min(t, len(self.n_appearances) - 1)]
        mean, components, variances, noise = _principal(rows, wanted, seed)
        tick(0.9)
        grey_mean, grey_components = np.zeros(n, np.float32), np.zeros((1, n), np.float32)
        if greys is not None:
            grey_mean, grey_components, _, _ = _principal(greys, _GREY_COMPONENTS, seed)
        starts, prior = np.array([[0, 0, 1]], np.float32), np.zeros((4, 4), np.float32)
        if t == 0:
            steps = (-self.reach, 0, self.reach) if self.reach else (0,)
            starts = np.array([(x, y, 1) for y in steps for x in steps], np.float32)
            prior = self._pose_prior(found, scale)
        return AamLevel(
            np.array([scale], np.float32),
            np.array([size], np.int32),
            np.array([self._algorithm(t)], np.int32),
            np.array([self.n_steps], np.int32),
            np.array([self.trust[min(t, len(self.trust) - 1)]], np.float32),
            starts,
            prior,
            mesh.triangles,
            mesh.cells,
            mesh.inside,
            mean.reshape(n, DIRECTIONS),
            components.reshape(-1, n, DIRECTIONS).astype(np.float16),
            variances,
            noise,
            grey_mean,
            grey_components.astype(np.float16),
        )

    def _algorithm(self, t):
        return _ALGORITHMS[self.algorithms[min(t, len(self.algorithms) - 1)]]

    def _reference(self, scale, size):
        return self.pdm_.mean.astype(np.float64) * scale + (size - 1) / 2

    def _pose_prior(self, found, scale):
        """Inverse covariance (4, 4) of true poses around the mean shape in the box."""
        a, b, x, y = self.start_.tolist()
        start = complex(a, b)
        turn = (found.poses[:, 0] + 1j * found.poses[:, 1]) / start - 1
        shift = ((found.poses[:, 2] - x) + 1j * (found.poses[:, 3] - y)) / start * scale
        off = np.stack([turn.real, turn.imag, shift.real, shift.imag], -1)
        spread = off.T @ off / len(off)
        # Boxes drawn around the landmarks themselves would leave no doubt at all.
        floor = np.array([0.03, 0.03, 0.03 * scale, 0.03 * scale]) ** 2
        return np.linalg.inv(spread + np.diag(floor)).astype(np.float32)

    def make_ready(self):
        """Compute gradients and projections of all levels; see `ShapeModel.make_ready`."""
        super().make_ready()
        self._levels = [self._ready(level) for level in self.stages_]

    def _ready(self, level):
        scale, size = float(level.scale[0]), int(level.size[0])
        reference = self._reference(scale, size)
        if np.abs(doubled_areas(reference, level.triangles)).min() < _LEAST_AREA:
            raise InputError("a triangle of the mesh has no area")
        mesh = Mesh.of(reference, level.triangles, level.cells, level.inside)
        if not np.abs(mesh.weights).max() < 1e4:
            raise InputError("a cell lies far from its triangle")
        around = reference - (size - 1) / 2
        turned = np.stack([-around[:, 1], around[:, 0]], -1)
        right, down = np.zeros_like(around), np.zeros_like(around)
        right[:, 0], down[:, 1] = 1, 1
        moves = np.concatenate([np.stack([around, turned, right, down]), scale * self._basis[1]])
        slopes, neighbours = mesh.slopes(moves), mesh.neighbours()
        n = len(mesh.cells)
        sides = np.empty((n, DIRECTIONS), np.float32), np.empty((n, DIRECTIONS), np.float32)
        differentiate(level.mean, neighbours, *sides)
        changes = np.empty((len(moves), n * DIRECTIONS), np.float32)
        steepest(*sides, slopes, changes)
        components = level.components.reshape(len(level.components), -1).astype(np.float32)
        shrink = level.variances / (level.variances + level.noise)
        fixed = changes - (shrink[:, None] * (components @ changes.T)).T @ components
        hessian = (fixed @ changes.T).astype(np.float64)
        return _Ready(
            _mesh_of(mesh), neighbours, slopes, moves, level.mean.reshape(-1), components, shrink,
            fixed, (hessian + hessian.T) / 2,
        )  # fmt: skip

    def run_level(self, t, image, placement, pose, numbers):
        """Fit at scale `t`; see `ShapeModel.run_level`."""
        level, ready = self.stages_[t], self._levels[t]
        scale, size = float(level.scale[0]), int(level.size[0])
        _, plane = look(image, placement, pose, scale, size)
        middle = (size - 1) / 2
        best = None
        for x, y, factor in level.starts.tolist():
            local = np.array([scale * factor, 0.0, middle + scale * x, middle + scale * y])
            tried = numbers.copy()
            cost = kernels.descend(
                plane, *ready, int(level.algorithm[0]), int(level.steps[0]), _TOLERANCE,
                float(level.noise[0]) * float(level.trust[0]), self._basis,
                float(self.pdm_.radius[0]), level.prior.astype(np.float64), middle, scale, local,
                tried,
            )  # fmt: skip
            if best is None or cost < best[0]:
                best = cost, local, tried
        numbers[:] = best[2]
        through(best[1], middle, scale, pose)

    def reconstruct(self, image, box, *, color="bgr", shape=None):
        """A face warped to the mean shape, and the model's reconstruction of its grey levels.

        Parameters
        ----------
        image, box, color
            As of `predict`; one box.
        shape : array_like of shape (L, 2), optional
            Landmarks in pixels; without it, those that the model finds.

        Returns
        -------
        Reconstruction

        Raises
        ------
        InputError
            As `align`.
        """
        grey = as_grey(image, color)
        box = as_boxes(box)[:1]
        if shape is None:
            shape = self.align(grey, box).shapes[0]
        self._check_fitted()
        shape = self._started(shape, grey, box)[0]
        level, ready = self.stages_[-1], self._levels[-1]
        scale, size = float(level.scale[0]), int(level.size[0])
        (placement,) = self._space.place(box, grey.shape)
        looked_at, pose = self._around(placement, self._pose_of(to_box_frame(shape, placement))[0])
        crop, in_crop, _ = self.frame_.cut(grey, looked_at)
        picture, _ = look(crop, in_crop, pose, scale, size)
        at = in_plane(to_box_frame(shape, looked_at)[None], pose[None], scale, size)[0]
        points = np.empty((len(level.cells), 2))
        warp(at, *ready.mesh[1:], points)
        seen = _grey_at(picture, points)
        basis = level.grey_components.astype(np.float32)
        made = level.grey_mean + basis.T @ (basis @ (seen - level.grey_mean))
        pictures = np.zeros((2, size, size), np.uint8)
        for out, values in zip(pictures, (seen, made), strict=True):
            out[level.cells[:, 1], level.cells[:, 0]] = np.clip(np.rint(values), 0, 255)
        return Reconstruction(pictures[0], pictures[1], shape)


def _mesh_of(mesh):
    """A mesh as the kernels take it."""
    return mesh.reference, mesh.triangles, mesh.inside, mesh.weights


def _grey_at(picture, points):
    """Grey levels of a picture, two pixels a cell, at points in cells (n, 2): (n,) float32."""
    import cv2

    at = np.ascontiguousarray(2 * points + 0.5, np.float32)
    out = cv2.remap(
        picture.astype(np.float32), at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return out[0]


def _principal(rows, n_wanted, seed):
    """Mean (d,), components (k, d), their variances (k,) and the noise (1,) of rows (n, d)."""
    from sklearn.decomposition import PCA

    k = max(1, min(n_wanted, len(rows) - 2, rows.shape[1] - 1))
    total = float(rows.var(0, dtype=np.float64).sum())
    found = PCA(
        k, svd_solver="randomized", random_state=seed, iterated_power=_PCA_POWERS, copy=False
    ).fit(rows)
    variances = np.maximum(found.explained_variance_, 1e-9)
    noise = max((total - float(variances.sum())) / (rows.shape[1] - k), 1e-6)
    as_array = np.float32
    return (
        found.mean_.astype(as_array),
        found.components_.astype(as_array),
        variances.astype(as_array),
        np.array([noise], as_array),
    )
