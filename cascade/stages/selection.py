"""Selection of stages by their error on held-out faces."""

from dataclasses import dataclass

import numpy as np

from features.parameters import Parameters


@dataclass(eq=False, repr=False)
class BestStage(Parameters):
    """Recipe: of several stages, the one with the smallest error on held-out faces, trained on all.

    Parameters
    ----------
    stages : list of Stage
        The candidates.
    held_out : float
        Share of the face crops that are held out to compare the candidates.

    Notes
    -----
    Ren et al. (2014, section 4) choose the radius of each stage in this way. A mirrored face is a
    separate crop, which may be held out while the original is not.
    """

    stages: object
    held_out: float = 0.2

    def fit(self, samples, reference, rng, workers, tick=None):
        """As `Stage.fit`."""
        seed = int(rng.integers(2**63))
        crops = rng.permutation(len(samples.images))
        held = crops[: max(1, round(self.held_out * len(crops)))]
        apart = np.isin(samples.index, held)
        train, watched = samples.rows(~apart), samples.rows(apart)
        errors = []
        for done, stage in enumerate(self.stages):
            fitted = stage.fit(train, reference, np.random.default_rng(seed), workers)
            updates = fitted.predictor.predict(fitted.feature.extract(watched, reference, workers))
            left = (watched.residuals(reference) - updates).reshape(len(watched), -1, 2)
            errors.append(np.nanmean(np.linalg.norm(left, axis=-1), dtype=np.float64))
            if tick is not None:
                tick((done + 1) / (len(self.stages) + 1))
        best = self.stages[int(np.argmin(errors))]
        return best.fit(samples, reference, np.random.default_rng(seed), workers)
