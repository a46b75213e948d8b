"""Aligners: objects that find landmarks, given an image and face boxes."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from features.errors import InputError
from features.workers import Workers


@dataclass(frozen=True, repr=False)
class Alignment:
    """Landmarks of the n faces of an image, and further results of the aligner.

    Attributes
    ----------
    shapes : ndarray of shape (n, L, 2), float32
        The landmarks in pixels of the image.
    initial : ndarray of shape (n, L, 2), float32
        The mean shape placed in each box: the initial shape of the first start.
    staged : ndarray of shape (T, n, L, 2), float32, or None
        Shapes of the first start after each stage; None unless requested.
    spread : ndarray of shape (n, L), float32, or None
        Disagreement between the results of several starts: for each landmark the median distance
        from their median, in box sides. Small means certain. None with a single start.
    visible : ndarray of shape (n, L), float32, or None
        Probability that each landmark is visible; None if the model does not predict it.
    confidence : ndarray of shape (n, L), float32, or None
        Probability that each landmark's error is below 8 % of the distance of the outer eye corners
        (or of the scheme's other normaliser); None unless requested.
    face_confidence : ndarray of shape (n,), float32, or None
        The same for the mean error of each face.
    """

    shapes: np.ndarray
    initial: np.ndarray
    staged: np.ndarray | None = None
    spread: np.ndarray | None = None
    visible: np.ndarray | None = None
    confidence: np.ndarray | None = None
    face_confidence: np.ndarray | None = None

    def of_faces(self, chosen):
        """The `Alignment` of some of the faces, by an index of NumPy's."""
        parts = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value is not None:
                parts[name] = value[:, chosen] if name == "staged" else value[chosen]
        return Alignment(**parts)

    def _repr_png_(self):
        """The landmarks as a notebook shows them; covered ones in another colour."""
        from data_tools.sketches import shapes_as_picture

        visible = None if self.visible is None else self.visible >= 0.5
        picture = shapes_as_picture(self.shapes, visible)
        return None if picture is None else picture._repr_png_()

    def __repr__(self):
        n_faces, n_landmarks = self.shapes.shape[:2]
        text = f"{n_faces} face{'s' * (n_faces != 1)} of {n_landmarks} landmarks"
        if self.staged is not None:
            text += f", shapes after each of {len(self.staged)} stages"
        kept = [
            name for name in ("spread", "visible", "confidence") if getattr(self, name) is not None
        ]
        return f"<Alignment: {text}{''.join(f', {name}' for name in kept)}>"


class Aligner:
    """Base class of everything that finds landmarks: cascades, shape models, networks, other
    formats.

    Evaluation, drawing, tracking and conversion use this interface. A subclass defines `align` and
    the attributes below; `predict`, `predict_many` and `predict_faces` then work, and are
    overridden only for speed.

    Attributes
    ----------
    scheme_ : Scheme
        The landmark scheme.
    notes_ : dict of str
        Free text: `data`, `terms`, `boxes`, ….
    n_jobs : int or None
        Default number of threads of `predict_many` and `predict_faces`.
    """

    #: `DetectorFit` by the name of a detector, as measured in training; see
    #: `cascade.detection.measure_detectors`.
    detectors_ = MappingProxyType({})
    #: Name of the method in tables and files.
    method = "aligner"
    n_jobs = None
    #: The confidence estimator, if `align` accepts ``confidence``; else None.
    confidence_ = None
    #: Whether `align` accepts ``start``: another aligner, whose shapes it refines.
    takes_start = False

    def align(self, image, boxes, *, color="bgr", **options):
        """Landmarks of the faces in `boxes`, with further results.

        Parameters
        ----------
        image : ndarray of shape (H, W), (H, W, 3) or (H, W, 4)
            uint8, uint16 or float in [0, 1].
        boxes : array_like of shape (4,) or (n, 4)
            (left, top, right, bottom) in pixels; a single box counts as a list of one.
        color : {"bgr", "rgb"}
            Channel order of a colour image.

        Returns
        -------
        Alignment

        Raises
        ------
        InputError
            For an image or box that cannot be read.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how it aligns")

    def predict(self, image, boxes, *, color="bgr", **options):
        """Landmarks of the faces in `boxes`; parameters as of `align`.

        Returns
        -------
        ndarray of shape (L, 2) or (n, L, 2), float32
            In pixels, x before y, pixel centres at integers; not rounded, not clipped to the image.
        """
        shapes = self.align(image, boxes, color=color, **options).shapes
        return shapes[0] if np.shape(boxes) == (4,) else shapes

    def predict_many(self, images, boxes, *, n_jobs=None, **options):
        """Landmarks of many images, in threads.

        Parameters
        ----------
        images : sequence of ndarray
        boxes : sequence of array_like
            One (4,) box or (n, 4) boxes an image.
        n_jobs : int, optional
            Threads; without it, the model's own.
        **options
            As in `predict`.

        Returns
        -------
        list of ndarray
            What `predict` returns for each image.
        """
        refuse_unpaired(images, boxes)
        with Workers(self.n_jobs if n_jobs is None else n_jobs) as workers:
            parts = workers.map(
                lambda span: [self.predict(images[i], boxes[i], **options) for i in range(*span)],
                workers.ranges(len(images)),
            )
        return [shapes for part in parts for shapes in part]

    def predict_faces(self, faces, *, n_jobs=None, progress=None, **options):
        """Landmarks of every face of a dataset; one image per thread is in memory.

        Parameters
        ----------
        faces : FaceDataset
        n_jobs : int, optional
            Threads, which also read the images; without it, the model's own.
        progress : callable, optional
            Called as ``progress(done, total)`` after each face.
        **options
            As in `predict`.

        Returns
        -------
        ndarray of shape (n, L, 2), float32
            In pixels of each face's image.

        Raises
        ------
        InputError
            If an image cannot be read, or as `predict`.

        Examples
        --------
        >>> from cascade import ERT
        >>> from data_tools.metrics import nme
        >>> from data_tools.synthetic import synthetic_faces
        >>> faces = synthetic_faces(30, seed=1, size=128)
        >>> model = ERT(n_stages=2, n_trees=5, random_state=0).fit(faces)
        >>> bool(nme(model.predict_faces(faces), faces.shapes, faces.scheme).mean() < 0.2)
        True
        """
        found = np.empty((len(faces), self.scheme_.n_points, 2), np.float32)
        done = []

        def predict(span):
            for i in range(*span):
                found[i] = self.predict(faces.image(i), faces.boxes[i], **options)
                done.append(i)
                if progress is not None:
                    progress(len(done), len(faces))

        with Workers(self.n_jobs if n_jobs is None else n_jobs) as workers:
            workers.over_spans(predict, len(faces))
        return found

    def save(self, path):
        """Write the model file.

        Raises
        ------
        InputError
            If this kind of aligner cannot be saved, or the file cannot be written.
        """
        raise InputError(f"a model of method {self.method!r} cannot be saved")


class Started(Aligner):
    """A shape model that starts from the result of another aligner.

    Parameters
    ----------
    model : Aligner
        A model that accepts a start; see `Aligner.takes_start`.
    start : Aligner
        Finds the same landmarks, given the same boxes.
    name : str
        Name of the start in messages.

    Raises
    ------
    InputError
        If the model accepts no start, or the start finds other landmarks.
    """

    def __init__(self, model, start, name="the start"):
        if not model.takes_start:
            raise InputError(
                f"a model of method {model.method!r} takes no start: it begins at the mean shape; "
                "leave the start out, or take a shape model (asm, aam)"
            )
        refuse_other_landmarks(start, model.scheme_)
        self.model, self.start, self.start_name = model, start, name
        self.scheme_, self.notes_, self.method = model.scheme_, model.notes_, model.method
        self.detectors_, self.n_jobs = model.detectors_, model.n_jobs
        self.mean_shape_ = self.mean_ = model.mean_shape_

    def align(self, image, boxes, *, color="bgr", **options):
        """As of the model, from the shapes that the start finds."""
        return self.model.align(image, boxes, color=color, start=self.start, **options)


def refuse_other_landmarks(start, scheme):
    """Raise InputError if a start finds other landmarks than those of `scheme`."""
    if start.scheme_.n_points != scheme.n_points:
        raise InputError(
            f"the start finds {start.scheme_.n_points} landmarks, but the model has "
            f"{scheme.n_points}; start with a model of the same landmarks"
        )


def refuse_unpaired(images, boxes):
    """Raise InputError unless there are boxes for every image."""
    if len(images) != len(boxes):
        raise InputError(
            f"{len(images)} images but boxes for {len(boxes)}; give boxes for each image"
        )
