"""The first stages of a prediction, which run on several starts; the best starts continue."""

import numpy as np

from features._median_kernels import median_of_rows
from features.workers import SERIAL


class Opening:
    """The stages before a choice among starts, and the choice.

    Parameters
    ----------
    runners : list
        Runners of the early stages; see `cascade.stages.registry.plan`.
    mean_shape : ndarray of shape (L, 2), float32
        In the box frame.
    reference : ndarray of shape (L, 2), float32
        The centred mean shape.
    keys : KeyShapes, optional
        Initial shapes that are tried for each start; by default only the start itself.
    """

    def __init__(self, runners, mean_shape, reference, keys=None):
        self.runners = runners
        self.mean_shape = mean_shape
        self.reference = reference
        self.keys = keys

    def run(self, samples, workers=SERIAL, staged=None):
        """Move `samples` through the early stages, each from its best key shape.

        Parameters
        ----------
        samples : Samples
        workers : Workers
        staged : ndarray of shape (T, N, L, 2), float32, optional
            As in `run_through`; T counts the early stages.
        """
        if self.keys is None:
            run_through(self.runners, samples, workers, staged)
            return
        tried = self.keys.tried(samples, self.mean_shape)
        ways = None
        if staged is not None:
            ways = np.empty((len(staged), *tried.shapes.shape), np.float32)
        run_through(self.runners, tried, workers, ways)
        best = self.keys.best(tried, self.reference, workers)
        samples.take(slice(None), tried.rows(best))
        if staged is not None:
            staged[:] = ways[:, best]

    def start_anew(self, samples, n_starts, starts, attempts, limit):
        """Smart restarts (Burgos-Artizzu et al. 2013, section 3.3): replace starts that disagree by
        others that agree better.

        Parameters
        ----------
        samples : Samples
            Of n faces in one image from `n_starts` starts each, start by start, after `run`.
        n_starts : int
        starts : ndarray of shape (S, L, 2), float32
            All starts; the first `n_starts` are those of `samples`.
        attempts : int
            Number of restarts.
        limit : float
            Spread, in box sides, up to which starts are kept.
        """
        for attempt in range(1, min(attempts, len(starts) // n_starts - 1) + 1):
            apart = spread(samples.shapes, n_starts)
            faces = np.flatnonzero(apart > limit)
            if not len(faces):
                return
            rows = (np.arange(n_starts)[:, None] * len(apart) + faces).ravel()
            anew = samples.rows(rows)
            others = starts[attempt * n_starts : (attempt + 1) * n_starts]
            anew.shapes = np.repeat(others, len(faces), axis=0)
            anew.visibility = None
            self.run(anew)
            closer = np.tile(spread(anew.shapes, n_starts) < apart[faces], n_starts)
            samples.take(rows[closer], anew.rows(closer))


def run_through(runners, samples, workers=SERIAL, staged=None):
    """Move `samples` through all stages of `runners`.

    Parameters
    ----------
    runners : list
    samples : Samples
    workers : Workers
    staged : ndarray of shape (T, N, L, 2), float32, optional
        Receives the shapes after each of the T stages of all runners.
    """
    first = 0
    for runner in runners:
        last = first + len(runner.stages)
        runner.run(samples, workers, None if staged is None else staged[first:last])
        first = last


def spread(shapes, n_starts):
    """Mean distance (n,) of the landmarks of k starts (k * n, L, 2) from their median."""
    shapes = shapes.reshape(n_starts, -1, *shapes.shape[1:])
    return np.linalg.norm(shapes - median(shapes), axis=-1).mean((0, 2))


def median(answers):
    """Median of the results of k starts, over the first axis of `answers`; float32 if k > 1."""
    if len(answers) == 1:
        return answers[0]
    out = np.empty(answers.shape[1:], np.float32)
    median_of_rows(answers.reshape(len(answers), -1).copy(), out.reshape(-1))
    return out
