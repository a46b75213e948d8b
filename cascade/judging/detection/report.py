"""Writes the results of detectors: JSON, a table, and a figure of the curves."""

import csv
import io
import json
from pathlib import Path

from data_tools.files import replace_file
from data_tools.plots import COLOURS, DASHES, FORMATS
from data_tools.scenes import CONVENTIONS, KINDS

from ... import __version__
from ..compare.runner import machine
from . import tables
from .curves import wrong_elsewhere

#: What `write_report` writes into its folder.
FIGURES = tuple(f"detectors{suffix}" for suffix in FORMATS)
FILES = ("detectors.json", "detectors.csv", *FIGURES)
# Wrong boxes an image at which the curves end.
_MOST_WRONG = 1.0


def write_report(judgement, folder):
    """Write the table, the settings of the evaluation, and the curves.

    Parameters
    ----------
    judgement : Judgement
    folder : str or Path
        Must exist; `FILES` in it are replaced.

    Returns
    -------
    list of (Path, str)
        Each file and what it is.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    folder, rows = Path(folder), tables.rows(judgement)
    content = json.dumps(summary(judgement, rows), indent=1, allow_nan=False) + "\n"
    written = [
        (folder / "detectors.json", content.encode(), "the table, the curves, the corrections"),
        (folder / "detectors.csv", _csv(rows), "the table"),
    ]
    for path, data, _ in written:
        replace_file(path, data)
    figures = [folder / name for name in FIGURES] if any(s.n_faces for s in judgement.sets) else []
    for path in figures:
        replace_file(path, _figure(judgement, path.suffix[1:]))
    return [(path, what) for path, _, what in written] + [
        (path, "recall against wrong boxes an image") for path in figures
    ]


def summary(judgement, rows):
    """All figures as plain values, for JSON."""
    fits = [
        {"detector": label, "convention": convention, "fit": fit and fit.to_dict()}
        for (label, convention), fit in judgement.fits.items()
    ]
    curves = [
        {"set": scenes.name, "detector": peer.label, **_points(judgement.curve(k, peer.label))}
        for k, scenes in enumerate(judgement.sets)
        for peer in judgement.peers
    ]
    return {
        "version": __version__,
        "machine": machine(),
        "overlap": judgement.overlap,
        "kinds": {scenes.name: KINDS[scenes.kind] for scenes in judgement.sets},
        "annotated_boxes": {
            scenes.name: CONVENTIONS[scenes.convention]
            for scenes in judgement.sets
            if scenes.n_faces
        },
        "corrections": fits,
        "corrections_measured_on": judgement.measured_on,
        "rows": rows,
        "curves": curves,
    }


def _points(curve):
    return {
        "thresholds": [round(float(t), 6) for t in curve.thresholds],
        "right": curve.right.tolist(),
        "wrong": curve.wrong.tolist(),
    }


def _csv(rows):
    """One line per row; recall by size, and at given rates of wrong boxes, in separate columns."""
    flat = []
    for row in rows:
        line = {k: v for k, v in row.items() if not isinstance(v, dict)}
        line |= {f"recall_at_{w}": value for w, value in row["recall_at"].items()}
        for name in tables.size_names():
            line[f"recall_{name}"] = row["by_size"].get(name, {}).get("recall")
        flat.append(line)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue().encode()


def _figure(judgement, form):
    """A panel for each set with faces: recall against wrong boxes per image."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sets = [k for k, scenes in enumerate(judgement.sets) if scenes.n_faces]
    columns = min(len(sets), 3)
    n_rows = -(-len(sets) // columns)
    figure = Figure(figsize=(3.6 * columns + 1.8, 3.2 * n_rows), layout="constrained")
    FigureCanvasAgg(figure)
    for place, k in enumerate(sets, 1):
        axes = figure.add_subplot(n_rows, columns, place)
        for j, peer in enumerate(judgement.peers):
            x, recall = _line(judgement, k, peer.label)
            style = {"color": COLOURS[j % len(COLOURS)], "linestyle": DASHES[j % len(DASHES)]}
            axes.step(x, 100 * recall, where="post", linewidth=1.8, label=peer.label, **style)
            axes.plot(x[-1:], 100 * recall[-1:], "o", color=style["color"], markersize=4)
        scenes = judgement.sets[k]
        axes.set(
            xlim=(-0.01 * _MOST_WRONG, _MOST_WRONG), ylim=(0, 100),
            title=f"{scenes.name}: {scenes.n_faces} faces", ylabel="Faces found (%)",
            xlabel=f"Wrong boxes an image{_where(judgement, k)}",
        )  # fmt: skip
        axes.title.set_fontsize(9)
        axes.grid(color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", edgecolor="none",
                  fontsize=8.5)  # fmt: skip
    data = io.BytesIO()
    with rc_context({"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "detectors"}):
        figure.savefig(data, format=form, dpi=160)
    return data.getvalue()


def _empty(judgement, k):
    """The set without faces on which wrong boxes are counted for set `k`; None for its own.

    Photographs with one annotated face may show other faces, and finding those is not wrong.
    """
    if judgement.sets[k].kind != "crops":
        return None
    return next((j for j, s in enumerate(judgement.sets) if s.kind == "backgrounds"), None)


def _where(judgement, k):
    j = _empty(judgement, k)
    return "" if j is None else f" of {judgement.sets[j].name}"


def _line(judgement, k, label):
    """Wrong boxes an image and recall of a detector, from none on."""
    import numpy as np

    found, j = judgement.curve(k, label), _empty(judgement, k)
    wrong = found.wrong_per_image
    if j is not None:
        wrong = wrong_elsewhere(found, judgement.curve(j, label))
    return np.append(0, wrong), np.append(0, found.recall)
