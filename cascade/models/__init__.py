"""The models that come with the package, and models by name or file."""

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
        Ready to predict. ``notes_`` tells its data, its terms and the boxes it expects.

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
        A file: the toolkit's own, a ``shape_predictor`` of dlib or a ``FacemarkLBF`` of OpenCV,
        told apart by content. Or a name, see `available`; a file of that name comes first.
    mapped : bool
        Whether the arrays of a file of the toolkit's own stay in it, read-only, so that processes
        that load it share them in memory. What the kernels read is packed anew by each process;
        processes forked from one that has loaded a model share that too. The file may be replaced
        meanwhile, as everything here writes files, but not be written into.

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
