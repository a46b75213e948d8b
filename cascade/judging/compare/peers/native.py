"""Models of this toolkit: a file, or the name of one that comes with it."""

from importlib.resources import as_file
from pathlib import Path

from features.errors import InputError

from ....formats import load as load_file
from ....models import available, model_resource


def load(spec):
    """The cascade in the file, or of the name, that the spec gives."""
    if spec.target in available() and not Path(spec.target).exists():
        with as_file(model_resource(spec.target)) as path:
            return _Native(path, spec)
    if not Path(spec.target).is_file():
        raise InputError(
            f"{spec.target}: no such model file or pretrained model; give a file, "
            f"{', '.join(available())} or another spec (see cascade compare --help)"
        )
    return _Native(Path(spec.target), spec)


class _Native:
    def __init__(self, path, spec):
        self.model = self.reference = load_file(path)
        self.n_starts = spec.take("starts", None, int)
        self.n_bytes = path.stat().st_size
        self.points = self.model.scheme_.name
        self.trained_on = str(self.model.notes_.get("data", ""))
        self.about = f"{self.model.method}, {len(self.model.stages_)} stages"
        self.seen = ""

    def __call__(self, image, box):
        return self.model.predict(image, box, n_starts=self.n_starts)
