"""The joint cascade of face detection and alignment: what is trained, saved, and run."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.errors import InputError, require_count, require_range
from features.geometry import as_boxes
from features.images import as_grey
from features.parameters import Parameters

from ...aligner import Aligner
from ...loop import model_file
from ...loop.state import begun
from . import storing
from .front import MAX_TREES
from .running import Running


@dataclass(kw_only=True, eq=False, repr=False)
class JDA(Aligner, Parameters):
    """Joint cascade face detection and alignment (Chen, Ren, Wei, Cao & Sun 2014).

    Windows at all places and sizes go through one soft cascade of boosted trees. The first part
    compares pixels in the fixed window, in the spirit of pico (Markuš et al. 2013), and knows no
    landmarks: it makes the search fast. The stages after it compare pixels at points that move with
    the landmarks; each stage's leaves add to the score, and move the landmarks by one linear
    regression (Ren et al. 2014). What is left is a face, with its landmarks; a linear classifier on
    HOG descriptors at them looks at it last.

    `PRESETS` names sets of parameters to begin with; "small" is for trying out, "accurate" sees
    more windows of faces and of others.

    Parameters
    ----------
    front_trees, front_depth : int
        Trees of the first part, and their levels of splits.
    n_stages, n_trees, depth : int
        Stages, trees of each, and their levels of splits.
    n_points : int
        Points in the pool of a stage.
    n_pairs : int
        Pairs of points tried at each level of a tree.
    first_radius, last_radius : float
        How far from their landmarks the points of the first and last stage lie, in box sides.
    first_share, last_share : float
        Share of the nodes of the first and last stage that are split to tell faces from others;
        the rest is split by where a landmark should go.
    n_components : int
        Principal components of the residuals that are regressed.
    context : float
        Side of a window in sides of the box.
    copies : int
        Windows of each face, moved, turned and scaled.
    roll : float
        Standard deviation of their turn in the plane, in degrees.
    n_others : int
        Windows without a face that each step is trained against.
    work : int
        Trees added up in the search for them, after which a step is content with fewer.
    front_loss, stage_loss : float
        Share of the watched faces that the first part, and each stage, may lose.
    margin : float
        By how much limits lie below the scores of the faces that are kept; a tree adds 1 at most.
    verify : bool
        Whether a linear classifier on HOG descriptors at the landmarks looks at each face last.
    searches : int
        Searches of each photograph, turned, resized and made worse, whose finds the verifier learns
        from.
    watched : float
        Share of the photographs whose faces set the limits and grow no trees: what a tree was
        grown on scores too high.
    honest : float
        Share of the samples that splits are chosen on while the others fill the leaves; 0 lets all
        samples do both.
    random_state : int, numpy.random.Generator or None
        What all random numbers follow from; None is another model each time.
    n_jobs : int, optional
        Threads of training; -1 takes every core. Their number does not change the model.
    verbose : bool, int or None
        Whether training tells of its progress; None tells if it takes longer than two seconds.

    Attributes
    ----------
    front_ : Front
    stages_ : list of Stage
    verifier_ : Verifier or None
    mean_shape_ : ndarray of shape (L, 2), float32
        In the box frame.
    scheme_, history_, notes_, seed_
        As of `cascade.loop.training.BaseCascade`.
    """

    front_trees: int = 144
    front_depth: int = 5
    n_stages: int = 5
    n_trees: int = 102
    depth: int = 5
    n_points: int = 1024
    n_pairs: int = 300
    first_radius: float = 0.3
    last_radius: float = 0.12
    first_share: float = 0.7
    last_share: float = 0.2
    n_components: int = 32
    context: float = 1.15
    copies: int = 16
    roll: float = 10.0
    n_others: int = 24000
    work: int = 250_000_000
    front_loss: float = 0.0
    stage_loss: float = 0.0
    margin: float = 0.35
    verify: bool = True
    searches: int = 10
    watched: float = 0.12
    honest: float = 0.0
    random_state: object = None
    n_jobs: int | None = None
    verbose: bool | int | None = None

    method: ClassVar[str] = "jda"
    PRESETS: ClassVar[dict] = {
        "default": {},
        "accurate": {"copies": 28, "n_others": 40_000, "searches": 20},
        "small": {
            "front_trees": 32, "n_stages": 2, "n_trees": 12, "n_pairs": 60, "copies": 6,
            "n_others": 1500, "work": 10_000_000, "n_points": 128,
            "searches": 2,
        },
    }  # fmt: skip
    #: Of cascades alone.
    keys_: ClassVar = None

    def check_parameters(self):
        """Refuse parameters out of range, of the user's or of a file."""
        for name, low, high in (
            ("front_trees", 1, MAX_TREES), ("front_depth", 1, 8), ("n_trees", 1, MAX_TREES),
            ("n_stages", 0, storing.MAX_STAGES), ("depth", 1, 7), ("n_points", 2, 4096),
            ("n_pairs", 1, 1 << 20), ("n_components", 1, 4096), ("copies", 1, 1000),
            ("n_others", 10, 1 << 24), ("work", 1, 1 << 50), ("searches", 1, 1000),
        ):  # fmt: skip
            require_count(name, getattr(self, name), low, high)
        for name, low, high in (
            ("first_radius", 0, 2), ("last_radius", 0, 2), ("first_share", 0, 1),
            ("last_share", 0, 1), ("context", 0.8, 1.6), ("roll", 0, 90), ("front_loss", 0, 0.5),
            ("stage_loss", 0, 0.5), ("watched", 0, 0.5), ("honest", 0, 0.9), ("margin", 0, 100),
        ):  # fmt: skip
            require_range(name, getattr(self, name), low, high)

    @property
    def radii(self):
        """Radius of each stage."""
        return np.linspace(self.first_radius, self.last_radius, self.n_stages)

    @property
    def shares(self):
        """Share of classification splits of each stage."""
        return np.linspace(self.first_share, self.last_share, self.n_stages)

    # --------------------------------------------------------------------------------- training

    def fit(self, faces, backgrounds, *, checkpoint=None, resume=False, progress=None,
            notes=None):  # fmt: skip
        """Train on faces, and on windows of backgrounds.

        Parameters
        ----------
        faces : FaceDataset
        backgrounds : sequence of ndarray of shape (H, W), uint8
            Photographs without faces.
        checkpoint : str or Path, optional
            Written after every step; with `resume`, training goes on from it as if unbroken.
        resume : bool
        progress : Progress, optional
        notes : dict of str, optional
            Kept in the model file.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If a parameter is out of range, there is no face or no background, or the checkpoint
            belongs to another training.
        """
        from .fitting import train

        self.check_parameters()
        train(self, faces, backgrounds, checkpoint, resume, progress, notes)
        self.make_ready()
        return self

    # ------------------------------------------------------------------------------- prediction

    def detect(self, image, *, color="bgr", min_size=40.0, max_size=None, factor=1.15, step=0.1,
               rotation=0.0, min_score=1.0):  # fmt: skip
        """Faces of an image, with landmarks.

        Parameters
        ----------
        image : ndarray of shape (H, W), (H, W, 3) or (H, W, 4)
        color : {"bgr", "rgb"}
        min_size, max_size : float
            Sides of the smallest and largest boxes that are searched for, in pixels; without
            `max_size`, up to what the image holds.
        factor : float
            Between one size of windows and the next, above 1.
        step : float
            Between neighbouring windows, in their sides.
        rotation : float or sequence of float
            Angles in degrees, clockwise in the image, by which faces are turned; each is a search
            with turned copies of the model's pairs of points, and a face that several find is
            found once. Faces within about 20 degrees of one are found. The first is searched
            densely, the others with fewer windows.
        min_score : float
            Faces with a lower score are left out. Scores are log odds of the verifier, plus the
            logarithm of the side over 40 pixels; of a model without verifier, sums of trees.

        Returns
        -------
        Found
            Surest first.

        Raises
        ------
        InputError
            For an image that cannot be read, or an argument out of range.
        """
        self._check_fitted()
        return self._running.detect(
            as_grey(image, color), min_size, max_size, factor, step, rotation, min_score
        )

    def align(self, image, boxes, *, color="bgr", staged=False, **options):
        """Landmarks of the faces in `boxes`; the scores are not looked at.

        Parameters
        ----------
        image, boxes, color
            As of `Aligner.align`.
        staged : bool
            Whether to keep the shapes after each stage.

        Returns
        -------
        Alignment

        Raises
        ------
        InputError
            For an image or a box that cannot be read.
        """
        self._check_fitted()
        for name, value in options.items():
            if value not in (None, 1, False):
                raise InputError(f"{name} is {value!r}; a model of method 'jda' has one start")
        image = as_grey(image, color)
        return self._running.align(image, as_boxes(boxes), staged)

    def _check_fitted(self):
        if not hasattr(self, "_running"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("this model is not trained; call fit, or load a model file")

    def make_ready(self):
        """Make ready to search: once, after training or loading."""
        self._running = Running(self)

    # ------------------------------------------------------------------------------------ files

    def save(self, path):
        """Write the model file."""
        self._check_fitted()
        model_file.write(path, *self.state())

    def state(self, training=None):
        """Header and arrays for a file; `training` as of `cascade.loop.state.to_state`."""
        return storing.to_state(self, training)

    def stages_of(self, header, arrays):
        """What a file holds of an unfinished training; see `storing.parts_of`."""
        return storing.parts_of(self.scheme_, header, arrays)

    @classmethod
    def from_state(cls, header, arrays):
        """A trained model from what a file holds.

        Raises
        ------
        InputError
            As `storing.parts_of`.
        """
        return storing.restore(begun(cls, header), header, arrays)
