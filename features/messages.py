"""Arrays and scalars as messages between the members of a training, without pickle.

A message is made of what msgpack and JSON know, and bytes: numbers, text, lists, and for arrays
their dtype, shape and bytes. What arrives is checked before an array is made of it.
"""

import numpy as np

_SCALARS = (bool, int, float, str, bytes, type(None))
# Kinds of dtype that may be sent: booleans, integers and floats.
_KINDS = "biuf"


def tidy(value):
    """`value` with every array C-contiguous, as it would arrive in a message.

    Parameters
    ----------
    value : ndarray, scalar, text or None, or a dict, tuple or list of such

    Raises
    ------
    TypeError
        If something else is in it; a NamedTuple counts as something else.
    """
    if isinstance(value, np.ndarray):
        _check(value.dtype)
        return np.asarray(value, order="C")
    if type(value) in (list, tuple):
        return type(value)(tidy(item) for item in value)
    if type(value) is dict:
        return {key: tidy(item) for key, item in value.items()}
    if not isinstance(value, (*_SCALARS, np.generic)):
        raise TypeError(f"members of a training cannot be sent a {type(value).__name__}")
    return value


def to_message(value):
    """The message that `from_message` makes the same value of.

    Parameters
    ----------
    value
        As of `tidy`.

    Examples
    --------
    >>> to_message((1, np.array([2], np.uint8)))
    {'tuple': [1, {'dtype': '|u1', 'shape': [1], 'data': b'\\x02'}]}
    """
    value = tidy(value)
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "shape": list(value.shape), "data": value.tobytes()}
    if isinstance(value, np.generic):
        _check(value.dtype)
        return {"dtype": value.dtype.str, "data": value.tobytes()}
    if type(value) is tuple:
        return {"tuple": [to_message(item) for item in value]}
    if type(value) is list:
        return [to_message(item) for item in value]
    if type(value) is dict:
        return {"dict": [[to_message(key), to_message(item)] for key, item in value.items()]}
    return value


def from_message(message):
    """The value in a message; arrays are writable copies.

    Raises
    ------
    ValueError
        If the message is not what `to_message` makes.
    """
    if isinstance(message, list | tuple):
        return [from_message(item) for item in message]
    if not isinstance(message, dict):
        return message
    try:
        if "tuple" in message:
            return tuple(from_message(item) for item in message["tuple"])
        if "dict" in message:
            return {from_message(key): from_message(item) for key, item in message["dict"]}
        dtype = np.dtype(message["dtype"])
        _check(dtype)
        shape = tuple(message.get("shape", ()))
        array = np.frombuffer(message["data"], dtype).reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"a message between members is damaged ({error})") from error
    return array.copy() if "shape" in message else array[()]


def _check(dtype):
    if dtype.kind not in _KINDS:
        raise TypeError(f"members of a training cannot be sent arrays of {dtype}")
