"""Parameters of a method from the command line: presets and ``--set name=value``."""

import ast
import difflib
from copy import deepcopy

import typer

_HINT = "--set"


def configured(method, preset, assignments, **run):
    """An untrained model: the method's preset, then what the user sets.

    Parameters
    ----------
    method : type
        A class of `cascade.METHODS`.
    preset : str
        A key of its PRESETS.
    assignments : list of str
        ``name=value``; ``starts.n=5`` sets a parameter of a parameter.
    **run
        Parameters that are no part of the recipe, such as `n_jobs`.

    Raises
    ------
    typer.BadParameter
        For a preset, a name or a value that the method does not have.
    """
    if preset not in method.PRESETS:
        raise typer.BadParameter(
            f"{preset!r} is none of {', '.join(method.PRESETS)}", param_hint="--preset"
        )
    model = deepcopy(method(**method.PRESETS[preset], **run))
    for assignment in assignments:
        _assign(model, assignment)
    return model


def _assign(model, assignment):
    name, equals, text = assignment.partition("=")
    name = name.strip().replace(".", "__")
    if not equals:
        raise typer.BadParameter(f"{assignment!r} is not name=value", param_hint=_HINT)
    known = model.get_params()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        names = near or [k for k in known if not hasattr(known[k], "get_params")]
        raise typer.BadParameter(
            f"{type(model).__name__} has no parameter {name!r}; "
            f"{'did you mean' if near else 'it has'} {', '.join(names).replace('__', '.')}",
            param_hint=_HINT,
        )
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        value = text.strip()
    problem = _mismatch(value, known[name])
    if problem:
        raise typer.BadParameter(
            f"{name.replace('__', '.')} must be {problem}, not {text.strip()!r}", param_hint=_HINT
        )
    model.set_params(**{name: float(value) if isinstance(known[name], float) else value})


def _mismatch(value, default):
    """What a value must be to stand for `default`, in words; None if it is that."""
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "True or False"
    if isinstance(default, int):
        least = min(default, 1)
        right = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return None if right else f"a whole number from {least}"
    if isinstance(default, float):
        right = isinstance(value, int | float) and not isinstance(value, bool)
        return None if right and 0 <= value < float("inf") else "a number from 0"
    if isinstance(default, tuple):
        right = isinstance(value, tuple | list) and len(value) == len(default)
        right = right and not any(_mismatch(v, d) for v, d in zip(value, default, strict=True))
        return None if right else f"{len(default)} numbers in brackets"
    if hasattr(default, "get_params"):
        return "set by its own parameters, as in starts.n=5"
    return None
