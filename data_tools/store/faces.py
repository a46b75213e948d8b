"""Every face cropped at one scale, and mirrored, in memory or mapped from disk."""

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from features.errors import InputError
from features.frame import Frame
from features.geometry import box_placement, to_box_frame
from features.memory import allocate
from features.workers import SERIAL

from ..schemes import Scheme
from ..splitting import first_share

MEMORY_LIMIT = 2 << 30
# Crops copied at a time when a subset is taken.
CHUNK = 256


@dataclass(eq=False, repr=False)
class FaceStore:
    """Crops of m faces and mirrored faces.

    Attributes
    ----------
    images : ndarray or memmap of shape (m, F, F), uint8, or StoredCrops, or None
        The crops; F is ``frame.size``. Those of a store on disk stay there until ``numpy.asarray``
        asks for them. None where only the facts about the faces are known.
    placements : ndarray of shape (m, 3), float32
        (cx, cy, side), where the box frame lies in each crop: ``pixel = (cx, cy) + side * shape``.
    shapes : ndarray of shape (m, L, 2), float32
        True landmarks in the box frame, NaN where missing.
    source : ndarray of shape (m,), int32
        Index of the face in the dataset; a face and its mirrored copy share it.
    groups : ndarray of shape (m,), int32
        Index of the image file among the dataset's sorted files: what cross-validation must not
        tear apart.
    mirrored : ndarray of shape (m,), bool
    frame : Frame
    scheme : Scheme
    memory_limit : int
        Bytes of crops above which a subset goes to a mapped file, too.
    folder : str or Path or None
        Where mapped files are made; None is the system's folder for temporary files.
    visible : ndarray of shape (m, L), bool, or None
        Which landmarks can be seen, where the dataset says so.
    notes : dict of str to str
        What a store on disk says of its origin.
    """

    images: np.ndarray
    placements: np.ndarray
    shapes: np.ndarray
    source: np.ndarray
    groups: np.ndarray
    mirrored: np.ndarray
    frame: Frame
    scheme: Scheme
    memory_limit: int = MEMORY_LIMIT
    folder: object = None
    visible: np.ndarray | None = None
    notes: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.shapes)

    def __repr__(self):
        n_mirrored, size = int(self.mirrored.sum()), self.frame.size
        where = "memory"
        if not isinstance(self.images, np.ndarray):
            where = (
                "no place yet"
                if self.images is None
                else str(getattr(self.images, "folder", "another process"))
            )
        elif isinstance(self.images, np.memmap):
            where = "mapped file"
        return (
            f"<FaceStore: {len(self)} crops of {size}x{size}, {n_mirrored} of them mirrored, "
            f"{self.scheme.name} ({self.scheme.n_points}), in {where}>"
        )

    def split(self, share, seed):
        """Split into two stores that share no photograph, as `FaceDataset.split` does.

        A face and its mirrored copy stay together.

        Parameters
        ----------
        share, seed
            As of `FaceDataset.split`.

        Returns
        -------
        first, rest : FaceStore
            Both in the order of this store; neither is empty.

        Raises
        ------
        InputError
            If `share` is not between 0 and 1, or there are fewer than two image files.
        """
        first = first_share(self.groups, share, seed)
        return self.subset(first), self.subset(~first)

    def subset(self, indices):
        """The faces at `indices`: integers in any order, a boolean mask, or a slice, which copies
        no crop. Of a store on disk no choice does."""
        images = None
        if self.images is not None and (
            isinstance(indices, slice) or not isinstance(self.images, np.ndarray)
        ):
            images = self.images[indices]
        elif self.images is not None:
            indices = np.arange(len(self))[indices]
            size = self.frame.size
            images = allocate_crops((len(indices), size, size), self.memory_limit, self.folder)
            # In parts: indexing a whole mapped file at once would copy it into memory.
            for start in range(0, len(indices), CHUNK):
                images[start : start + CHUNK] = self.images[indices[start : start + CHUNK]]
        return FaceStore(
            images,
            self.placements[indices],
            self.shapes[indices],
            self.source[indices],
            self.groups[indices],
            self.mirrored[indices],
            self.frame,
            self.scheme,
            self.memory_limit,
            self.folder,
            None if self.visible is None else self.visible[indices],
            self.notes,
        )

    def rows(self, start, stop):
        """The faces from `start` to the one before `stop`; no crop is copied."""
        return self.subset(slice(start, stop))


def store_facts(dataset, frame=None, *, mirror=True, memory_limit=MEMORY_LIMIT, folder=None):
    """What `build_store` would return, without the crops: no image is read.

    Parameters
    ----------
    dataset, frame, mirror, memory_limit, folder
        As of `build_store`.

    Returns
    -------
    FaceStore
        Its `images` are None.

    Raises
    ------
    InputError
        If the dataset is empty.
    """
    if not len(dataset):
        raise InputError("the dataset has no face to crop")
    frame = Frame() if frame is None else frame
    n_faces, scheme = len(dataset), dataset.scheme
    copies = 2 if mirror and scheme.flip is not None else 1
    in_images = box_placement(dataset.boxes)
    placements = np.empty((n_faces, 3), np.float32)
    for i in range(n_faces):
        placements[i], _ = frame.place(in_images[i])
    shapes, visible = to_box_frame(dataset.shapes, in_images), dataset.visible
    if copies == 2:
        turned = placements.copy()
        turned[:, 0] = frame.size - 1 - placements[:, 0]
        placements = np.concatenate([placements, turned])
        shapes = np.concatenate([shapes, scheme.mirrored(shapes)])
        if visible is not None:
            visible = np.concatenate([visible, visible[:, list(scheme.flip)]])
    return FaceStore(
        None,
        placements,
        shapes,
        np.tile(np.arange(n_faces, dtype=np.int32), copies),
        np.tile(dataset.groups, copies),
        np.repeat(np.arange(copies) == 1, n_faces),
        frame,
        scheme,
        memory_limit,
        folder,
        visible,
    )


def build_store(
    dataset, frame=None, *, mirror=True, memory_limit=MEMORY_LIMIT, folder=None, progress=None,
    workers=SERIAL, rows=None,
):  # fmt: skip
    """Crop every face of a dataset, and append a mirrored copy of each.

    An image file is read once, and no more than one photograph a thread is in memory at a time.

    Parameters
    ----------
    dataset : FaceDataset
    frame : Frame, optional
        Size of the crops and of the faces in them; without it, Frame().
    mirror : bool
        Whether to append mirrored copies. There are none where the scheme has no flip index.
    memory_limit : int
        Crops of more bytes than this go to a memory-mapped file.
    folder : str or Path, optional
        Folder of the memory-mapped file; best on a local disk. The file is temporary: the system
        removes it when nothing uses its crops any more, even after a crash.
    progress : callable, optional
        Called as ``progress(done, total)`` after each image file.
    workers : Workers
        Threads that read and crop.
    rows : (int, int), optional
        Make only these crops, from the first to the one before the second, out of all.

    Returns
    -------
    FaceStore
        First all faces in the dataset's order, then their mirrored copies in the same order.

    Raises
    ------
    InputError
        If the dataset is empty, an image has vanished, changed or become unreadable since, or
        there is no room for the mapped file.
    """
    facts = store_facts(dataset, frame, mirror=mirror, memory_limit=memory_limit, folder=folder)
    rows = (0, len(facts)) if rows is None else rows
    return crop_rows(dataset, facts, rows, progress=progress, workers=workers)


def crop_rows(dataset, facts, rows, *, progress=None, workers=SERIAL):
    """Some of the crops of a dataset.

    Parameters
    ----------
    dataset, rows, progress, workers
        As of `build_store`.
    facts : FaceStore
        Those of `store_facts`.

    Returns
    -------
    FaceStore
    """
    start, stop = rows
    store = facts.rows(start, stop)
    size = store.frame.size
    store.images = allocate_crops((stop - start, size, size), store.memory_limit, store.folder)
    # The crops of each face that is needed, and the faces of each file, each in their order.
    rows_of = {}
    for row, face in enumerate(store.source.tolist()):
        rows_of.setdefault(face, []).append(row)
    files = {}
    for row, group in enumerate(store.groups.tolist()):
        files.setdefault(group, {})[int(store.source[row])] = None
    files = [files[group] for group in sorted(files)]
    lock, done = Lock(), 0

    def crop(faces):
        nonlocal done
        _crop_faces(dataset, faces, rows_of, store)
        if progress is not None:
            with lock:
                done += 1
                progress(done, len(files))

    workers.each(crop, files)
    return store


def _crop_faces(dataset, faces, rows_of, store):
    """Crop the `faces` of one image file; a function, so that the photograph dies with it."""
    photograph = None
    for i in faces:
        # An image in memory costs nothing to get, and need not be that of its neighbour; nor need
        # one that is made.
        if dataset.images is not None and dataset.images[i] is not None:
            image = dataset.image(i)
        else:
            image = photograph = dataset.image(i) if photograph is None else photograph
        try:
            crop, _, _ = store.frame.crop(image, dataset.boxes[i])
        except InputError as error:
            raise InputError(f"{dataset.files[i]}: {error}") from error
        for row in rows_of[i]:
            store.images[row] = crop[:, ::-1] if store.mirrored[row] else crop


def allocate_crops(shape, memory_limit, folder):
    """Room for crops: in memory, or above `memory_limit` bytes in a temporary file of `folder`."""
    n_bytes = int(np.prod(shape, dtype=np.int64))
    if n_bytes <= memory_limit:
        remedy = "take a smaller frame, or a memory_limit below it for a file in their place"
        return allocate(shape, np.uint8, "the crops", remedy)
    folder = tempfile.gettempdir() if folder is None else folder
    try:
        # A full disk would otherwise kill the process at the first write to the mapping.
        free = shutil.disk_usage(folder).free
        if n_bytes > free:
            raise InputError(
                f"{folder}: the crops need {n_bytes >> 20} MiB but {free >> 20} MiB are free; "
                "name a folder on another disk or take a smaller frame"
            )
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            return np.memmap(file, np.uint8, "w+", shape=shape)
    except OSError as error:
        raise InputError(f"{folder}: cannot hold the crops ({error.strerror})") from error
