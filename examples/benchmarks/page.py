"""Writes a page of measurements, Markdown with plots, from a JSON file.

    python examples/benchmarks/page.py
    python examples/benchmarks/page.py docs/measurements.json --out docs/benchmarks.md

The page of the documentation, docs/benchmarks.md, is written from docs/measurements.json: change
the JSON file, never the page. all.py writes its page with the same functions.

The JSON file is an object with `title`, `text`, `runs` and `sections`. A run has the `command` that
was executed, the `machine`, and its `load` at that time, null if it was not noted. A section has a
`title` and `parts`. A part is a `text`, a table (`columns` and `rows`) or a `plot`, and names its
`run`; rows of a table, which are objects with `cells`, may name their own. A plot has a `title` and
a `file`, and either `values` (numbers by name) for bars, or `x`, `y` and `points` (two numbers by
name) for a scatter plot. Texts are Markdown, one string or a list of lines.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from common import arguments, run  # noqa: E402

from cascade.judging.compare.specs import needed  # noqa: E402
from data_tools.files import read_text, replace_file  # noqa: E402
from features.errors import InputError  # noqa: E402

SOURCE, PAGE = ROOT / "docs" / "measurements.json", ROOT / "docs" / "benchmarks.md"
MAX_BYTES = 1 << 24


def markdown(measurements):
    """The text of the page; plots are referred to by their files."""
    lines = [f"# {measurements['title']}", "", *_lines(measurements["text"]), ""]
    runs = measurements["runs"]
    for section in measurements["sections"]:
        lines += [f"## {section['title']}", ""]
        for part in section["parts"]:
            lines += [*_part(part), ""]
            lines += _provenance(part, runs)
    return "\n".join(lines).rstrip() + "\n"


def _part(part):
    if "columns" in part:
        cells = [part["columns"], ["---"] * len(part["columns"])]
        cells += [row["cells"] for row in part["rows"]]
        return ["|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|" for row in cells]
    if "plot" in part:
        return [f"![{part['plot']['title']}]({part['plot']['file']})"]
    return _lines(part["text"])


def _lines(text):
    return [text] if isinstance(text, str) else list(text)


def _provenance(part, runs):
    """How a part was measured: a line for each of its runs, with the rows that are of it."""
    of_rows = {}
    for row in part.get("rows", []):
        of_rows.setdefault(row.get("run", part.get("run")), []).append(row["cells"][0])
    names = list(of_rows) if of_rows else [part.get("run")]
    names = [name for name in names if name is not None]
    lines = []
    most = max(names, key=lambda name: len(of_rows.get(name, ())), default=None)
    for name in names:
        conditions = runs[name]["machine"]
        if "load" in runs[name]:
            load = runs[name]["load"]
            conditions += ", load not noted" if load is None else f", load {load}"
        which = ""
        if len(names) > 1:
            which = " (the other rows)" if name == most else f" ({'; '.join(of_rows[name])})"
        lines.append(f"*`{runs[name]['command']}`: {conditions}{which}*")
    return ["\\\n".join(lines), ""] if lines else []


def draw(plot, folder):
    """Write a plot: bars on a logarithmic axis, or named points."""
    needed("matplotlib", "pip install matplotlib", "the page of benchmarks")
    from matplotlib.figure import Figure  # without pyplot: nothing is shown

    file = Path(folder, plot["file"])
    file.parent.mkdir(parents=True, exist_ok=True)
    if "points" in plot:
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        axes = figure.add_subplot()
        by_x = sorted(plot["points"].items(), key=lambda point: point[1])
        for k, (name, (x, y)) in enumerate(by_x):
            axes.plot(x, y, "o", color="tab:blue")
            beside = (
                6,
                4 if k % 2 else -9,
            )  # above and below in turn, so that names do not overlap
            axes.annotate(name, (x, y), beside, textcoords="offset points", fontsize=8)
        axes.set_xlabel(plot["x"])
        axes.set_ylabel(plot["y"])
        axes.set_xscale("log")
        axes.margins(x=0.25, y=0.1)
        axes.grid(alpha=0.3)
    else:
        values = {name: value for name, value in plot["values"].items() if value > 0}
        figure = Figure(figsize=(8, 1 + 0.28 * len(values)), layout="constrained")
        axes = figure.add_subplot()
        bar = axes.barh(list(values), list(values.values()), color="tab:blue")
        axes.bar_label(bar, fmt="%.4g", padding=3, fontsize=8)
        axes.set_xscale("log")
        axes.margins(x=0.15)
        axes.invert_yaxis()
        axes.tick_params(axis="y", labelsize=8)
    axes.set_title(plot["title"])
    figure.savefig(file, dpi=110, metadata={"Software": None})


def write(measurements, file):
    """Write the page and its plots, these in the folder of the page."""
    for section in measurements["sections"]:
        for part in section["parts"]:
            if "plot" in part:
                draw(part["plot"], Path(file).parent)
    replace_file(file, markdown(measurements).encode("utf-8"))


def main():
    parser = arguments(__doc__)
    parser.add_argument("source", nargs="?", type=Path, default=SOURCE, help="the JSON file")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page (docs/benchmarks.md)")
    options = parser.parse_args()
    try:
        measurements = json.loads(read_text(options.source, MAX_BYTES))
    except ValueError as error:
        raise InputError(f"{options.source}: not a JSON file ({error})") from error
    write(measurements, options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    run(main)
