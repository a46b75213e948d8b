"""What every training does first: faces as crops, and the seed of its random numbers."""

import numpy as np

from features.errors import InputError, require_count, require_range


def seed_of(random_state):
    """An integer that all random numbers of a training follow from.

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
    """The generator for one purpose: it does not depend on what was drawn before."""
    return np.random.default_rng([seed, *key])


def split_off(faces, validation, seed):
    """Faces to train on, and faces to watch or None.

    Parameters
    ----------
    faces : FaceDataset or FaceStore
    validation : FaceDataset, FaceStore, float or None
        A number is the share of the image files of `faces` to split off.
    seed : int
    """
    if isinstance(validation, bool | int | float | str):
        require_range("validation", validation, 0, 1)
        validation, faces = faces.split(float(validation), seed)
    return faces, validation


def store_of(faces, frame, mirror, memory_limit, progress, training=True):
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
        Whether mirrored faces are wanted at all.

    Returns
    -------
    FaceStore

    Raises
    ------
    InputError
        If `faces` is neither, or a store that is not what the parameters ask for.
    """
    if not hasattr(faces, "placements"):
        if not hasattr(faces, "store"):
            raise InputError(
                f"faces must be a FaceDataset or a FaceStore, not {type(faces).__name__}; see "
                "data_tools.readers.read_folders"
            )
        return faces.store(
            frame,
            mirror=training and mirror,
            memory_limit=memory_limit,
            progress=progress.cropping,
        )
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
