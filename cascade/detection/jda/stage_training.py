"""How the stages that know the landmarks are trained."""

import numpy as np

from features._pixel_kernels import sample_points
from features._shape_kernels import residuals as kernel_residuals
from features.lbf import draw_disc
from features.workers import SERIAL

from ...stages.lbf.regressor import SparseRidge
from . import _boost_kernels, _stage_kernels
from . import _window_kernels as window_kernels
from .boosting import SCORE_UNIT, Landmark, boost_weights, grow_tree
from .stages import FAILED, NEVER, Stage, stacked

_MOVE_UNIT = 1 << 16  # of residuals as integers


def run_on_crops(stages, windows, shapes, scores, reference):
    """Run stages on the crops of windows; `shapes` and `scores` are overwritten.

    Returns
    -------
    ndarray of shape (N,), bool
        Which windows pass.
    """
    if stages and len(windows):
        n, side = len(windows), 2 * _stage_kernels.HALF_CROP
        pad = window_kernels.PAD
        # The outermost pixels of a crop take the place of a level's border.
        table = np.zeros((n, 4), np.int64)
        table[:, 0] = np.arange(n) * side**2 + pad * (side + 1)
        table[:, 1], table[:, 2:] = side, side - 2 * pad
        placements = windows.placements - np.array([pad, pad, 0], np.float32)
        _stage_kernels.run_stages(windows.crops.reshape(-1), table, placements, np.arange(n),
                                  shapes, reference, *stacked(stages), scores)  # fmt: skip
    return scores != FAILED


def read_pool(windows, shapes, reference, anchors, offsets, workers=SERIAL):
    """Pixels of the pool (P, N) uint8 at the current shapes of windows."""
    out = np.empty((len(anchors), len(windows)), np.uint8)
    index = np.arange(len(windows))
    points = np.ascontiguousarray(offsets.T)
    workers.over_spans(
        lambda span: sample_points(windows.crops, index, windows.placements, shapes, reference,
                                   anchors, points, *span, out),
        len(windows),
    )  # fmt: skip
    return out


def fit_stage(recipe, t, faces, others, shapes, scores, reference, rng, growing, workers=SERIAL,
              tick=None):  # fmt: skip
    """Train stage `t`.

    Parameters
    ----------
    recipe : JDA
        Its parameters; the limits are set by whoever calls.
    t : int
    faces, others : Windows
    shapes : ndarray of shape (N, L, 2), float32
        Current shapes, of faces before others.
    scores : ndarray of shape (N,), int64
        Current scores; added to.
    reference : ndarray of shape (L, 2), float32
    rng : numpy.random.Generator
    growing : callable
        From `rng` to the samples that a tree grows on, or None for all.
    workers : Workers
    tick : callable, optional

    Returns
    -------
    Stage
    """
    n_faces, n_landmarks = len(faces), len(reference)
    radius, share = recipe.radii[t], recipe.shares[t]
    anchors = rng.integers(0, n_landmarks, recipe.n_points).astype(np.uint16)
    offsets = draw_disc(recipe.n_points, radius, rng)
    patches = np.concatenate(
        [read_pool(w, s, reference, anchors, offsets, workers)
         for w, s in ((faces, shapes[:n_faces]), (others, shapes[n_faces:]))], axis=1
    )  # fmt: skip
    labels = np.zeros(len(scores), np.uint8)
    labels[:n_faces] = 1
    residuals = np.empty((n_faces, 2 * n_landmarks), np.float32)
    kernel_residuals(shapes[:n_faces], faces.truth, reference, 0, n_faces, residuals)
    places = reference[anchors] + offsets
    order = np.concatenate([rng.permutation(n_landmarks)
                            for _ in range(-(-recipe.n_trees // n_landmarks))])  # fmt: skip
    n_leaves = 1 << recipe.depth
    codes = np.empty((recipe.n_trees, len(scores)), np.uint8)
    trees = []
    for k in range(recipe.n_trees):
        landmark = order[k]
        near = np.argsort(np.hypot(*(places - reference[landmark]).T), kind="stable")
        near = near[: max(16, recipe.n_points // 12)]
        moves, seen = np.zeros((len(scores), 2), np.int64), np.zeros(len(scores), np.uint8)
        own = residuals[:, 2 * landmark : 2 * landmark + 2]
        known = np.isfinite(own).all(1)
        seen[:n_faces] = known
        moves[:n_faces][known] = np.rint(own[known] * _MOVE_UNIT)
        tree = grow_tree(
            patches, labels, boost_weights(scores, labels), depth=recipe.depth,
            n_pairs=recipe.n_pairs, rng=rng, landmark=Landmark(moves, seen, near, 1 - share),
            growing=growing(rng), workers=workers,
        )  # fmt: skip
        _boost_kernels.leaves_of(patches, tree[0], codes[k])
        scores += tree[1][codes[k]]
        trees.append(tree)
        if tick is not None:
            tick((k + 1) / recipe.n_trees)
    ridge = SparseRidge(n_components=min(recipe.n_components, 2 * n_landmarks))
    linear = ridge.fit(codes[:, :n_faces].T, n_leaves, residuals, workers)
    nodes, leaves = (np.stack(parts) for parts in zip(*trees, strict=True))
    limits = np.full(recipe.n_trees, NEVER, np.int32)
    return Stage(anchors, offsets, nodes, leaves, limits, linear)


class Limits:
    """Limits of trees, set one after another so that faces stay in sight.

    An image is searched so densely that several windows find a face. A limit lets a share of the
    faces lose all windows but one; which windows a face keeps does not matter (Zhang & Viola 2007).

    Parameters
    ----------
    n_faces, n_windows : int
        Faces, and windows of each, beside one another.
    alive : ndarray of shape (n_faces * n_windows,), bool, optional
        Windows that passed what came before.
    margin : float
        By how much a limit lies below the scores that it should let pass.
    """

    #: Windows of a face that must pass.
    ENOUGH = 2

    def __init__(self, n_faces, n_windows, alive=None, margin=0.0):
        self.margin = round(margin * SCORE_UNIT)
        self.shape = n_faces, n_windows
        self.alive = np.ones(n_faces * n_windows, bool) if alive is None else alive.copy()
        # Faces that were lost before are not counted again.
        self.lost = int((self.alive.reshape(self.shape).sum(1) < self._enough).sum())

    @property
    def _enough(self):
        return min(self.ENOUGH, self.shape[1])

    def set(self, scores, loss):
        """The limit that a share `loss` of the faces stays below.

        Parameters
        ----------
        scores : ndarray of shape (n_faces * n_windows,), int64
        loss : float
            Of all faces, with those lost since the first limit.

        Returns
        -------
        int
        """
        kept = np.where(self.alive, scores, FAILED).reshape(self.shape)
        values = np.sort(np.sort(kept, axis=1)[:, -self._enough])
        at = min(len(values) - 1, self.lost + int(loss * len(values)))
        found = values[at:][values[at:] > FAILED]
        limit = max(int(found[0]) - self.margin, int(NEVER)) if len(found) else int(NEVER)
        self.alive &= scores >= limit
        return limit
