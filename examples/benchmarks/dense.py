"""What more landmarks cost: time, training, file and error from 68 to 8000 points on drawn faces.

    python examples/benchmarks/dense.py
    python examples/benchmarks/dense.py --points 68 1000 --methods ert sdm --json dense.json

Models are trained with their published sizes on the same drawn faces, of which each scheme marks
more points, and judged on others. Time is that of one call for one face, on one thread, in CPU
milliseconds: the median over all test faces, in rounds in which the schemes take turns. The
exponent says how a cost grows with the number of points: 1 would be in proportion, 0 not at all.
`--whole` adds models that move every landmark, up to so many points.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from common import arguments, machine, run  # noqa: E402

from cascade.judging.timing import one_thread, warm_up  # noqa: E402
from cascade.methods import METHODS  # noqa: E402
from data_tools.files import replace_file  # noqa: E402
from data_tools.metrics import nme  # noqa: E402
from data_tools.schemes import FACE68  # noqa: E402
from data_tools.synthetic import synthetic_faces  # noqa: E402
from features.errors import InputError  # noqa: E402

_SIZE, _N_ROUNDS = 192, 5


def main():
    """Train, measure, print, write."""
    parser = arguments(__doc__)
    parser.add_argument("--points", type=int, nargs="+", default=[68, 194, 1000, 8000])
    parser.add_argument("--methods", nargs="+", default=["ert", "lbf", "sdm"])
    parser.add_argument("--faces", type=int, default=400, help="faces to train on (400)")
    parser.add_argument("--test", type=int, default=100, help="faces to judge on (100)")
    parser.add_argument("--preset", default="default", help="of all methods (default)")
    parser.add_argument("--whole", type=int, default=0, metavar="POINTS")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args()
    _check(options)
    rows = []
    for name in options.methods:
        rows += _method(name, options)
    print(f"\n{machine()}\n\n{_table(rows)}")
    exponents = _exponents(rows)
    for name, found in exponents.items():
        told = ", ".join(f"{what} {value:.2f}" for what, value in found.items())
        print(f"{name}: grows with the points to the power of: {told}")
    if options.json:
        figures = {"machine": machine(), "rows": rows, "exponents": exponents}
        replace_file(options.json, (json.dumps(figures, indent=2) + "\n").encode())


def _check(options):
    if options.json and not options.json.parent.is_dir():
        raise InputError(f"{options.json.parent}: no such folder; make it first")
    for name in options.methods:
        if name not in METHODS or options.preset not in METHODS[name].PRESETS:
            raise InputError(f"{name}: no such method, or it has no preset {options.preset!r}")


def _method(name, options):
    """Rows of one method: trained with each number of points, then timed in turns."""
    trained = []
    for n_points in options.points:
        faces = synthetic_faces(options.faces, seed=1, size=_SIZE, points=n_points)
        test = synthetic_faces(options.test, seed=2, size=_SIZE, points=n_points)
        for whole in (False, True) if 256 < n_points <= options.whole else (False,):
            trained.append(_train(name, options.preset, faces, test, whole))
            print(f"{name}, {n_points} points: trained", file=sys.stderr, flush=True)
    times = [[] for _ in trained]
    with one_thread():
        for model, test, _ in trained:
            warm_up(lambda: model.predict(test.image(0), test.boxes[0]))  # noqa: B023
        for _ in range(_N_ROUNDS):
            for (model, test, _), found in zip(trained, times, strict=True):
                for i in range(len(test)):
                    image, box = test.image(i), test.boxes[i]
                    began = time.process_time_ns()
                    model.predict(image, box)
                    found.append((time.process_time_ns() - began) / 1e6)
    return [row | {"ms": float(np.median(found))} for (_, _, row), found in
            zip(trained, times, strict=True)]  # fmt: skip


def _train(name, preset, faces, test, whole):
    """A trained model, its test faces, and its row of the table but for the time."""
    n_points = faces.scheme.n_points
    parameters = METHODS[name].PRESETS[preset] | {"max_landmarks": n_points if whole else None}
    model = METHODS[name](**parameters, random_state=0, n_jobs=1)
    began = time.process_time()
    model.fit(faces)
    seconds = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        size = path.stat().st_size / 1e6
    found = model.predict_faces(test)
    row = {
        "method": name,
        "points": n_points,
        "moved": len(model.moved_mean),
        "megabytes": size,
        "training_s": seconds,
        "nme": float(nme(found, test.shapes, test.scheme).mean()),
        "nme68": float(nme(found[:, :68], test.shapes[:, :68], FACE68).mean()),
    }
    return model, test, row


def _table(rows):
    lines = [
        "| method | points | moved | ms a face | MB | training, CPU s | NME, % | first 68 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['method']} | {row['points']} | {row['moved']} | {row['ms']:.3f} "
            f"| {row['megabytes']:.2f} | {row['training_s']:.0f} | {row['nme'] * 100:.2f} "
            f"| {row['nme68'] * 100:.2f} |"
        )
    return "\n".join(lines)


def _exponents(rows):
    """The slope between the fewest and the most points, in logarithms, of each cost."""
    found = {}
    for name in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == name]
        few, many = (by(own, key=lambda row: row["points"]) for by in (min, max))
        if few["points"] < many["points"]:
            times = np.log(many["points"] / few["points"])
            found[name] = {
                what: float(np.log(many[key] / few[key]) / times)
                for what, key in (("time", "ms"), ("file", "megabytes"), ("training", "training_s"))
            }
    return found


if __name__ == "__main__":
    run(main)
