"""The exception every room raises for wrong input."""


class InputError(ValueError):
    """Wrong input from the user: a file, an array or an option.

    The message is one sentence or two that name the offending thing and say what to do about it;
    the command line prints it as it is and exits with code 1.
    """


def require_range(name, value, low, high):
    """Raise InputError unless ``low <= value <= high``; NaN is outside."""
    if not low <= value <= high:
        raise InputError(f"{name} must be {low} to {high}, not {value!r}")
