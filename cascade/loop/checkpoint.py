"""Checkpoints: a model file after every stage, from which training goes on as if unbroken.

Only the trained stages are stored, with the predictors of each fold if they are cross-fitted.
Everything else is computed again: the starts from the seed, the random numbers of a stage from the
seed and its index, and the samples' shapes by running the stages.
"""

import hashlib
import zlib
from pathlib import Path

import numpy as np

from data_tools.files import remove_scratch
from data_tools.locks import FileLock
from features.errors import InputError
from features.workers import SERIAL

from . import model_file
from .state import parameters, untrained


class CheckpointFile:
    """The checkpoint file of one training; a context manager that locks it.

    Parameters
    ----------
    path : str or Path
    """

    def __init__(self, path):
        self.path = Path(path)
        taken = f"{self.path}: another training writes here; wait for it or name another file"
        lock = self.path.with_name(self.path.name + ".lock")
        self._lock = FileLock(lock, taken, self.path)

    def __enter__(self):
        self._lock.__enter__()
        remove_scratch(self.path)
        return self

    def __exit__(self, *exception):
        self._lock.__exit__(*exception)

    def read(self):
        """Header and arrays; None where there is no file yet."""
        return model_file.read(self.path) if self.path.exists() else None

    def write(self, header, arrays):
        """Replace the file in one step."""
        model_file.write(self.path, header, arrays)


class Checkpoint:
    """The checkpoint of one training; a context manager that keeps others from its file.

    Parameters
    ----------
    file : str or Path, or an object like `CheckpointFile`
    model : BaseCascade
        The model in training.
    store : FaceStore
        What it is trained on.
    everyone : FaceStore, optional
        The facts about the faces of all members, where `store` holds those of one.
    workers : Workers
    """

    def __init__(self, file, model, store, everyone=None, workers=SERIAL):
        self._file = file if hasattr(file, "write") else CheckpointFile(file)
        self.path = self._file.path
        self.model = model
        self.store = store
        self._everyone = store if everyone is None else everyone
        self._workers = workers

    def __enter__(self):
        self._file.__enter__()
        self._training = {
            "faces": _fingerprint(self._everyone, self.store, self._workers),
            "seed": self.model.seed_,
        }
        return self

    def __exit__(self, *exception):
        self._file.__exit__(*exception)

    def load(self):
        """The stages trained so far; none if there is no file yet.

        Raises
        ------
        InputError
            If the file is damaged, or was made with other faces, parameters or another method.
        """
        found = self._file.read()
        if found is None:
            return []
        header, arrays = found
        try:
            # By way of an object: parameters that a file of an older version lacks are defaults.
            theirs = parameters(untrained(type(self.model), header))
            if "stages" in header["parameters"]:  # recipes, which are not made into objects
                theirs["stages"] = header["parameters"]["stages"]
            facts = {
                "method": (header.get("method"), self.model.method),
                "parameters": (theirs, parameters(self.model)),
                "training": (header.get("training"), self._training),
            }
            for name, (made_with, ours) in facts.items():
                if made_with != ours:
                    raise InputError(
                        f"the checkpoint was made with another {name}"
                        f"{_difference(made_with, ours)}; "
                        "train with the same faces and options, or without resuming"
                    )
            return self.model.stages_of(header, arrays)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(
                f"{self.path}: the header is damaged ({error}); train without resuming"
            ) from error

    def save(self):
        """Write the stages trained so far."""
        self._file.write(*self.model.state(self._training))


def _difference(theirs, ours):
    """The entry that differs, in words."""
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return ""
    names = [k for k in ours if theirs.get(k) != ours[k]]
    return f" ({', '.join(names)})" if names else ""


def _fingerprint(everyone, store, workers):
    """A digest of all training data."""
    digest = hashlib.sha256()
    for array in (everyone.shapes, everyone.placements):
        digest.update(np.ascontiguousarray(array).data)
    if everyone.visible is not None:
        digest.update(np.packbits(everyone.visible).data)
    # One by one: the crops may be a mapped file, or divided over several members.
    checksums = [zlib.crc32(np.ascontiguousarray(image).data) for image in store.images]
    digest.update(workers.joined(np.array(checksums, "<u4")).tobytes())
    return digest.hexdigest()
