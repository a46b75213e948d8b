"""The models that come with the package."""

from importlib.resources import as_file, files

from features.errors import InputError

from ..formats import load

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


def pretrained(name="default"):
    """Load a model that comes with the package.

    Parameters
    ----------
    name : str
        One of `available`, or "default".

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
        return load(path)
