"""The loop on the workers of a Dask cluster: `fit` with a client.

Each worker runs `BaseCascade.fit_member` on its share of the crops. Member 0 reports its progress
and the checkpoint of each stage to the process that called `fit`, which runs this module.
"""

import os
from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from data_tools.dataset import FaceDataset
from features.errors import InputError
from features.workers import Workers

from ..distributed.cluster import find_client
from ..distributed.group import share_of
from ..distributed.running import run_on_workers
from .progress import Silent

# What members tell of their progress, by the names of the methods of `Silent`.
_TOLD = ("cropping", "divided", "resumed", "stage_begins", "tick", "stage_ends")


def fit_on_cluster(model, client, job, file, progress):
    """Train a cascade on all workers of a cluster.

    Parameters
    ----------
    model : BaseCascade
        Gets the fitted attributes.
    client : distributed.Client or True
    job : Job
    file : CheckpointFile or None
        Is written here.
    progress : Silent

    Returns
    -------
    list of dict
        What each member did; see `BaseCascade.members_`.

    Raises
    ------
    InputError
        See `BaseCascade.fit`.
    """
    refuse_undivided(model)
    client = find_client(client)
    faces, crops = _divided(model, job.faces, True, progress)
    validation, watched = _divided(model, job.validation, False, progress)
    job = job._replace(faces=faces, validation=validation)

    def owns(rank, size):
        if crops is None and watched is None:
            return None
        return tuple(
            None if images is None else images[slice(*share_of(len(images), rank, size))]
            for images in (crops, watched)
        )

    def hear(name, *values):
        if name == "checkpoint":
            file.write(*values)
        elif name in _TOLD:
            getattr(progress, name)(*values)

    with file if file is not None else nullcontext():
        kept = file.read() if job.resume and file is not None else None
        path = None if file is None else file.path
        argument = type(model), model.get_params(deep=False), job, path, kept
        fitted, facts = run_on_workers(client, _member, argument, owns, hear, model.method)
    vars(model).update(fitted)
    return facts


def refuse_undivided(model):
    """Raise InputError for models that can only be trained on one machine so far.

    Stages say that they ask `workers` for all sums by `over_members` of feature and regressor.
    """
    if model.poses is not None and model.poses.n_routes > 1:
        raise InputError(
            "routes (poses) cannot be trained over several workers yet; leave them or client out"
        )
    for stage in model.recipe():
        for part in (getattr(stage, "feature", None), getattr(stage, "regressor", None)):
            if not getattr(part, "over_members", False):
                raise InputError(
                    f"method {model.method!r} cannot be trained over several workers yet; leave "
                    "client out"
                )


def _divided(model, faces, training, progress):
    """The facts about faces that all members get, and the crops to send to them, or None.

    Members read image files and stores on disk themselves; images in memory are cropped here.
    """
    if faces is None:
        return None, None
    if not hasattr(faces, "placements"):
        if faces.images is None:
            return _FilesFromHere.of(faces), None
        faces = model.crops(faces, training, progress)
    if not isinstance(faces.images, np.ndarray):
        return faces, None
    return replace(faces, images=None), faces.images


class _FilesFromHere(FaceDataset):
    """Faces whose relative files are those of the caller's folder, wherever a worker runs.

    The names stay as they are: their order decides about groups.
    """

    @classmethod
    def of(cls, faces):
        made = cls(**{name: getattr(faces, name) for name in cls.__dataclass_fields__})
        made.home = os.getcwd()
        return made

    def _path(self, i):
        return os.path.join(self.home, self.files[i])


class _Window:
    """The crops that were sent to this member, indexed by their numbers among all crops."""

    def __init__(self, images, first):
        self._images, self._first = images, first

    def __getitem__(self, rows):
        start, stop = rows.start - self._first, rows.stop - self._first
        if not 0 <= start <= stop <= len(self._images):
            raise IndexError(f"crops {rows.start} to {rows.stop} are another member's")
        return self._images[start:stop]


class _Posted:
    """The checkpoint file as a member sees it: the caller reads and writes it."""

    def __init__(self, path, kept, post):
        self.path, self._kept, self._post = path, kept, post

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def read(self):
        return self._kept

    def write(self, header, arrays):
        self._post("checkpoint", header, arrays)


class _Posting(Silent):
    """Reports progress to the caller."""

    def __init__(self, post):
        for name in _TOLD:
            setattr(self, name, lambda *values, name=name: post(name, *values))


def _member(group, threads, post, argument, own):
    """The task of one member; see `cascade.distributed.member.run`."""
    cls, parameters, job, path, kept = argument
    model = cls(**parameters)
    if own is not None:
        for name, images in zip(("faces", "validation"), own, strict=True):
            if images is not None:
                faces = getattr(job, name)
                first, _ = group.share(len(faces))
                job = job._replace(**{name: replace(faces, images=_Window(images, first))})
    progress = _Posting(post) if group.rank == 0 else Silent()
    file = None if path is None else _Posted(path, kept, post)
    n_jobs = threads if model.n_jobs is None else model.n_jobs
    with Workers(n_jobs, group) as workers:
        model.fit_member(job, file, progress, workers)
    if group.rank:
        return None
    return {name: value for name, value in vars(model).items() if name not in parameters}
