"""Parameters of recipes and methods as HTML, for notebooks."""

from html import escape

_STYLE = (
    "<style>.cascade-parameters{font-family:sans-serif;font-size:90%}"
    ".cascade-parameters .title{font-weight:bold}"
    ".cascade-parameters summary{cursor:pointer}"
    ".cascade-parameters table{margin:2px 0 4px 0}"
    ".cascade-parameters td{text-align:left!important;padding:1px 10px;"
    "font-family:monospace}</style>"
)


def parameters_as_html(thing, defaults):
    """The parameters of an object as tables: the changed ones, and folded up the others.

    Parameters
    ----------
    thing : Parameters
        If it is a trained model, its numbers of landmarks and stages and its notes are shown too.
    defaults : dict
        Values of a new object; parameters that differ from them are shown unfolded.

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
    changed, same = [], []
    for name, value in sorted(thing.get_params(deep=False).items()):
        text = repr(value)
        if name not in defaults or text != repr(defaults[name]):
            changed.append(_row(name, text, "changed"))
        else:
            same.append(_row(name, text))
    notes = getattr(thing, "notes_", None) or {}
    card = [_row(name, str(text)) for name, text in notes.items()]
    title = escape(type(thing).__name__ + _trained(thing))
    return (
        f'{_STYLE}<div class="cascade-parameters"><div class="title">{title}</div>'
        f"{_table(changed)}{_folded('Parameters with default values', same)}"
        f"{_folded('Notes', card)}</div>"
    )


def _table(rows):
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _folded(title, rows):
    if not rows:
        return ""
    return f"<details><summary>{title} ({len(rows)})</summary>{_table(rows)}</details>"


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
