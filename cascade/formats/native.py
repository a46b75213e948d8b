"""The native model file: safetensors with a JSON header; it contains no code.

A file that is truncated, altered, of a newer version or inconsistent is refused before any kernel
uses it. Writing goes to a temporary file that is then renamed.
"""

from features.errors import InputError

from ..loop import model_file
from ..methods import method_class

# As long as the header of a safetensors file may be.
_MAX_HEADER = 100_000_000


def write(model, path):
    """Write a trained cascade.

    Parameters
    ----------
    model : BaseCascade
    path : str or Path

    Raises
    ------
    InputError
        If the folder cannot be written, or a stage cannot be stored, as those made with
        scikit-learn regressors other than linear ones.
    """
    model.save(path)


def dumps(model, training=None):
    """The bytes of a model file; equal models give equal bytes."""
    return model_file.dumps(*model.state(training))


def read(path, mapped=False):
    """Read a trained cascade.

    Parameters
    ----------
    path : str or Path
    mapped : bool
        See `cascade.loop.model_file.read`.

    Returns
    -------
    BaseCascade
        Of the class that trained it, ready to predict.

    Raises
    ------
    InputError
        If the file is missing, not a model file, truncated, altered, of a newer version, or
        inconsistent.
    """
    header, arrays = model_file.read(path, mapped)
    try:
        return method_class(header["method"]).from_state(header, arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}; the file is damaged, get it again") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: the header is damaged ({error}); get the file again") from error


def recognises(head, size):
    """Whether the file may be one of the toolkit's own: the length of its header comes first, then
    the header, which is JSON. A file that was cut, perhaps within its header, is one, too."""
    return head[8:9] == b"{" and 0 < int.from_bytes(head[:8], "little") < _MAX_HEADER
