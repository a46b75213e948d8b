"""The active shape model: every landmark is searched near its current position, and the shape model
is fitted to the positions found (Cootes, Taylor, Cooper & Graham 1995; Milborrow & Nicolls 2014,
"Active Shape Models with SIFT Descriptors and MARS")."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features._hog_kernels import DIRECTIONS
from features.errors import InputError, require_count, require_range
from features.memory import allocate

from . import _asm_kernels as kernels
from ._plane_kernels import look
from .base import MAX_LEVELS, MAX_SIZE, ShapeModel, level_number
from .found import in_plane

MAX_CELLS, MAX_REACH, MAX_LOOKS, MAX_PROFILE, MAX_STEPS = 15, 16, 20, 63, 100
# Faces whose patches are in memory at a time.
_BATCH = 64
# Landmarks whose covariances are in memory at a time.
_LANDMARKS = 100
# Distance in cells from the landmark at which patches serve as negative examples.
_ELSEWHERE = 1.5
# Largest size of a shape, relative to the mean shape.
_ROOM = 1.2
_PROFILES = ("none", "outline", "all")


@dataclass(frozen=True)
class AsmLevel:
    """The local appearance of the landmarks at one scale.

    Attributes
    ----------
    scale : ndarray of shape (1,), float32
        Cells per box side.
    size : ndarray of shape (1,), int32
        Cells that the plane is wide.
    reach : ndarray of shape (1,), int32
        Search range, in cells to either side.
    looks : ndarray of shape (1,), int32
        How often the face is resampled and matched.
    matching : ndarray of shape (2,), float32
        Weight of the scores, and variance of a match in square cells.
    spreads : ndarray of shape (T,), float32
        Standard deviation of the distance between matches and the model's landmarks, in cells, by
        step.
    kinds : ndarray of shape (L,), int32
        0 where a landmark is found by its patch, 1 by its profile.
    filters : ndarray of shape (L, side, side * 8), float32
        Weights of the cells of a patch and their directions.
    neighbours : ndarray of shape (L, 2), int32
        Landmarks before and after each on its line.
    profiles : ndarray of shape (L, m), float32
        Mean of the profiles.
    precisions : ndarray of shape (L, m, m), float32
        Inverse covariances of the profiles.
    """

    scale: np.ndarray
    size: np.ndarray
    reach: np.ndarray
    looks: np.ndarray
    matching: np.ndarray
    spreads: np.ndarray
    kinds: np.ndarray
    filters: np.ndarray
    neighbours: np.ndarray
    profiles: np.ndarray
    precisions: np.ndarray

    KIND: ClassVar = "asm-level"
    LAYOUT: ClassVar = {
        "scale": ("f4", 1),
        "size": ("i4", 1),
        "reach": ("i4", 1),
        "looks": ("i4", 1),
        "matching": ("f4", 2),
        "spreads": ("f4", "steps"),
        "kinds": ("i4", "landmarks"),
        "filters": ("f4", "landmarks", "side", "row"),
        "neighbours": ("i4", "landmarks", 2),
        "profiles": ("f4", "landmarks", "profile"),
        "precisions": ("f4", "landmarks", "profile", "profile"),
    }

    @property
    def kind(self):
        """Names for display: the matched feature, and the shape constraint."""
        both = {kernels.PATCH: "patches", kernels.PROFILE: "profiles"}
        return " and ".join(both[k] for k in np.unique(self.kinds).tolist()), "shape model"

    def check(self, sizes):
        """Refuse invalid values."""
        level_number(self.scale, "scale", 1, MAX_SIZE)
        side = sizes["side"]
        if side > MAX_CELLS or side % 2 == 0 or sizes["row"] != side * DIRECTIONS:
            raise InputError(f"patches of {side} cells do not fit rows of {sizes['row']} numbers")
        level_number(self.size, "size", side + 4, MAX_SIZE)
        level_number(self.reach, "reach", 1, MAX_REACH)
        level_number(self.looks, "looks", 1, MAX_LOOKS)
        if sizes["profile"] > MAX_PROFILE or sizes["steps"] > MAX_STEPS:
            raise InputError(
                f"{sizes['profile']} numbers a profile, {sizes['steps']} steps: too many"
            )
        if not ((self.matching > 0) & (self.matching < 1e4)).all():
            raise InputError(
                f"matching is {self.matching.tolist()}; both must be above 0 and below 1e4"
            )
        if not ((self.spreads > 1e-2) & (self.spreads < 1e4)).all():
            raise InputError("spreads must be above 0.01 and below 1e4")
        if not np.isin(self.kinds, (kernels.PATCH, kernels.PROFILE)).all():
            raise InputError("kinds must be 0 (patch) or 1 (profile)")
        if not ((self.neighbours >= 0) & (self.neighbours < sizes["landmarks"])).all():
            raise InputError(f"neighbours must be 0 to {sizes['landmarks'] - 1}")
        for name in ("filters", "profiles", "precisions"):
            if not np.abs(getattr(self, name)).max() < 1e9:
                raise InputError(f"{name} are out of range")


@dataclass(kw_only=True, eq=False, repr=False)
class ASM(ShapeModel):
    """Active shape model.

    At each level of a pyramid the face is resampled upright and turned into a plane of gradient
    directions, as in HOG. A Fisher discriminant between patches at a landmark and patches around it
    gives the score of each place, with one dot product. All places within reach are scored once.
    Then, once for each of `spreads`, the expected position of each landmark is computed from scores
    and distances, and the shape model is fitted to these positions, each weighted by the inverse of
    its covariance (regularised landmark mean-shift: Saragih, Lucey & Cohn 2011, "Deformable Model
    Fitting by Regularized Landmark Mean-Shift").

    Alternatively, landmarks are matched by grey-level profiles along the normal of the outline, by
    the Mahalanobis distance from the mean profile, as in the paper of 1995.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out.

    Parameters
    ----------
    scales : sequence of float
        Cells per box side of each level, coarse to fine.
    n_cells : int
        Side of a patch in cells, odd.
    reach : int
        Search range around a landmark, in cells to either side.
    n_looks : int
        How often each level resamples the face and matches its landmarks; profiles need several,
        since they search along a line only.
    spreads : sequence of float
        Standard deviation of a match's distance from the model's landmark, in cells, by step.
    sharpness : float
        Factor of the scores: with 1 the discriminant counts as a log likelihood ratio, with less it
        is trusted less.
    doubt : float
        Variance added to that of each match, in square cells.
    profiles : {"none", "outline", "all"}
        Which landmarks are matched by profiles: none, those on the convex outline of the mean
        shape, or all.
    n_profile : int
        Differences of grey in a profile, half a cell apart.
    n_elsewhere : int
        Negative patches per landmark and training face.
    ridge : float
        Added to the diagonal of covariances, as a share of their mean variance.
    roll, zoom : float
        Random errors of the pose in training: standard deviation of the rotation in degrees, and of
        the logarithm of the size.
    share : float
        Share of the shapes' variance that the shape model explains.
    max_components : int
        Largest number of components of the shape model.
    mirror, frame_size, face_size, memory_limit, random_state, n_jobs, verbose
        As in `Cascade`.

    Examples
    --------
    >>> from cascade import ASM
    >>> from data_tools.synthetic import synthetic_faces
    >>> faces = synthetic_faces(30, seed=1, size=128)
    >>> model = ASM(scales=(12.0, 24.0), n_cells=5, random_state=0).fit(faces)
    >>> model.predict(faces.image(0), faces.boxes[0]).shape
    (68, 2)
    """

    method = "asm"
    LEVEL = AsmLevel
    #: Sets of parameters by name, for ``--preset``.
    PRESETS: ClassVar = {
        "small": {"scales": (12.0, 22.0, 40.0), "n_cells": 5},
        "default": {},
        "accurate": {"scales": (12.0, 20.0, 36.0, 64.0), "n_elsewhere": 12, "n_looks": 2},
        # As in the paper of 1995: profiles along the normals only.
        "profiles": {
            "profiles": "all",
            "sharpness": 0.3,
            "reach": 3,
            "spreads": (3.0, 2.0, 1.5, 1.0),
            "n_looks": 5,
        },
    }

    scales: tuple = (12.0, 20.0, 36.0, 56.0)
    n_cells: int = 9
    reach: int = 6
    n_looks: int = 1
    spreads: tuple = (5.0, 4.0, 3.0, 2.0, 1.5, 1.0, 1.0)
    sharpness: float = 0.5
    doubt: float = 0.2
    profiles: str = "none"
    n_profile: int = 13
    n_elsewhere: int = 6
    ridge: float = 0.01
    roll: float = 5.0
    zoom: float = 0.05

    def n_levels(self):
        """One level per scale."""
        return len(self.scales)

    def check_parameters(self):
        """Refuse parameters that are out of range."""
        super().check_parameters()
        for name, most in (("scales", MAX_LEVELS), ("spreads", MAX_STEPS)):
            if not 1 <= len(getattr(self, name)) <= most:
                raise InputError(f"{name} must be 1 to {most} numbers, not {getattr(self, name)!r}")
        for scale in self.scales:
            require_range("scales: each", scale, 4, 200)
        for spread in self.spreads:
            require_range("spreads: each", spread, 0.1, 1000)
        require_count("n_cells", self.n_cells, 1, MAX_CELLS)
        if self.n_cells % 2 == 0:
            raise InputError(
                f"n_cells is {self.n_cells}; a patch needs a middle, take an odd number"
            )
        require_count("reach", self.reach, 1, MAX_REACH)
        require_count("n_looks", self.n_looks, 1, MAX_LOOKS)
        require_count("n_profile", self.n_profile, 3, MAX_PROFILE)
        require_count("n_elsewhere", self.n_elsewhere, 1, 100)
        for name, low, high in (
            ("sharpness", 1e-3, 1000),
            ("doubt", 1e-3, 1000),
            ("ridge", 1e-6, 1000),
            ("roll", 0, 90),
            ("zoom", 0, 1),
        ):
            require_range(name, getattr(self, name), low, high)
        if self.profiles not in _PROFILES:
            raise InputError(f"profiles is {self.profiles!r}; take one of {', '.join(_PROFILES)}")

    def train_level(self, t, found, rng, workers, tick):
        """Patches and profiles at scale `t`; see `ShapeModel.train_level`."""
        scale, n_landmarks = float(self.scales[t]), len(self.pdm_.mean)
        extent = _ROOM * float(np.ptp(self.pdm_.mean, axis=0).max())
        size = int(np.ceil(scale * extent)) + 2 * self.reach + self.n_cells
        if size > MAX_SIZE:
            raise InputError(
                f"scale {scale} makes a plane of {size} cells; at most {MAX_SIZE} can be"
            )
        kinds = np.full(n_landmarks, kernels.PATCH, np.int32)
        if self.profiles == "all":
            kinds[:] = kernels.PROFILE
        elif self.profiles == "outline":
            kinds[outline(self.pdm_.mean)] = kernels.PROFILE
        neighbours = lines(self.scheme_)
        poses = found.turned(rng, self.roll, self.zoom)
        places = in_plane(found.shapes, poses, scale, size)
        views = _Views(found, poses, scale, size)
        patches = np.flatnonzero(kinds == kernels.PATCH)
        filters = np.zeros((n_landmarks, self.n_cells, self.n_cells * DIRECTIONS), np.float32)
        done = 0
        for first in range(0, len(patches), _LANDMARKS):
            part = patches[first : first + _LANDMARKS]
            share = len(part) / len(patches)
            filters[part] = self._filters(
                views, places, part, rng, workers,
                lambda s, done=done, share=share: tick(done + share * s),
            )  # fmt: skip
            done += share
        along = np.flatnonzero(kinds == kernels.PROFILE)
        profiles = np.zeros((n_landmarks, self.n_profile), np.float32)
        precisions = np.zeros((n_landmarks, self.n_profile, self.n_profile), np.float32)
        if len(along):
            profiles[along], precisions[along] = self._profiles(
                views, places, along, neighbours, workers
            )
        return AsmLevel(
            np.array([scale], np.float32),
            np.array([size], np.int32),
            np.array([self.reach], np.int32),
            np.array([self.n_looks], np.int32),
            np.array([self.sharpness, self.doubt], np.float32),
            np.array(self.spreads, np.float32),
            kinds,
            filters,
            neighbours,
            profiles,
            precisions,
        )

    def _filters(self, views, places, landmarks, rng, workers, tick):
        """Fisher discriminants (k, side, side * 8) of patches at k landmarks and around them."""
        n_faces, k, n_places = len(places), len(landmarks), 1 + self.n_elsewhere
        n_numbers = self.n_cells**2 * DIRECTIONS
        room = "the covariances of the patches", "take a smaller n_cells"
        products = allocate((2, k, n_numbers, n_numbers), np.float32, *room)
        products[:] = 0
        sums, counts = np.zeros((2, k, n_numbers)), np.zeros(k)
        for first in range(0, n_faces, _BATCH):
            faces = np.arange(first, min(first + _BATCH, n_faces))
            n = len(faces)
            here = places[faces][:, landmarks]
            around = rng.uniform(-self.reach, self.reach, (n, k, self.n_elsewhere, 2))
            near = np.abs(around).max(-1) < _ELSEWHERE
            around[near] = np.copysign(_ELSEWHERE, around[near])
            around = np.concatenate([np.zeros((n, k, 1, 2)), around], 2)
            cells = np.rint(here[:, :, None] + around)
            limit = 4 * views.size  # far beyond the plane, where its border repeats
            cells = np.clip(cells, -limit, limit).astype(np.int64)
            patches = np.empty((n, k * n_places, n_numbers), np.float32)

            def gather(span, faces=faces, cells=cells, patches=patches):
                for i in range(*span):
                    _, plane = views(faces[i])
                    kernels.gather(plane, cells[i].reshape(-1, 2), self.n_cells, patches[i])

            workers.over_spans(gather, n)
            patches = patches.reshape(n, k, n_places, n_numbers)
            for j, landmark in enumerate(landmarks):
                seen = views.found.seen[faces, landmark]
                counts[j] += seen.sum()
                at, elsewhere = patches[seen, j, 0], patches[seen, j, 1:].reshape(-1, n_numbers)
                for side, rows in enumerate((at, elsewhere)):
                    sums[side, j] += rows.sum(0, dtype=np.float64)
                    products[side, j] += rows.T @ rows
            tick((first + n) / n_faces)
        filters = np.empty((k, n_numbers), np.float32)
        for j in range(k):
            n_at, n_around = max(counts[j], 1), max(counts[j], 1) * self.n_elsewhere
            at, elsewhere = sums[0, j] / n_at, sums[1, j] / n_around
            spread = products[0, j] / n_at - np.outer(at, at)
            spread += products[1, j] / n_around - np.outer(elsewhere, elsewhere)
            spread /= 2
            spread[np.diag_indices(n_numbers)] += self.ridge * max(
                np.trace(spread) / n_numbers, 1e-9
            )
            filters[j] = np.linalg.solve(spread, at - elsewhere)
        return filters.reshape(k, self.n_cells, -1)

    def _profiles(self, views, places, landmarks, neighbours, workers):
        """Mean profiles (k, m) and their inverse covariances (k, m, m)."""
        read = np.zeros((len(places), len(landmarks), self.n_profile), np.float32)

        def gather(span):
            for i in range(*span):
                picture, _ = views(i)
                for j, k in enumerate(landmarks.tolist()):
                    x, y = places[i, k]
                    nx, ny = kernels.normal_at(places[i], *neighbours[k].tolist())
                    kernels.read_profile(picture, x, y, nx, ny, read[i, j])
                    kernels.normalise(read[i, j])

        workers.over_spans(gather, len(places))
        means, precisions = [], []
        for j, k in enumerate(landmarks.tolist()):
            rows = read[views.found.seen[:, k], j].astype(np.float64)
            spread = np.cov(rows.T, bias=True).reshape(self.n_profile, -1)
            floor = self.ridge * max(np.trace(spread) / self.n_profile, 1e-9)
            means.append(rows.mean(0))
            precisions.append(np.linalg.inv(spread + floor * np.eye(self.n_profile)))
        return np.array(means, np.float32), np.array(precisions, np.float32)

    def run_level(self, t, image, placement, pose, numbers):
        """Search at scale `t`; see `ShapeModel.run_level`."""
        level, radius = self.stages_[t], float(self.pdm_.radius[0])
        sharpness, doubt = level.matching.tolist()
        for _ in range(int(level.looks[0])):
            kernels.search(
                image, placement, float(level.scale[0]), int(level.size[0]), level.kinds,
                level.filters, level.neighbours, level.profiles, level.precisions,
                int(level.reach[0]), sharpness, level.spreads.astype(np.float64), doubt,
                *self._basis, radius, pose, numbers,
            )  # fmt: skip


class _Views:
    """Pictures and planes of the training faces in their poses."""

    def __init__(self, found, poses, scale, size):
        self.found, self.poses, self.scale, self.size = found, poses, scale, size

    def __call__(self, i):
        found = self.found
        return look(found.images[i], found.placements[i], self.poses[i], self.scale, self.size)


def outline(shape):
    """Indices of the landmarks on the convex outline of a shape (L, 2)."""
    import cv2

    return np.unique(cv2.convexHull(np.asarray(shape, np.float32), returnPoints=False).ravel())


def lines(scheme):
    """The landmarks before and after each on the first line that holds it: (L, 2) int32.

    An end has itself on one side; where no line is known, the order of the landmarks is one.
    """
    n = scheme.n_points
    order = np.arange(n)
    found = np.stack([np.maximum(order - 1, 0), np.minimum(order + 1, n - 1)], -1).astype(np.int32)
    done = set()
    for members, closed in scheme.groups.values():
        members = list(members)
        if len(members) < 2:
            continue
        for i, k in enumerate(members):
            if k in done:
                continue
            done.add(k)
            before, after = i - 1, i + 1
            if not closed:
                before, after = max(before, 0), min(after, len(members) - 1)
            found[k] = members[before], members[after % len(members)]
    return found
