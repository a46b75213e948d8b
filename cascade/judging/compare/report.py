"""Writes the results of a comparison: tables, figures, and a page."""

import csv
import io
import json
from pathlib import Path

import numpy as np

from data_tools.cells import guarded
from data_tools.files import replace_file
from data_tools.metrics import UNITS
from data_tools.plots import FORMATS, plot_ced

from ... import __version__
from . import tables
from .page import render
from .runner import facts, machine

# What `write_report` writes into its folder.
FIGURES = tuple(f"ced{suffix}" for suffix in FORMATS)
FILES = ("table.csv", "table.tex", "faces.csv", "comparison.json", "report.html", *FIGURES)


def write_report(comparison, folder, seed=0):
    """Write the table, the errors of every face, the CED figure and the page.

    Parameters
    ----------
    comparison : Comparison
    folder : str or Path
        Must exist; `FILES` in it are replaced.
    seed : int
        Of the bootstrap.

    Returns
    -------
    list of (Path, str)
        Each file and what it is.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    folder = Path(folder)
    summary = {
        "version": __version__,
        "machine": machine(),
        "normalizer": comparison.kind,
        "scheme": comparison.faces.scheme.name,
        "n_faces": len(comparison.faces),
        "without_box": len(comparison.without_box),
        "seconds": comparison.seconds,
        "overhead": comparison.overhead,
        "points": {p.name: p.label for p in comparison.point_sets},
        "rows": tables.rows(comparison, seed),
        "pairs": tables.pairs(comparison, seed),
        "problems": {r.label: r.problem for r in comparison.results if r.problem},
    }
    written = [
        (folder / "table.csv", _csv(summary["rows"]), "the table"),
        (folder / "table.tex", tables.latex(summary["rows"]).encode(), "the table for LaTeX"),
        (folder / "faces.csv", _csv(_faces(comparison)), "error and time of every face"),
        (
            folder / "comparison.json",
            json.dumps(summary, indent=1).encode() + b"\n",
            "the table, the paired tests and how they came about",
        ),
        (
            folder / "report.html",
            render(comparison, summary).encode(),
            "all of it to look at, in a browser",
        ),
    ]
    for path, data, _ in written:
        replace_file(path, data)
    figures = [folder / name for name in FIGURES]
    _plot(comparison, figures)
    return [(path, what) for path, _, what in written] + [
        (path, "share of faces below each error") for path in figures
    ]


def _plot(comparison, paths):
    points = comparison.point_sets[0]
    lost = np.full(len(comparison.without_box), np.inf)
    errors = {
        result.label: np.append(comparison.errors(result, points), lost)
        for result in comparison.rivals(points)
    }
    errors = {label: values for label, values in errors.items() if not np.isnan(values).all()}
    unit = UNITS[comparison.kind]
    for path in paths if errors else ():
        plot_ced(
            errors,
            path,
            threshold=tables.THRESHOLD,
            title=f"{len(comparison.faces)} faces, {points.n_points} points",
            xlabel=f"Normalised mean error (% of the {unit})",
        )


def _faces(comparison):
    """A row for each face: its properties, and the error and milliseconds of each model."""
    columns = {"image": comparison.faces.files} | facts(comparison.faces)
    for points in comparison.point_sets:
        for result in comparison.rivals(points):
            name = f"{result.label}: error of {points.name}"
            columns[name] = comparison.errors(result, points)
    for result in comparison.results:
        columns[f"{result.label}: ms"] = result.seconds * 1e3
    names = list(columns)
    return [
        {name: _rounded(value) for name, value in zip(names, values, strict=True)}
        for values in zip(*columns.values(), strict=True)
    ]


def _rounded(value):
    return value if isinstance(value, str) else float(f"{value:.6g}")


def _csv(rows):
    """Rows as csv; texts are guarded against spreadsheet formulas, numbers are not."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(guarded, rows[0]))
    writer.writerows(
        [guarded(value) if isinstance(value, str) else value for value in row.values()]
        for row in rows
    )
    return text.getvalue().encode()
