"""Models of this toolkit: a file, or the name of one that comes with it."""

from importlib.resources import as_file
from pathlib import Path

from features.errors import InputError

from ....aligner import Started
from ....formats import load as load_file
from ....models import available, model_resource


def load(spec):
    """The model in the file, or of the name, that the spec gives.

    ``MODEL?start=OTHER`` lets a shape model refine what the model or name OTHER finds.
    """
    model, n_bytes = _open(spec.target)
    start = spec.take("start", spec.start if model.takes_start else None)
    if start is None:
        return _Native(model, n_bytes, spec, _about(model))
    theirs, their_bytes = _open(start)
    try:
        started = Started(model, theirs, Path(start).stem)
    except InputError as error:
        raise InputError(f"{spec.text}: {error}") from error
    about = f"{_about(model)}, from {_about(theirs)}"
    return _Native(started, n_bytes + their_bytes, spec, about, start)


def _about(model):
    return f"{model.method}, {len(model.stages_)} stages"


def _open(target):
    """A model, and the bytes of its file."""
    if target in available() and not Path(target).exists():
        with as_file(model_resource(target)) as path:
            return load_file(path), path.stat().st_size
    if not Path(target).is_file():
        raise InputError(
            f"{target}: no such model file or pretrained model; give a file, "
            f"{', '.join(available())} or another spec (see cascade compare --help)"
        )
    return load_file(target), Path(target).stat().st_size


class _Native:
    def __init__(self, model, n_bytes, spec, about, start=None):
        self.model = self.reference = model
        self.n_starts = spec.take("starts", None, int)
        self.n_bytes = n_bytes
        self.start = start
        self.points = self.model.scheme_.name
        self.trained_on = str(self.model.notes_.get("data", ""))
        self.about = about
        self.seen = ""

    def __call__(self, image, box):
        return self.model.predict(image, box, n_starts=self.n_starts)
