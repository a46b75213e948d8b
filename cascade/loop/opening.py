"""The first stages of a prediction: several starts of a face run them, and the best go on."""

import numpy as np

from features._median_kernels import median_of_rows


class Opening:
    """The stages before a choice among starts, and the choice.

    Parameters
    ----------
    runners : list
        Of the early stages; see `cascade.stages.registry`.
    mean : ndarray of shape (L, 2), float32
    keys : KeyShapes, optional
        Shapes that each start is tried with; without them, a start is tried as it is.
    """

    def __init__(self, runners, mean, keys=None):
        self.runners = runners
        self.mean = mean
        self.keys = keys
        self._centred = mean - mean.mean(0)

    def run(self, samples, workers=None, stages=()):
        """Move `samples` through the early stages, each from its best key shape.

        Parameters
        ----------
        samples : Samples
        workers : Workers, optional
        stages : list, optional
            As in `run_through`.
        """
        if self.keys is None:
            run_through(self.runners, samples, workers, stages)
            return
        tried = samples.rows(np.tile(np.arange(len(samples)), len(self.keys.shapes)))
        tried.shapes = self.keys.placed(samples.shapes, self.mean)
        paths = list(stages[:1])
        run_through(self.runners, tried, workers, paths)
        best = self.keys.best(tried, self._centred, workers)
        samples.take(slice(None), tried.rows(best))
        if stages:
            stages.extend(path[:, best] for path in paths[1:])

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


def run_through(runners, samples, workers=None, stages=()):
    """Move `samples` through `runners`; `stages`, unless empty, takes the shapes on the way."""
    for runner in runners:
        if stages:
            stages.append(np.empty((len(runner.stages), *samples.shapes.shape), np.float32))
        runner.run(samples, workers, stages[-1] if stages else None)


def spread(shapes, n_starts):
    """Mean distance (n,) of the landmarks of k starts (k * n, L, 2) from their median."""
    shapes = shapes.reshape(n_starts, -1, *shapes.shape[1:])
    return np.linalg.norm(shapes - median(shapes), axis=-1).mean((0, 2))


def median(answers):
    """Median over the first axis of float32 `answers`: what k starts agree on."""
    if len(answers) == 1:
        return answers[0]
    out = np.empty(answers.shape[1:], np.float32)
    median_of_rows(answers.reshape(len(answers), -1).copy(), out.reshape(-1))
    return out
