"""Parameters of a method from the command line: presets and ``--set name=value``."""

import ast
import difflib
import re
from copy import deepcopy

import typer

from ..methods.other_names import other_name
from .common import warn
from .parameters import documented

_HINT = "--set"


def configured(method, preset, assignments, **run):
    """An untrained model with a preset of the method and the user's settings.

    Parameters
    ----------
    method : type
        A class of `cascade.METHODS`.
    preset : str
        A key of its PRESETS.
    assignments : list of str
        ``name=value``; ``starts.n=5`` sets a parameter of a parameter. Names may be dlib's or
        OpenCV's, see `cascade.methods.other_names`; what they become is printed.
    **run
        Further parameters, such as `n_jobs`.

    Raises
    ------
    typer.BadParameter
        For a preset, a name or a value that the method does not have.
    """
    if preset not in method.PRESETS:
        raise typer.BadParameter(
            f"{preset!r}; choose one of {', '.join(method.PRESETS)}", param_hint="--preset"
        )
    model = deepcopy(method(**method.PRESETS[preset], **run))
    for assignment in assignments:
        assign(model, assignment)
    return model


def assign(model, assignment):
    """Set one parameter.

    Parameters
    ----------
    model : Parameters
        A method, or a recipe of `data_tools.augment`.
    assignment : str
        As of `configured`.

    Raises
    ------
    typer.BadParameter
        As `configured`.
    """
    name, equals, text = assignment.partition("=")
    name = name.strip().replace(".", "__")
    if not equals:
        raise typer.BadParameter(f"{assignment!r}; write name=value", param_hint=_HINT)
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        value = text.strip()
    known = model.get_params()
    if name not in known:
        name, value = _translated(model, name, value, text.strip())
    problem = _mismatch(value, known[name], _kind(model, name))
    if problem:
        raise typer.BadParameter(
            f"{name.replace('__', '.')} must be {problem}, not {text.strip()!r}", param_hint=_HINT
        )
    whole = isinstance(value, int) and not isinstance(value, bool)
    model.set_params(**{name: float(value) if isinstance(known[name], float) and whole else value})


def _translated(model, name, value, text):
    """Our name and value of the parameter that another library calls `name`; reported on stderr."""
    other = other_name(name, model.method) if hasattr(model, "method") else None
    if other is None:
        known = model.get_params()
        near = difflib.get_close_matches(name, known, 1)
        names = near or [k for k in known if not hasattr(known[k], "get_params")]
        raise typer.BadParameter(
            f"{type(model).__name__} has no parameter {name!r}; "
            f"{'did you mean' if near else 'it has'} {', '.join(names).replace('__', '.')}",
            param_hint=_HINT,
        )
    if other.parameter is None:
        raise typer.BadParameter(
            f"{name} ({other.library}) is no parameter of {model.method}: {other.remark}",
            param_hint=_HINT,
        )
    if other.convert is not None:
        try:
            value = other.convert(value)
        except TypeError:
            raise typer.BadParameter(
                f"{name}={text} cannot become {other.parameter} ({other.remark}); give it as "
                f"{other.library} has it, or set {other.parameter}",
                param_hint=_HINT,
            ) from None
    remark = f" ({other.remark})" if other.remark else ""
    warn(f"{name}={text} ({other.library}) is {other.parameter}={value} here{remark}")
    return other.parameter.replace(".", "__"), value


def _kind(model, name):
    """The type of a parameter in the words of its docstring."""
    first, _, rest = name.partition("__")
    if rest:
        return _kind(getattr(model, first), rest)
    doc = documented(type(model)).get(first)
    return doc.kind if doc else ""


def _mismatch(value, default, kind=""):
    """The type that a value must have in place of `default`, in words; None if it fits.

    `kind` tells, as the docstring does, what else a parameter may be: None ("optional"), one of
    some words, or several numbers ("sequence").
    """
    words = re.findall(r'"([\w-]+)"', kind)
    several = "sequence" in kind
    if several and isinstance(value, tuple | list):
        what = f"in brackets, some of {', '.join(words)}" if words else "numbers in brackets"
        gaps = "or None" in kind
        return None if _is_several(value, words, gaps) else what
    if several and isinstance(default, tuple) and not kind.startswith("float,"):
        return f"in brackets, some of {', '.join(words)}" if words else "numbers in brackets"
    if (value is None and "optional" in kind) or (isinstance(value, str) and value in words):
        return None
    if kind.startswith("{"):
        return f"one of {', '.join(words)}"
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "True or False"
    if isinstance(default, int) or (default is None and kind.startswith("int, optional")):
        least = 1 if default is None else min(default, 1)
        right = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return None if right else f"a whole number from {least}"
    if isinstance(default, float) or kind.startswith("float,"):
        return None if _is_number(value) else "a number from 0"
    if isinstance(default, tuple):
        right = isinstance(value, tuple | list) and len(value) == len(default)
        right = right and not any(_mismatch(v, d) for v, d in zip(value, default, strict=True))
        return None if right else f"{len(default)} numbers in brackets"
    if hasattr(default, "get_params"):
        return "set by its own parameters, as in starts.n=5"
    return None


def _is_number(value):
    right = isinstance(value, int | float) and not isinstance(value, bool)
    return right and 0 <= value < float("inf")


def _is_several(value, words, gaps):
    """Whether something is several numbers or words, or several such tuples to choose among; with
    `gaps`, None may stand among them."""
    inner = [v for part in value for v in (part if isinstance(part, tuple | list) else [part])]
    return bool(inner) and all(_is_number(v) or v in words or (gaps and v is None) for v in inner)
