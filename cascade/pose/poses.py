"""Recipe: how a cascade handles head pose."""

from dataclasses import dataclass

from features.errors import require_count, require_range
from features.parameters import Parameters

from .key_shapes import MAX_SHAPES
from .routing import MAX_ROUTES, Routed


@dataclass(eq=False, repr=False)
class Poses(Parameters):
    """How a cascade meets heads that are turned.

    With more than one key shape, a face starts from each of them: all run the first stages, then a
    learned score estimates their errors from the image, and the best one continues. With routes,
    the stages after the first ones are trained separately for each kind of pose.

    Parameters
    ----------
    n_shapes : int
        Number of initial shapes, 1 to 32: the mean shape, or the centres of this many clusters of
        the training shapes, which differ mainly in head pose.
    roll : float
        Degrees by which each of them is also rotated in the image plane, to either side; 0 for no
        rotation.
    n_early : int
        Number of first stages, which all key shapes run and all routes share.
    n_routes : int
        Number of kinds of pose with separate later stages, 1 to 32.
    overlap : float
        A face is used to train every route whose centre is at most this many times as far as the
        nearest one.

    Notes
    -----
    Cao et al. (2012) and Burgos-Artizzu et al. (2013) start from several shapes and take the median
    of the results, or of those that agree. With the score, only one shape runs the later stages,
    and it is the right one even if most starts are wrong.
    """

    n_shapes: int = 1
    roll: float = 0.0
    n_early: int = 2
    n_routes: int = 1
    overlap: float = 1.5

    def check(self):
        """Refuse parameters out of range."""
        require_count("poses: n_shapes", self.n_shapes, 1, MAX_SHAPES)
        require_range("poses: roll", self.roll, 0, 180)
        require_count("poses: n_early", self.n_early, 1, 1000)
        require_count("poses: n_routes", self.n_routes, 1, MAX_ROUTES)
        require_range("poses: overlap", self.overlap, 1, 1000)

    def routed(self, recipes):
        """The `recipes` of a cascade's stages, with routes after the early ones."""
        if self.n_routes == 1:
            return recipes
        late = [Routed(stage, self.n_routes, self.overlap) for stage in recipes[self.n_early :]]
        return recipes[: self.n_early] + late

    @property
    def has_keys(self):
        """Whether the mean shape is not the only one to start from."""
        return self.n_shapes > 1 or self.roll > 0

    def fit(self, store, stages, mean_shape, rng, workers, blocks=None):
        """Choose the key shapes, and train the score on where the early stages take them.

        Parameters
        ----------
        store : FaceStore
        stages : list of FittedStage
            Of the whole cascade.
        mean_shape : ndarray of shape (L, 2), float32
        rng : numpy.random.Generator
        workers : Workers
        blocks : ndarray of shape (m,), int32, optional
            Of the crops, where the store has only some of those that the stages were trained on.

        Returns
        -------
        KeyShapes or None
            None if the mean shape is the only one.
        """
        if not self.has_keys:
            return None
        from .fitting import fit_key_shapes  # training alone needs scikit-learn and scipy

        return fit_key_shapes(self, store, stages, mean_shape, rng, workers, blocks=blocks)
