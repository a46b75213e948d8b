"""The first stages of a prediction: several starts of a face run them, and the best go on."""

import numpy as np

from features._median_kernels import median_of_rows
from features.workers import SERIAL


class Opening:
    """The stages before a choice among starts, and the choice.

    Parameters
    ----------
    runners : list
        Of the early stages; see `cascade.stages.registry.plan`.
    mean_shape : ndarray of shape (L, 2), float32
        In the box frame.
    reference : ndarray of shape (L, 2), float32
        The centred mean shape.
    keys : KeyShapes, optional
        Shapes that each start is tried with; without them, a start is tried as it is.
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
        """Where the starts of a face lie apart, take other starts if these lie closer
        (Burgos-Artizzu et al. 2013, section 3.3).

        Parameters
        ----------
        samples : Samples
            Of n faces in one image from `n_starts` starts each, start by start, after `run`.
        n_starts : int
        starts : ndarray of shape (S, L, 2), float32
            All starts; the first `n_starts` are those of `samples`.
        attempts : int
            How often to try others.
        limit : float
            Spread that is left as it is, in box sides.
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
        Takes the shapes after each of the T stages of all runners.
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
    """Median over the first axis of `answers`: what k starts agree on; float32 from several."""
    if len(answers) == 1:
        return answers[0]
    out = np.empty(answers.shape[1:], np.float32)
    median_of_rows(answers.reshape(len(answers), -1).copy(), out.reshape(-1))
    return out
