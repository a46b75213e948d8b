"""The exceptions for errors that a user can fix, and checks of arguments."""

from numbers import Integral, Real


class InputError(ValueError):
    """Wrong input from the user: a file, an array or an option.

    The message is one sentence or two that name the offending thing and say what to do about it;
    the command line prints it as it is and exits with code 1.
    """


class NoOpenCV(ImportError):
    """OpenCV cannot be imported; the message is one sentence with the remedy."""

    @classmethod
    def caused_by(cls, error):
        """The same error with a remedy; None where `error` has nothing to do with OpenCV.

        Parameters
        ----------
        error : ImportError
        """
        if isinstance(error, cls):
            return error
        if isinstance(error, ModuleNotFoundError) and error.name == "cv2":
            text = "OpenCV is not installed; run: pip install opencv-python-headless"
        elif error.name == "cv2" or _raised_in("cv2", error.__traceback__):
            text = (
                f"OpenCV cannot be imported ({error}); install the system library named here, or "
                "the OpenCV that needs none: pip uninstall -y opencv-python && pip install "
                "--force-reinstall --no-deps opencv-python-headless"
            )
        else:
            return None
        return cls(" ".join(text.split()), name="cv2")


def _raised_in(package, traceback):
    """Whether an error passed through a module of a package."""
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__") or ""
        if name.partition(".")[0] == package:
            return True
        traceback = traceback.tb_next
    return False


def require_range(name, value, low, high):
    """Raise InputError unless `value` is a number with ``low <= value <= high``; NaN is refused."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} must be a number from {low} to {high}, not {value!r}")
    if not low <= value <= high:
        raise InputError(f"{name} must be {low} to {high}, not {value!r}")


def require_count(name, value, low, high):
    """Raise InputError unless `value` is a whole number with ``low <= value <= high``.

    2.0 and True are refused: where a count is expected they are probably a mistake.
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
