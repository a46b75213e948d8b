"""Preparation of every training: crops of the faces, and the random seed."""

import numpy as np

from data_tools.store import store_facts
from features.errors import InputError, require_count, require_range
from features.workers import Workers


def seed_of(random_state):
    """The integer seed of all random numbers of a training.

    Parameters
    ----------
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
    """
    state = random_state
    if state is None:
        state = np.random.default_rng()
    if isinstance(state, np.random.Generator):
        return int(state.integers(2**31))
    if isinstance(state, np.random.RandomState):
        return int(state.randint(2**31 - 1))
    require_count("random_state", state, 0, 2**63 - 1)
    return int(state)


def rng_for(seed, *key):
    """The random generator for one purpose, independent of numbers drawn for others."""
    return np.random.default_rng([seed, *key])


def faces_and_validation(faces, shapes, boxes, validation, scheme, color):
    """Interpret the arguments of ``fit(faces)`` or ``fit(images, shapes, boxes)``.

    Parameters
    ----------
    faces, shapes, boxes, validation, scheme, color
        As of `cascade.loop.training.BaseCascade.fit`.

    Returns
    -------
    faces : FaceDataset or FaceStore
    validation : FaceDataset, FaceStore, float or None

    Raises
    ------
    InputError
        Naming the argument that is missing, of another type, or given twice.
    """
    if are_faces(faces):
        return faces, _only_validation(shapes, boxes, scheme, validation)
    return _from_arrays(faces, shapes, boxes, scheme, color), validation


def are_faces(value):
    """Whether `faces` is a FaceDataset or a FaceStore."""
    return hasattr(value, "store") or hasattr(value, "placements")


def _not_faces(value):
    return (
        f"faces must be a FaceDataset or a FaceStore, or images with shapes and boxes, not "
        f"{type(value).__name__}; see data_tools.readers.read_folders"
    )


def _only_validation(shapes, boxes, scheme, validation):
    """The validation faces of ``fit(faces, …)``, given as second argument or by name."""
    for name, value in (("boxes", boxes), ("scheme", scheme)):
        if value is not None:
            raise InputError(f"{name} must be left out: a FaceDataset or FaceStore has its own")
    if shapes is None:
        return validation
    if not (are_faces(shapes) or isinstance(shapes, bool | int | float | str)):
        raise InputError(
            "shapes must be left out: a FaceDataset or FaceStore has its own (not "
            f"{type(shapes).__name__})"
        )
    if validation is not None:
        raise InputError("validation is given twice, by place and by name; give it once")
    return shapes


def _from_arrays(images, shapes, boxes, scheme, color):
    """The faces of ``fit(images, shapes, boxes)``."""
    from data_tools.dataset import FaceDataset  # imported when somebody trains

    if isinstance(images, str | bytes | dict) or not hasattr(images, "__len__"):
        raise InputError(_not_faces(images))
    for i, image in enumerate(images):
        if not isinstance(image, np.ndarray):
            raise InputError(
                f"faces must be images as arrays where it is no FaceDataset, but item {i} is of "
                f"type {type(image).__name__}; see data_tools.readers.read_folders"
            )
    for name, value in (("shapes", shapes), ("boxes", boxes)):
        if value is None:
            raise InputError(f"{name} is missing; images need fit(images, shapes, boxes)")
        if are_faces(value) or isinstance(value, str | bytes | dict | bool | int | float):
            raise InputError(f"{name} must be an array, not {type(value).__name__}")
    return FaceDataset.from_arrays(images, shapes, boxes, scheme, color=color)


def split_off(faces, validation, seed):
    """Training faces, and validation faces or None.

    Parameters
    ----------
    faces : FaceDataset or FaceStore
    validation : FaceDataset, FaceStore, float or None
        A number is the share of the image files of `faces` to split off for validation. Of faces
        with changed copies (`data_tools.augment`), the copies of these files are left out.
    seed : int
    """
    if isinstance(validation, bool | int | float | str):
        require_range("validation", validation, 0, 1)
        validation, faces = faces.split(float(validation), seed)
        copy = getattr(validation, "attributes", {}).get("copy")
        if copy is not None:
            validation = validation.subset(copy == 0)
    elif validation is not None and not are_faces(validation):
        raise InputError(
            "validation must be a FaceDataset, a FaceStore or a share of the image files, not "
            f"{type(validation).__name__}"
        )
    return faces, validation


def store_of(faces, frame, mirror, memory_limit, progress, training=True, n_jobs=1):
    """The crops of faces.

    Parameters
    ----------
    faces : FaceDataset or FaceStore
    frame : Frame
    mirror : bool
        The model's parameter.
    memory_limit : int
    progress : Progress
    training : bool
        Whether mirrored faces may be added.
    n_jobs : int, optional
        Threads that read and crop.

    Returns
    -------
    FaceStore

    Raises
    ------
    InputError
        If `faces` is neither, or a store that does not match the parameters.
    """
    if hasattr(faces, "placements"):
        return _fitting_store(faces, frame, mirror, training)
    if not are_faces(faces):
        raise InputError(_not_faces(faces))
    with Workers(n_jobs) as workers:
        return faces.store(
            frame,
            mirror=training and mirror,
            memory_limit=memory_limit,
            progress=progress.cropping,
            workers=workers,
        )


def shares_of(faces, frame, mirror, memory_limit, progress, workers, training=True):
    """The crops of this member of a training, and the facts about the faces of all members.

    Parameters
    ----------
    faces, frame, mirror, memory_limit, progress, training
        As of `store_of`.
    workers : Workers

    Returns
    -------
    own : FaceStore
        Those that ``workers.share`` gives to this member.
    everyone : FaceStore
        `own` itself where there is one member; else crops may be missing from it.

    Raises
    ------
    InputError
        As of `store_of`.
    """
    if workers.size == 1:
        own = store_of(faces, frame, mirror, memory_limit, progress, training, workers.n)
        return own, own
    if hasattr(faces, "placements"):
        everyone = _fitting_store(faces, frame, mirror, training)
        return everyone.subset(slice(*workers.share(len(everyone)))), everyone
    mirror = training and mirror
    everyone = store_facts(faces, frame, mirror=mirror, memory_limit=memory_limit)
    own = faces.store(
        frame,
        mirror=mirror,
        memory_limit=memory_limit,
        progress=progress.cropping,
        workers=workers,
        rows=workers.share(len(everyone)),
    )
    return own, everyone


def _fitting_store(faces, frame, mirror, training):
    """A `FaceStore`, after it was found to be what the parameters ask for."""
    if faces.frame != frame:
        raise InputError(
            f"the store has crops of {faces.frame.size} px around faces of {faces.frame.face} "
            f"px, but frame_size is {frame.size} and face_size {frame.face}; make them equal"
        )
    wanted = mirror and faces.scheme.flip is not None
    if training and wanted != bool(faces.mirrored.any()):
        has = "no mirrored faces" if wanted else "mirrored faces"
        raise InputError(
            f"the store has {has}, but the parameter mirror is {mirror}; build the store "
            f"with mirror={mirror}, or set the parameter to {not mirror}"
        )
    return faces
