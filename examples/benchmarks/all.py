"""All benchmarks of time and cost in one command, and one page of what they found.

    python examples/benchmarks/all.py DATA --out benchmarks
    python examples/benchmarks/all.py synthetic --size tiny --only inference training

DATA is the folder that holds ``300w/`` and ``imm/``, or the word `synthetic`. Each benchmark is its
own script in this folder, run here with the options of the chosen --size, one after the other, as
anybody would run it alone; one that fails, or whose peer is not installed, is named in the page and
the others go on. The folder --out gets the JSON of each, ``all.json`` with everything, and
``README.md`` with tables and plots. The load of the machine is noted before and after each.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from common import add_data, arguments, machine, run
from page import write

from features.errors import InputError

FOLDER = Path(__file__).parent
# Options by script and size; None where a script has no run of that size.
SIZES = {
    "inference": {
        "tiny": ["--faces", "30", "--stages", "2", "--trees", "10", "--rounds", "3"],
        "small": ["--faces", "200", "--rounds", "5", "--model", "sdm68"],
        "full": ["--faces", "400", "--rounds", "9", "--model", "sdm68", "--model", "ert68"],
    },
    "training": {
        "tiny": ["--faces", "20", "--stages", "1", "--trees", "20", "--starts", "2"],
        "small": ["--faces", "200", "--stages", "2", "--share", "0.05"],
        "full": ["--share", "0.05"],
    },
    "startup": {"tiny": None, "small": ["--rounds", "3"], "full": ["--rounds", "5"]},
    "dlib_models": {"tiny": None, "small": ["--rounds", "3"], "full": ["--rounds", "9"]},
    "opencv_lbf": {"tiny": None, "small": ["--rounds", "3"], "full": ["--rounds", "9"]},
    "dense": {
        "tiny": None,
        "small": ["--points", "68", "194", "--methods", "ert", "--faces", "100", "--test", "30"],
        "full": [],
    },
    "labelling": {"tiny": None, "small": ["--faces", "30"], "full": []},
}
_NOTE = (
    "Where the load is above the number of CPUs, times are too long: CPU time a little, wall time "
    "a lot. The ratio of two times of one run changes least."
)
# Those that draw their faces themselves and take no DATA.
DRAWN = ("startup", "dense", "labelling")


def run_one(name, size, data, sets, out, limit):
    """Run a script with the options of a size: its row, without figures where it failed."""
    options = SIZES[name][size]
    row = {"script": f"{name}.py", "options": options, "before": machine()}
    if options is None:
        return row | {"problem": f"has no run of size {size}"}
    file = out / f"{name}.json"
    file.unlink(missing_ok=True)  # figures of an earlier run are not those of this one
    line = [sys.executable, str(FOLDER / f"{name}.py")]
    if name not in DRAWN:
        line.append(data)
        options = [*options, "--sets", *sets] if sets else options
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [*line, *options, "--json", str(file)], capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return row | {"problem": f"took longer than {limit} s", "after": machine()}
    row |= {"after": machine(), "wall_s": time.perf_counter() - began, "output": done.stdout}
    if done.returncode or not file.is_file():
        lines = done.stderr.strip().splitlines() or ["it wrote no figures"]
        return row | {"problem": lines[-1]}
    return row | {"figures": json.loads(file.read_text())}


def numbers(figures, prefix=""):
    """The numbers in nested figures as a flat dict, by names with spaces between."""
    if isinstance(figures, dict):
        items = figures.items()
    elif isinstance(figures, list):
        items = enumerate(figures, 1)
    else:
        is_number = isinstance(figures, int | float) and not isinstance(figures, bool)
        return {prefix: float(figures)} if is_number else {}
    found = {}
    for key, value in items:
        found |= numbers(value, f"{prefix} {key}".strip())
    return found


def page(rows, size, out):
    """Write plots and the text of the page: a section a benchmark."""
    runs, sections = {}, []
    for name, row in rows.items():
        if "problem" in row:
            parts = [{"text": f"Not measured: {row['problem']}."}]
        else:
            command = " ".join([row["script"], *row["options"]])
            conditions = f"{row['wall_s']:.0f} s. Before: {row['before']}. After: {row['after']}."
            runs[name] = {"command": command, "machine": conditions}
            values = numbers(row["figures"])
            parts = []
            if values:
                cells = [{"cells": [key, f"{value:.4g}"]} for key, value in values.items()]
                plot = {"title": name, "file": f"{name}.png", "values": values}
                parts += [{"plot": plot}, {"columns": ["", ""], "rows": cells, "run": name}]
            parts.append({"text": ["```", row["output"].strip(), "```"], "run": None})
        sections.append({"title": name, "parts": parts})
    measurements = {"title": f"Benchmarks, size {size}", "text": _NOTE, "runs": runs}
    write(measurements | {"sections": sections}, out / "README.md")


def main():
    parser = arguments(__doc__)
    add_data(parser)
    parser.add_argument("--sets", nargs="+", metavar="FOLDER", help="as of the scripts themselves")
    parser.add_argument("--size", choices=("tiny", "small", "full"), default="small")
    parser.add_argument("--only", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--limit", type=float, default=3600, help="seconds for each (3600)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks"), help="folder (benchmarks)")
    options = parser.parse_args()
    if options.data != "synthetic" and not Path(options.data).is_dir():
        raise InputError(f"{options.data}: no such folder; name the one that holds 300w/ and imm/")
    options.out.mkdir(parents=True, exist_ok=True)
    rows = {}
    for name in options.only:
        print(f"{name} …", flush=True)
        rows[name] = run_one(
            name, options.size, options.data, options.sets, options.out, options.limit
        )
        print(f"  {rows[name].get('problem', 'done')}")
        # Written each time: what was measured is kept when a later one is interrupted.
        (options.out / "all.json").write_text(json.dumps(rows, indent=1))
        page(rows, options.size, options.out)
    print(f"wrote {options.out / 'README.md'}")
    if all("problem" in row for row in rows.values()):
        raise InputError("no benchmark could be run; see the page for why")


if __name__ == "__main__":
    run(main)
