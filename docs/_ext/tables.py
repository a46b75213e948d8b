"""Tables of the site that the code holds: model cards, options of other libraries, data sets."""

ORDER = ("name", "figures", "data", "boxes", "limits", "terms")


def _row(*cells):
    return "| " + " | ".join(" ".join(str(c).split()).replace("|", "\\|") for c in cells) + " |\n"


def _table(heads, rows):
    return _row(*heads) + _row(*["---"] * len(heads)) + "".join(_row(*row) for row in rows)


def model_cards():
    """A section for each model in the package, from the notes in its file."""
    from cascade import load
    from cascade.models import available, model_resource

    parts = []
    for name in available():
        model = load(name)
        size = len(model_resource(name).read_bytes()) / 1e6
        notes = model.notes_
        rows = [
            (key, notes[key]) for key in (*ORDER, *sorted(set(notes) - set(ORDER))) if key in notes
        ]
        rows = [(key, each) for key, each in rows if isinstance(each, str | int | float)]
        rows += [("landmarks", f"{model.scheme_.n_points} ({model.scheme_.name})")]
        rows += [("stages", len(model.stages_)), ("size", f"{size:.2f} MB")]
        rows += [("parameters", f"`{model!r}`")]
        parts.append(f'## {name}\n\n```python\nmodel = cascade.load("{name}")\n```\n\n')
        parts.append(_table(("", ""), rows) + "\n")
    return "".join(parts)


def other_names():
    """The options of dlib and OpenCV, one row for each of their counterparts."""
    from cascade import METHODS
    from cascade.methods.other_names import OTHER_NAMES

    rows = []
    for name, counterparts in OTHER_NAMES.items():
        for each in counterparts:
            every = len(each.methods) == len(METHODS)
            methods = "all methods" if every else ", ".join(each.methods)
            ours = f"`{each.parameter}`" if each.parameter else "none"
            rows.append((f"`{name}`", each.library, methods, ours, each.remark))
    return _table(("option", "of", "for", "here", "remark"), rows)


def data_sets():
    """The data sets and tools whose files are read, and the formats that are written."""
    from data_tools.readers.sources import SOURCES
    from data_tools.writers.formats import WRITERS

    read = _table(("name", "data set or tool"), [(f"`{s.name}`", s.title) for s in _each(SOURCES)])
    wrote = _table(("name", "format"), [(f"`{w.name}`", w.title) for w in _each(WRITERS)])
    return f"### Read\n\n{read}\n### Written\n\n{wrote}"


def schemes():
    """The landmark schemes with names."""
    from data_tools.schemes.published import ALL

    rows = [
        (f"`{s.name}`", s.n_points, "yes" if s.flip else "no", ", ".join(s.groups))
        for s in _each(ALL)
    ]
    return _table(("name", "points", "mirrored", "groups"), rows)


def _each(table):
    return table.values() if hasattr(table, "values") else table


def presets():
    """The presets of every method, with what each sets."""
    from cascade import METHODS

    rows = []
    for name, cls in METHODS.items():
        for preset, values in cls.PRESETS.items():
            text = ", ".join(f"{key}={value!r}" for key, value in values.items())
            rows.append((f"`{name}`", f"`{preset}`", f"`{text}`" if text else "as the class"))
    return _table(("method", "preset", "sets"), rows)


def pages():
    """Text of the tables by file name."""
    return {
        "model_cards.inc": model_cards(),
        "other_names.inc": other_names(),
        "data_sets.inc": data_sets(),
        "schemes.inc": schemes(),
        "presets.inc": presets(),
    }
