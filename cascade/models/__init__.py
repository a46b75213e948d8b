"""The models in the package, and loading of models by name or file."""

from importlib.resources import as_file, files
from pathlib import Path

from features.errors import InputError

from .. import formats

_FOLDER = files("cascade") / "models"
_SUFFIX = ".safetensors"
_DEFAULT = "sdm68"


def available():
    """Names of the models in the package, sorted."""
    if not _FOLDER.is_dir():
        return []
    names = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def model_resource(name="default"):
    """The file of a model in the package, as an `importlib.resources` Traversable.

    Raises
    ------
    InputError
        If there is no model of that name; the message lists those there are.
    """
    name = _DEFAULT if name == "default" else name
    known = available()
    if name not in known:
        there = f"there are {', '.join(known)}" if known else "this installation has none"
        raise InputError(f"no pretrained model {name!r}: {there}; name a model file instead")
    return _FOLDER / f"{name}{_SUFFIX}"


def pretrained(name="default", *, mapped=False):
    """Load a model that comes with the package.

    Parameters
    ----------
    name : str
        One of `available`, or "default".
    mapped : bool
        See `load`.

    Returns
    -------
    BaseCascade
        Ready to predict. ``notes_`` has its data, terms and the boxes it expects.

    Raises
    ------
    InputError
        If there is no model of that name.
    """
    with as_file(model_resource(name)) as path:
        return formats.load(path, mapped=mapped)


def load(model, *, mapped=False):
    """Read a trained model: a file of any known format, or one that comes with the package.

    Parameters
    ----------
    model : str or Path
        A model file: the toolkit's own, a ``shape_predictor`` of dlib or a ``FacemarkLBF`` of
        OpenCV, recognised by content. Or a name, see `available`; if a file of that name exists, it
        is read instead.
    mapped : bool
        Whether to memory-map the arrays of the toolkit's own files, read-only, so that processes
        share them. Each process packs its own copy for the kernels; processes forked after loading
        share that copy, too. The file may be replaced by renaming meanwhile, as this toolkit writes
        files, but must not be overwritten in place.

    Returns
    -------
    BaseCascade
        Ready to predict.

    Raises
    ------
    InputError
        If there is no such file or model, the file is of no known format, or it is damaged.

    Examples
    --------
    >>> load("ert68").scheme_.n_points
    68
    """
    path = Path(model)
    if path.exists():
        return formats.load(path, mapped=mapped)
    if str(model) in available():
        return pretrained(str(model), mapped=mapped)
    known = ", ".join(available())
    raise InputError(
        f"{model}: no such model file, nor a model of the package; those are {known or 'none here'}"
    )
