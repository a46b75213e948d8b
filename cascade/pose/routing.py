"""Stages trained separately for each kind of pose, selected by the current shape."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError
from features.parameters import Parameters
from features.workers import SERIAL

from ..stages.registry import plan
from ..stages.stage import FittedStage
from . import clusters

#: Largest number of routes.
MAX_ROUTES = 32
# A route with fewer samples than this is trained on all samples.
_FEWEST = 50


@dataclass(eq=False, repr=False)
class Routed(Parameters):
    """Recipe: one stage for each kind of pose.

    The kinds are clusters of the current shapes after alignment with the mean shape, so they differ
    mainly in head pose.

    Parameters
    ----------
    stage : Stage
        Recipe of the stage of each route.
    n_routes : int
    overlap : float
        A sample is used to train every route whose centre is at most this many times as far as the
        nearest one.
    """

    stage: object
    n_routes: int = 3
    overlap: float = 1.5

    def fit(self, samples, reference, rng, workers, tick=None):
        """As `Stage.fit`; returns a `RoutedStage`."""
        centres = clusters.centres(clusters.aligned(samples.shapes, reference), self.n_routes, rng)
        router = Router(centres.reshape(-1, *reference.shape))
        distance = np.sqrt(router.distances(samples.shapes, reference))
        routes = []
        for k in range(self.n_routes):
            own = distance[:, k] <= self.overlap * distance.min(1)
            if own.sum() < _FEWEST:
                own[:] = True
            part = samples.rows(np.flatnonzero(own))
            routes.append(self.stage.fit(part, reference, rng, workers))
            if tick is not None:
                tick((k + 1) / self.n_routes)
        return RoutedStage(router, tuple(routes))


@dataclass(frozen=True)
class Router:
    """The kinds of pose.

    Attributes
    ----------
    centres : ndarray of shape (K, L, 2), float32
        Cluster centres, aligned with the centred mean shape.
    """

    centres: np.ndarray

    LAYOUT: ClassVar = {"centres": ("f4", "routes", "landmarks", 2)}

    def check(self, sizes):
        """Refuse too many routes."""
        if sizes["routes"] > MAX_ROUTES:
            raise InputError(f"{sizes['routes']} routes; the number must be 1 to {MAX_ROUTES}")

    def distances(self, shapes, reference):
        """Squared distances (N, K) of shapes (N, L, 2) from the centres."""
        aligned = clusters.aligned(shapes, reference)
        centres = self.centres.reshape(len(self.centres), -1)
        return np.stack([((aligned - centre) ** 2).sum(1) for centre in centres], axis=1)

    def route(self, shapes, reference):
        """The route (N,) of each of the shapes (N, L, 2)."""
        return self.distances(shapes, reference).argmin(1)


class RoutedRunner:
    """Runs consecutive routed stages."""

    def __init__(self, stages, reference):
        self.stages = stages
        self.reference = reference
        self._runners = [
            [plan([route], reference)[0] for route in stage.routes] for stage in stages
        ]

    def run(self, samples, workers=SERIAL, staged=None):
        """As in `cascade.stages.plain.PlainRunner`."""
        for t, (stage, runners) in enumerate(zip(self.stages, self._runners, strict=True)):
            route = stage.router.route(samples.shapes, self.reference)
            for k, runner in enumerate(runners):
                rows = np.flatnonzero(route == k)
                if len(rows):
                    part = samples.rows(rows)
                    runner.run(part, workers)
                    samples.take(rows, part)
            if staged is not None:
                staged[t] = samples.shapes


@dataclass(frozen=True)
class RoutedStage:
    """A set of alternative stages; the current shape decides which one moves it.

    Attributes
    ----------
    router : Router
    routes : tuple of FittedStage
        All of one kind.
    """

    router: Router
    routes: tuple[FittedStage, ...]

    runner: ClassVar = RoutedRunner

    def advance(self, samples, reference, workers):
        """As `FittedStage.advance`, each sample by its route."""
        chosen = self.router.route(samples.shapes, reference)
        for k, route in enumerate(self.routes):
            rows = np.flatnonzero(chosen == k)
            if len(rows):
                part = samples.rows(rows)
                route.advance(part, reference, workers)
                samples.take(rows, part)

    def finished(self):
        """As `FittedStage.finished`."""
        return RoutedStage(self.router, tuple(route.finished() for route in self.routes))

    @property
    def kind(self):
        """That of its routes; see `FittedStage.kind`."""
        return self.routes[0].kind

    @property
    def needs_crop(self):
        """See `FittedStage.needs_crop`."""
        return self.routes[0].needs_crop

    @property
    def facts(self):
        """Hyperparameters that the training of the first route chose."""
        return self.routes[0].facts
