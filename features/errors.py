"""The exception every room raises for wrong input, and checks of single arguments."""

from numbers import Integral, Real


class InputError(ValueError):
    """Wrong input from the user: a file, an array or an option.

    The message is one sentence or two that name the offending thing and say what to do about it;
    the command line prints it as it is and exits with code 1.
    """


def require_range(name, value, low, high):
    """Raise InputError unless `value` is a number with ``low <= value <= high``; NaN is not."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} must be a number from {low} to {high}, not {value!r}")
    if not low <= value <= high:
        raise InputError(f"{name} must be {low} to {high}, not {value!r}")


def require_count(name, value, low, high):
    """Raise InputError unless `value` is a whole number with ``low <= value <= high``.

    2.0 and True are not whole numbers here: they hint at a mistake.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    if not low <= value <= high:
        raise InputError(f"{name} must be {low} to {high}, not {value!r}")


def require_flag(name, value):
    """Raise InputError unless `value` is True or False."""
    # numpy's own bool is no subclass of Python's.
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        raise InputError(f"{name} must be True or False, not {value!r}")
