"""Any Python function ``f(image, box) -> points`` as a model."""

import importlib
import sys
from pathlib import Path

from features.errors import InputError


def load(spec):
    """The function that ``python:module:function`` names.

    The module is imported, so it runs: name only code that you trust. The current folder is
    searched too. ``points=`` says what the function finds, 68 without it; attributes of the
    function called `points`, `seen`, `about` and `n_bytes` are taken over.
    """
    module, colon, name = spec.target.rpartition(":")
    if not colon or not module or not name:
        raise InputError(f"{spec.text}: write python:module:function")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        function = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise InputError(f"{spec.text}: cannot import {module} ({error})") from error
    finally:
        sys.path.remove(here)
    if not callable(function):
        raise InputError(f"{spec.text}: {module} has no function {name!r}")
    return _Function(function, spec.take("points", getattr(function, "points", 68)))


class _Function:
    def __init__(self, function, points):
        self.points = points
        self.n_bytes = getattr(function, "n_bytes", None)
        self.seen = getattr(function, "seen", "")
        self.about = getattr(function, "about", "a Python function")
        self.function = function

    def __call__(self, image, box):
        return self.function(image, box)
