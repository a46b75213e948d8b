"""Annotated faces: images (files or arrays), landmarks, boxes and one landmark scheme for all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.errors import InputError
from features.geometry import as_numbers, box_placement
from features.images import MAX_SIDE, as_grey, read_image

from .schemes import Scheme, get_scheme, scheme_for
from .splitting import first_share
from .store import build_store

# Pixels beyond the image where no face is, and where float32 begins to lose the pixel.
MAX_DISTANCE = 1e6
LARGEST = MAX_SIDE, MAX_SIDE


class Skipped(NamedTuple):
    """A file that a reader left out, and why."""

    file: str
    reason: str


@dataclass(eq=False, repr=False)
class FaceDataset:
    """Annotated faces.

    Parameters
    ----------
    files : list of str
        Image file of each face, or a name where the image is in memory. Faces of one photograph
        have the same file.
    shapes : array_like of shape (n, L, 2)
        Landmarks in 0-based pixels, NaN where missing. Kept as float32.
    boxes : array_like of shape (n, 4)
        Face boxes (left, top, right, bottom) in pixels. Kept as float32.
    scheme : Scheme, str or Path, optional
        The landmark scheme; by default the built-in one with that number of points.
    skipped : list of Skipped
        What the reader left out.
    images : list of (ndarray of shape (H, W), uint8), callable or None, optional
        Images in memory, one per face. An entry of None, or None for all, means that the image is
        read from its file. A callable without arguments makes the image each time it is needed, as
        for the copies of `data_tools.augment`; the file is then the photograph that it is made
        from.
    sizes : array_like of shape (n, 2), optional
        (width, height) of each face's image, if known; an image file whose size has changed since
        is refused.
    visible : array_like of shape (n, L), bool, optional
        Which landmarks can be seen; False where something covers one.
    attributes : dict of str to array_like of shape (n,), optional
        Further annotations of each face: flags, angles in degrees, names of subsets.

    Raises
    ------
    InputError
        If the lengths differ, or a face is unusable (see `fault`).
    """

    files: list[str]
    shapes: np.ndarray
    boxes: np.ndarray
    scheme: Scheme | None = None
    skipped: list[Skipped] = field(default_factory=list)
    images: list[np.ndarray | Callable | None] | None = None
    sizes: np.ndarray | None = None
    visible: np.ndarray | None = None
    attributes: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        self.files = [str(file) for file in self.files]
        n_faces = len(self.files)
        self.shapes = as_numbers(self.shapes, "shapes")
        if self.shapes.ndim != 3 or self.shapes.shape[2] != 2 or self.shapes.shape[1] == 0:
            raise InputError(f"shapes must be (n, L, 2), not {self.shapes.shape}")
        self.boxes = as_numbers(self.boxes, "boxes")
        if self.sizes is not None:
            self.sizes = np.asarray(self.sizes, np.int64)
        columns = {"shapes": self.shapes, "boxes": self.boxes, "images": self.images}
        for name, column in {**columns, "sizes": self.sizes}.items():
            if column is not None and len(column) != n_faces:
                raise InputError(f"{name} has {len(column)} entries for {n_faces} files")
        if self.boxes.shape != (n_faces, 4):
            raise InputError(f"boxes must be ({n_faces}, 4), not {self.boxes.shape}")
        if self.visible is not None:
            self.visible = np.asarray(self.visible, bool)
            if self.visible.shape != self.shapes.shape[:2]:
                raise InputError(
                    f"visible must be {self.shapes.shape[:2]}, one a landmark, "
                    f"not {self.visible.shape}"
                )
        self.attributes = {name: np.asarray(column) for name, column in self.attributes.items()}
        for name, column in self.attributes.items():
            if column.shape != (n_faces,):
                raise InputError(f"attribute {name!r} must be ({n_faces},), not {column.shape}")
        n_points = self.shapes.shape[1]
        self.scheme = scheme_for(n_points) if self.scheme is None else get_scheme(self.scheme)
        if self.scheme.n_points != n_points:
            raise InputError(
                f"landmark scheme {self.scheme.name!r} has {self.scheme.n_points} points, but the "
                f"faces have {n_points}; name their scheme"
            )
        for i, file in enumerate(self.files):
            size = None if self.sizes is None else self.sizes[i]
            problem = fault(self.shapes[i], self.boxes[i], size)
            if problem:
                raise InputError(f"{file}, face {i}: {problem}")

    @classmethod
    def from_arrays(cls, images, shapes, boxes, scheme=None, files=None, color="bgr",
                    visible=None):  # fmt: skip
        """Faces whose images are in memory.

        Parameters
        ----------
        images : sequence of ndarray, or one ndarray of them
            One a face, of any kind that `features.images.as_grey` takes. Faces of one photograph
            may share one array.
        shapes, boxes, scheme
            As in `FaceDataset`.
        files : sequence of str, optional
            Name of each image; by default each face counts as a separate image.
        color : {"bgr", "rgb"}
            Channel order of colour images.
        visible
            As in `FaceDataset`.

        Raises
        ------
        InputError
            If an image has an unsupported format, the lengths differ, or a face is unusable.
        """
        images = list(images)  # holds on to the items of one array, whose ids are used below
        if files is None:
            files = [f"image_{i:06d}" for i in range(len(images))]
        if len(files) != len(images):
            raise InputError(f"files has {len(files)} entries for {len(images)} images")
        # One array that serves several faces is converted, and kept, once.
        grey = {}
        for file, image in zip(files, images, strict=True):
            if id(image) not in grey:
                try:
                    grey[id(image)] = as_grey(image, color)
                except InputError as error:
                    raise InputError(f"{file}: {error}") from error
        images = [grey[id(image)] for image in images]
        sizes = np.array([image.shape[::-1] for image in images], np.int64).reshape(-1, 2)
        return cls(files, shapes, boxes, scheme, images=images, sizes=sizes, visible=visible)

    @classmethod
    def concatenate(cls, datasets):
        """The faces of several sets, in order.

        `visible` and each attribute are kept if all sets have them.

        Raises
        ------
        InputError
            If there is no set, or the sets differ in the number of points or the scheme.
        """
        datasets = list(datasets)
        if not datasets:
            raise InputError("no dataset to concatenate; give at least one")
        first = datasets[0]
        for other in datasets[1:]:
            refuse_mixed(
                [d.files[0] if d.files else d.scheme.name for d in (first, other)],
                [d.shapes.shape[1] for d in (first, other)],
            )
            if other.scheme != first.scheme:
                raise InputError(
                    f"cannot join landmark schemes {first.scheme.name!r} and "
                    f"{other.scheme.name!r}; read all sets with one scheme"
                )
        images = sizes = visible = None
        if any(d.images is not None for d in datasets):
            images = [image for d in datasets for image in (d.images or [None] * len(d))]
        if all(d.sizes is not None for d in datasets):
            sizes = np.concatenate([d.sizes for d in datasets])
        if all(d.visible is not None for d in datasets):
            visible = np.concatenate([d.visible for d in datasets])
        return cls(
            [file for d in datasets for file in d.files],
            np.concatenate([d.shapes for d in datasets]),
            np.concatenate([d.boxes for d in datasets]),
            first.scheme,
            [entry for d in datasets for entry in d.skipped],
            images,
            sizes,
            visible,
            {
                name: np.concatenate([d.attributes[name] for d in datasets])
                for name in first.attributes
                if all(name in d.attributes for d in datasets)
            },
        )

    @classmethod
    def from_store(cls, store):
        """The crops of a `FaceStore` as photographs of one face each, with square boxes: for what
        reads photographs, such as measures of models."""
        half = store.placements[:, 2:] / 2
        boxes = np.hstack([store.placements[:, :2] - half, store.placements[:, :2] + half])
        shapes = store.placements[:, None, :2] + store.placements[:, None, 2:] * store.shapes
        names = [f"crop {i}" for i in range(len(store))]
        images = list(np.asarray(store.images))
        return cls.from_arrays(images, shapes, boxes, store.scheme, names, visible=store.visible)

    def __len__(self):
        return len(self.files)

    @property
    def shape(self):
        """``(n,)``; scikit-learn then picks the faces of a fold by `__getitem__`."""
        return (len(self),)

    def __getitem__(self, index):
        """A dataset of the faces at `index`: an integer, integers, a slice or a boolean mask.

        Examples
        --------
        >>> from data_tools.synthetic import synthetic_faces
        >>> faces = synthetic_faces(5, seed=1, size=64)
        >>> len(faces[[4, 0]]), len(faces[1:3]), len(faces[0])
        (2, 2, 1)
        """
        if isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis:
            index = index[0]  # how scikit-learn indexes
        if isinstance(index, str | tuple):
            raise InputError(
                f"faces are selected by integers, a slice or a boolean mask, not by {index!r}"
            )
        return self.subset(index)

    def __repr__(self):
        n_images = len(set(self.files))
        text = (
            f"{len(self)} faces in {n_images} images, {self.scheme.name} ({self.scheme.n_points})"
        )
        if self.files:
            text += f", {Path(self.files[0]).name} to {Path(self.files[-1]).name}"
        n_made = sum(callable(image) for image in self.images or [])
        if n_made:
            text += f", {n_made} of them made when asked for"
        elif self.images is not None:
            text += ", in memory"
        return f"<FaceDataset: {text}>"

    @property
    def groups(self):
        """Index of each face's image file among the sorted files: ndarray of shape (n,), int32."""
        return np.unique(self.files, return_inverse=True)[1].astype(np.int32)

    def image(self, i):
        """The image of face `i` as uint8 grey (H, W).

        Raises
        ------
        InputError
            If its file is missing, damaged, or has changed its size since the dataset was made.
        """
        found = None if self.images is None else self.images[i]
        if found is not None:
            return found() if callable(found) else found
        image = read_image(self._path(i))
        if self.sizes is not None and image.shape[::-1] != tuple(self.sizes[i]):
            raise InputError(
                f"{self.files[i]}: {image.shape[1]}x{image.shape[0]} pixels now, but "
                f"{self.sizes[i][0]}x{self.sizes[i][1]} when the dataset was made; read it again"
            )
        return image

    def _path(self, i):
        """Where the image file of face `i` is read from."""
        return self.files[i]

    def subset(self, indices):
        """The faces at `indices`: integers in any order, a slice or a boolean mask.

        The list `skipped` is not copied: it belongs to the whole dataset.
        """
        indices = np.atleast_1d(np.arange(len(self))[_indices(indices)])
        return FaceDataset(
            [self.files[i] for i in indices],
            self.shapes[indices],
            self.boxes[indices],
            self.scheme,
            images=None if self.images is None else [self.images[i] for i in indices],
            sizes=None if self.sizes is None else self.sizes[indices],
            visible=None if self.visible is None else self.visible[indices],
            attributes={name: column[indices] for name, column in self.attributes.items()},
        )

    def split(self, share, seed):
        """Split into two sets that have no photograph in common, nor near-identical photographs.

        Faces of one image file stay together. So do blocks of 8 consecutive files in the order of
        their names, because collections number the photographs of one person or event in a row;
        where that would make fewer than 10 blocks, the blocks are smaller.

        Parameters
        ----------
        share : float in (0, 1)
            Share of the files in the first set, rounded to whole blocks.
        seed : int or Generator
            Choice of the blocks.

        Returns
        -------
        first, rest : FaceDataset
            Both in the order of this dataset; neither is empty.

        Raises
        ------
        InputError
            If `share` is not between 0 and 1, or there are fewer than two image files.
        """
        first = first_share(self.groups, share, seed)
        return self.subset(first), self.subset(~first)

    def store(self, frame=None, **options):
        """The crops that training reads: `build_store` of this dataset."""
        return build_store(self, frame, **options)


def _indices(indices):
    """An empty list as no integers; numpy would take it for floats."""
    if isinstance(indices, list | tuple) and not len(indices):
        return np.zeros(0, np.intp)
    return indices


def fault(shape, box=None, size=None):
    """The reason why a face is unusable, in words, or None.

    Parameters
    ----------
    shape : ndarray of shape (L, 2)
    box : ndarray of shape (4,), optional
    size : (int, int), optional
        (width, height) of the image. Landmarks and box edges may lie up to a million pixels outside
        it; without it, outside the largest image that can be read.
    """
    if np.isinf(shape).any():
        return "a landmark is infinite; mark missing ones with NaN"
    seen = shape[np.isfinite(shape).all(1)]
    low, high = -MAX_DISTANCE, np.add(LARGEST if size is None else size, MAX_DISTANCE)
    far = seen[((seen < low) | (seen > high)).any(1)]
    if len(far):
        return f"a landmark at {_text(far[0])} lies far from any face in the image"
    if len(seen) < 2 or np.ptp(seen, axis=0).max() < 1:
        return "the landmarks have no spread: fewer than two are visible or all are in one place"
    if box is None:
        return None
    corners = np.reshape(box, (2, 2))
    if ((corners < low) | (corners > high)).any():
        return f"the box {_text(box)} reaches far beyond the image"
    try:
        box_placement(box)
    except InputError:
        return f"degenerate box {_text(box)}: need left < right and top < bottom"
    if size is not None and not (
        box[2] >= 0 and box[3] >= 0 and box[0] <= size[0] - 1 and box[1] <= size[1] - 1
    ):
        return f"the box {_text(box)} lies outside the image of {size[0]}x{size[1]} pixels"
    return None


def _text(box):
    return f"({', '.join(f'{value:.6g}' for value in box)})"


def refuse_mixed(files, counts):
    """Raise InputError, naming two files, unless all have the same number of landmarks."""
    for file, count in zip(files, counts, strict=True):
        if count != counts[0]:
            raise InputError(
                f"{files[0]} has {counts[0]} landmarks but {file} has {count}; "
                "all faces of a dataset share one landmark scheme, so read them separately"
            )
