"""Parameters of recipes and methods with scikit-learn's interface, without importing it.

scikit-learn takes half a second to import and prediction needs nothing of it. Its functions
(`clone`, `GridSearchCV`, …) ask an estimator only for what `Parameters` offers.
"""

import inspect
from copy import copy
from functools import lru_cache

from .errors import InputError


@lru_cache(maxsize=256)
def _names(cls):
    parameters = inspect.signature(cls.__init__).parameters.values()
    return tuple(sorted(p.name for p in parameters if p.name != "self"))


@lru_cache(maxsize=256)
def _defaults(cls):
    """Parameters of a new object, or none where the class cannot be made without arguments."""
    try:
        return vars(cls())
    except TypeError:
        return {}


class Parameters:
    """Base class with scikit-learn's parameters: every argument is an attribute of the same name.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(eq=False, repr=False)
    ... class Patch(Parameters):
    ...     half: float = 0.1
    ...     n_cells: int = 3
    >>> Patch(n_cells=2).set_params(half=0.2)
    Patch(half=0.2, n_cells=2)
    """

    @classmethod
    def _get_param_names(cls):
        return list(_names(cls))

    def get_params(self, deep=True):
        """Parameters by name.

        Parameters
        ----------
        deep : bool
            Whether to add the parameters of parameters, as ``starts__n``.

        Returns
        -------
        dict
        """
        found = {}
        for name in _names(type(self)):
            value = found[name] = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                found |= {f"{name}__{key}": v for key, v in value.get_params().items()}
        return found

    def set_params(self, **params):
        """Set parameters; ``starts__n=5`` sets a parameter of a parameter.

        The nested object is copied first, since other objects and the presets may share it.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If there is no parameter of that name; the message lists those there are.
        """
        # Whole parameters come before their parts, `starts` before `starts__n`.
        for key, value in sorted(params.items(), key=lambda item: "__" in item[0]):
            name, _, rest = key.partition("__")
            if name not in _names(type(self)):
                raise InputError(
                    f"{type(self).__name__} has no parameter {name!r}; "
                    f"it has {', '.join(_names(type(self)))}"
                )
            if not rest:
                setattr(self, name, value)
                continue
            part = copy(getattr(self, name))
            if not hasattr(part, "set_params"):
                raise InputError(
                    f"parameter {name!r} of {type(self).__name__} has no parameters of its own: "
                    f"{key}"
                )
            setattr(self, name, part.set_params(**{rest: value}))
        return self

    def __repr__(self):
        """The parameters that are not the defaults."""
        defaults = _defaults(type(self))
        changed = []
        for name in inspect.signature(type(self).__init__).parameters:
            if name == "self":
                continue
            text = repr(getattr(self, name))
            if name not in defaults or text != repr(defaults[name]):
                changed.append(f"{name}={text}")
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_html_(self):
        """A table of the parameters for notebooks; those that are not the defaults stand out."""
        from .html_table import parameters_as_html

        return parameters_as_html(self, _defaults(type(self)))

    def __sklearn_tags__(self):
        # Asked for by scikit-learn alone, so it is imported already.
        from sklearn.base import BaseEstimator

        return BaseEstimator().__sklearn_tags__()
