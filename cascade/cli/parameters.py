"""``cascade train METHOD --parameters``: the parameters of a method, from their docstrings."""

import inspect
import re
from functools import cache
from typing import NamedTuple

_REFERENCE = re.compile(r"As in `([\w.]+)`")
# A full stop before a capital: "Eq. 8" ends no sentence.
_END_OF_SENTENCE = re.compile(r"\.\s+(?=[A-Z`])")


class Documented(NamedTuple):
    """A parameter as a docstring has it."""

    kind: str
    """Its type in words, such as ``int, optional``."""
    meaning: str
    """The first sentence on it."""


@cache
def documented(cls):
    """The parameters in the numpydoc docstring of a class, by name.

    Where it says ``As in `X```, the docstring of X is read. Parameters of parameters are those of
    the docstrings of their classes: ask for them by ``type(value)``.

    Parameters
    ----------
    cls : type

    Returns
    -------
    dict of str to Documented

    Examples
    --------
    >>> from cascade import ERT
    >>> documented(ERT)["depth"]
    Documented(kind='int', meaning='Levels of splits of a tree')
    >>> documented(ERT)["test_starts"].meaning
    'Starts that `predict` takes the median of, 1 to 16'
    """
    found = {}
    for names, kind, text in _entries(inspect.getdoc(cls) or ""):
        reference = _REFERENCE.match(text)
        theirs = documented(_class(reference.group(1))) if reference else {}
        own = Documented(kind, _END_OF_SENTENCE.split(text)[0].rstrip("."))
        found |= {name: theirs.get(name, own) for name in names}
    return found


def _entries(text):
    """Names, type and description of each entry of the section on parameters."""
    section = text.partition("Parameters\n----------\n")[2]
    section = re.split(r"\n\S.*\n-{3,}\n", section)[0]
    # Names that fill more than a line go on in the next one.
    section = re.sub(r"^(\S.*,)\n(?=\S)", r"\1 ", section, flags=re.MULTILINE)
    for entry in re.split(r"\n(?=\S)", section):
        head, _, body = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        yield [name.strip() for name in names.split(",")], kind.strip(), " ".join(body.split())


def _class(name):
    """A class by the name that docstrings call it."""
    import cascade

    from ..stages.registry import find

    return find(name) if "." in name else getattr(cascade, name)


def documented_parameters(model):
    """All parameters of a model, those of its parameters as ``starts.n``.

    Parameters
    ----------
    model : BaseCascade

    Returns
    -------
    list of (str, object, Documented)
        Name, value and documentation, in the order of the docstring.
    """
    docs, found = documented(type(model)), []
    values = model.get_params(deep=False)
    for name in sorted(values, key=[*docs, *values].index):
        value = values[name]
        if hasattr(value, "get_params"):
            for inner, theirs, doc in documented_parameters(value):
                found.append((f"{name}.{inner}", theirs, doc))
        else:
            found.append((name, value, docs.get(name, Documented("", ""))))
    return found


def show(method):
    """Print the parameters of a method, its presets, and what dlib and OpenCV call them."""
    from data_tools.augment import AUGMENTATIONS

    from ..methods import METHODS
    from ..methods.other_names import OTHER_NAMES
    from .common import say

    cls = METHODS[method]
    say(f"Parameters of {method}, for --set NAME=VALUE", style="bold")
    _table(
        (name, repr(value), doc.meaning.replace("`", ""))
        for name, value, doc in documented_parameters(cls())
    )
    say()
    say("Parameters of --augment, for --set NAME=VALUE", style="bold")
    _table(
        (f"augment.{name}.{parameter}", repr(value), doc.meaning.replace("`", ""))
        for name, recipe in AUGMENTATIONS.items()
        for parameter, value, doc in documented_parameters(recipe())
    )
    say()
    say("Presets, for --preset NAME", style="bold")
    _table((name, _settings(cls(), changed)) for name, changed in cls.PRESETS.items())
    say()
    rows = [(n, row) for n, rows in OTHER_NAMES.items() for row in rows if method in row.methods]
    say("Names of dlib and OpenCV that --set understands", style="bold")
    _table(
        (name, row.parameter, f"{row.library}{row.remark and ': '}{row.remark}")
        for name, row in rows
        if row.parameter
    )
    say()
    say("Names of dlib and OpenCV without a counterpart here", style="bold")
    _table((name, row.remark) for name, row in rows if not row.parameter)


def _settings(model, changed):
    """The settings of a preset that differ from the defaults, in the form of --set."""
    found = []
    for name, value in changed.items():
        if not hasattr(value, "get_params"):
            found.append(f"{name}={value!r}")
            continue
        plain = getattr(model, name).get_params()
        found += [f"{name}.{k}={v!r}" for k, v in value.get_params().items() if v != plain[k]]
    return ", ".join(found) or "the defaults above"


def _table(rows):
    """Print columns, of which the last is wrapped."""
    from rich.table import Table
    from rich.text import Text

    from .common import terminal

    table = Table.grid(padding=(0, 2))
    for k, row in enumerate(rows := list(rows)):
        if not k:
            for last in range(len(row)):
                table.add_column(overflow="fold", no_wrap=last == 0)
        table.add_row(*map(Text, row))
    terminal().print(table)
