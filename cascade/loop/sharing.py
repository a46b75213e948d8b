"""How the faces and samples of a training are shared by its members."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..stages.cross_fitting import block_of
from ..stages.samples import Samples


class Job(NamedTuple):
    """The data and options of a training: the checked arguments of `fit`.

    Attributes
    ----------
    seed : int
    faces : FaceDataset or FaceStore
    validation : FaceDataset, FaceStore or None
    notes : dict or None
    resume : bool
    """

    seed: int
    faces: object
    validation: object
    notes: object
    resume: bool


class Faces(NamedTuple):
    """The data of a training.

    Attributes
    ----------
    store : FaceStore
        Of this member of the training, in the frame of the model's face space.
    everyone : FaceStore
        The facts about the faces of all members; the same store where there is one.
    samples : Samples
        Training samples, moved by the stages trained so far.
    watched : Samples or None
        Validation samples, started from the mean shape.
    """

    store: object
    everyone: object
    samples: Samples
    watched: Samples | None


def samples_of(own, everyone, starts, n_starts, workers):
    """The samples of this member of the training.

    Parameters
    ----------
    own, everyone : FaceStore
        See `Faces`.
    starts : ndarray of shape (m * k, L, 2), float32
        Of this member's m crops.
    n_starts : int
        Starts a crop, k.
    workers : Workers

    Returns
    -------
    Samples
    """
    first, stop = workers.share(len(everyone))
    blocks = block_of(everyone.groups)[first:stop]
    samples = Samples.from_store(own, starts, blocks)
    samples.first, samples.n_all = first * n_starts, len(everyone) * n_starts
    return samples


def chosen_rows(n, most, rng):
    """Ascending row numbers of all n crops, or of `most` of them chosen at random."""
    return np.arange(n) if n <= most else np.sort(rng.permutation(n)[:most])


def on_root(own, everyone, rows, workers):
    """Some of the crops of all members, on member 0.

    Parameters
    ----------
    own, everyone : FaceStore
        See `Faces`.
    rows : ndarray of int
        Ascending row numbers among everyone's.
    workers : Workers

    Returns
    -------
    store : FaceStore or None
        None on the other members.
    blocks : ndarray of shape (len(rows),), int32
        Of the crops, as of all that are trained on; see `cascade.stages.cross_fitting`.
    """
    blocks = block_of(everyone.groups)[rows]
    if workers.size == 1:
        return own if len(rows) == len(own) else own.subset(rows), blocks
    first, stop = workers.share(len(everyone))
    mine = rows[(rows >= first) & (rows < stop)] - first
    images = workers.at_root(own.images[mine])
    if images is None:
        return None, blocks
    store = replace(everyone, images=None).subset(rows)
    store.images = images
    return store, blocks
