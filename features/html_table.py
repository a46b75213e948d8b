"""Parameters of recipes and methods as HTML, for notebooks."""

from html import escape

_STYLE = (
    "<style>.cascade-parameters{font-family:sans-serif;font-size:90%}"
    ".cascade-parameters summary{cursor:pointer;font-weight:bold}"
    ".cascade-parameters td{text-align:left;padding:1px 10px;font-family:monospace}"
    ".cascade-parameters tr.changed td{font-weight:bold}</style>"
)


def parameters_as_html(thing, defaults):
    """A table of the parameters of an object; a click on its title folds it up.

    Parameters
    ----------
    thing : Parameters
        If it is a trained model, its numbers of landmarks and stages and its notes are shown too.
    defaults : dict
        Values of a new object; parameters that differ from them come first, in bold.

    Returns
    -------
    str

    Examples
    --------
    >>> from features.pixels import Pixels
    >>> html = parameters_as_html(Pixels(n_points=7), {"n_points": 400, "padding": 0.1})
    >>> '<tr class="changed"><td>n_points</td><td>7</td></tr>' in html
    True
    """
    rows = []
    for name, value in thing.get_params(deep=False).items():
        text = repr(value)
        changed = name not in defaults or text != repr(defaults[name])
        rows.append((not changed, name, text))
    body = "".join(_row(name, text, "" if same else "changed") for same, name, text in sorted(rows))
    title = type(thing).__name__ + _trained(thing)
    notes = getattr(thing, "notes_", None) or {}
    card = "".join(_row(name, str(text)) for name, text in notes.items())
    card = f"<details><summary>Notes</summary><table>{card}</table></details>" if card else ""
    return (
        f'{_STYLE}<div class="cascade-parameters"><details open><summary>{escape(title)}</summary>'
        f"<table>{body}</table>{card}</details></div>"
    )


def _row(name, text, kind=""):
    mark = f' class="{kind}"' if kind else ""
    return f"<tr{mark}><td>{escape(name)}</td><td>{escape(text)}</td></tr>"


def _trained(thing):
    """What to add to the title of a trained model."""
    stages = getattr(thing, "stages_", None)
    scheme = getattr(thing, "scheme_", None)
    if not stages or scheme is None:
        return ""
    return f", trained: {len(stages)} stages, {scheme.n_points} landmarks"
