"""Declared layouts of arrays, and checks of a file's arrays against them.

A class that can be written to a model file is a dataclass of arrays with

- ``KIND``, its name in files,
- ``LAYOUT``, which maps each field to its dtype and dimensions: a number, None for any length, or a
  name that stands for the same length wherever it occurs, for example
  ``{"offsets": ("f4", "points", 2)}``,
- ``check(sizes)``, which raises InputError for values out of range; `sizes` maps the names to
  the lengths, and holds at least `landmarks`.
"""

import numpy as np

from features.errors import InputError

# Larger than in any real model, and small enough that products of two lengths do not overflow.
_MAX_LENGTH = 1 << 24


def to_arrays(item, prefix):
    """The arrays of `item` by their names in a file."""
    return {f"{prefix}.{name}": getattr(item, name) for name in item.LAYOUT}


def from_arrays(cls, arrays, prefix, sizes):
    """A `cls` from a file's arrays.

    Parameters
    ----------
    cls : type
        With KIND, LAYOUT and `check`.
    arrays : dict of str to ndarray
    prefix : str
    sizes : dict of str to int
        Lengths that are known; those found are added.

    Raises
    ------
    InputError
        If an array is missing, of another dtype or shape, not finite, or out of range; the message
        names it.
    """
    fields = {}
    for name, (dtype, *dimensions) in cls.LAYOUT.items():
        key = f"{prefix}.{name}"
        if key not in arrays:
            raise InputError(f"array {key} is missing")
        array = arrays[key]
        if array.dtype != np.dtype(dtype):
            raise InputError(f"array {key} has dtype {array.dtype}, not {np.dtype(dtype)}")
        if array.ndim != len(dimensions):
            raise InputError(f"array {key} has {array.ndim} dimensions, not {len(dimensions)}")
        for length, dimension in zip(array.shape, dimensions, strict=True):
            wanted = length if dimension is None else dimension
            if isinstance(dimension, str):
                wanted = sizes.setdefault(dimension, length)
            if length != wanted or not 0 < length <= _MAX_LENGTH:
                raise InputError(f"array {key} has shape {array.shape}; expected {dimensions}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"array {key} holds numbers that are not finite")
        fields[name] = np.ascontiguousarray(array)
    item = cls(**fields)
    try:
        item.check(sizes)
    except InputError as error:
        raise InputError(f"{prefix}: {error}") from error
    return item
