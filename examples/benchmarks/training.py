"""Cost of training: the ERT trainer here and dlib's, on the same crops, boxes and trees.

    python examples/benchmarks/training.py DATA [--share 0.05]
    python examples/benchmarks/training.py DATA --sets 300w/helen/trainset 300w/afw --scaling

DATA is the folder that holds ``300w/`` and ``imm/``, or the word `synthetic`. With ``--share 0.05``
each trains a twentieth of the trees of every stage, and the figures are not scaled up. Both use one
thread; CPU seconds exclude reading and cropping. Compilation and import are measured apart, in
fresh processes. ``--scaling`` shows instead how our cost grows with samples, trees and landmarks.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import add_data, arguments, dlib_trainer, machine, needed_dlib, read_faces, run

from cascade import ERT, METHODS, Starts


def timed(function):
    """(result, CPU seconds, wall seconds) of a call; children of the process do not count."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = function()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def peak_mib():
    """Peak resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def start_up():
    """Wall seconds of importing, and of a first tiny training with and without cached kernels."""
    code = (
        "import time; t = time.perf_counter(); import numpy, cascade; "
        "from data_tools.dataset import FaceDataset; i = time.perf_counter() - t; "
        "r = numpy.random.default_rng(0); "
        "f = FaceDataset.from_arrays(list(r.integers(0, 255, (8, 64, 64)).astype('u1')), "
        "r.normal(32, 9, (8, 68, 2)), numpy.tile([9, 9, 54, 54], (8, 1))); "
        "m = cascade.ERT(n_stages=1, n_trees=2, starts=cascade.Starts(n=1)).fit(f); "
        "m.predict(f.image(0), f.boxes[0]); print(i, time.perf_counter() - t - i)"
    )
    rows = {}
    with tempfile.TemporaryDirectory() as cache:
        for name in ("first", "later"):
            out = subprocess.run(
                [sys.executable, "-c", code],
                env=os.environ | {"NUMBA_CACHE_DIR": cache},
                check=True,
                capture_output=True,
                text=True,
            )
            imported, trained = map(float, out.stdout.split())
            rows[name] = {"import_s": imported, "tiny_training_and_prediction_s": trained}
    return rows


def ours(store, starts, jobs=1, **options):
    model = ERT(**options, starts=Starts(n=starts), mirror=False, random_state=0, n_jobs=jobs)
    return timed(lambda: model.fit(store))


def compare(options):
    faces = read_faces(options, options.faces)
    store = faces.store(mirror=False)
    trees = max(1, round(options.trees * options.share))
    size = {"n_stages": options.stages, "n_trees": trees, "depth": options.depth}
    print(
        f"{len(store)} faces x {options.starts} starts, {options.stages} stages x {trees} trees of "
        f"depth {options.depth}; {machine()}"
    )
    rows = {"start_up": start_up(), "machine": machine(), "size": size, "faces": len(store)}
    ours(store.subset(slice(0, 8)), 1, n_stages=1, n_trees=2)  # compile
    for jobs in (1, 2):
        before = peak_mib()
        _, cpu, wall = ours(store, options.starts, jobs, **size)
        rows[f"ours_{jobs}_thread"] = {"cpu_s": cpu, "wall_s": wall, "peak_mib": peak_mib()}
        print(f"ours, {jobs} thread(s): {cpu:8.1f} CPU s {wall:8.1f} s wall, peak {peak_mib():.0f} "
              f"MiB (before: {before:.0f})")  # fmt: skip
    if not options.no_dlib:
        dlib = needed_dlib()
        train = dlib_trainer(options.stages, trees, options.depth, options.starts)
        corners = [
            dlib.rectangle(*np.rint([cx - s / 2, cy - s / 2, cx + s / 2, cy + s / 2]).astype(int))
            for cx, cy, s in store.placements.tolist()
        ]
        pixels = store.shapes * store.placements[:, None, 2:] + store.placements[:, None, :2]
        with tempfile.TemporaryDirectory() as folder:
            _, cpu, wall = timed(lambda: train(list(store.images), corners, pixels, folder))
        rows["dlib_1_thread"] = {"cpu_s": cpu, "wall_s": wall, "peak_mib": peak_mib()}
        print(f"dlib, 1 thread:    {cpu:8.1f} CPU s {wall:8.1f} s wall, peak {peak_mib():.0f} MiB")
        rows["ratio_cpu"] = cpu / rows["ours_1_thread"]["cpu_s"]
        print(f"dlib / ours, CPU: {rows['ratio_cpu']:.1f}")
    for name, row in rows["start_up"].items():
        print(f"{name} process: import {row['import_s']:.2f} s, first tiny training and prediction "
              f"{row['tiny_training_and_prediction_s']:.2f} s")  # fmt: skip
    return rows


def scaling(options):
    """CPU seconds of one stage of `--method` against samples, trees and landmarks."""
    store = read_faces(options, options.faces).store(mirror=False)

    def stage(store, starts, n_trees=None):
        one = {"radius": (0.2,)} if options.method == "lbf" else {"n_stages": 1}
        trees = {} if n_trees is None else {"n_trees": n_trees}
        model = METHODS[options.method](**one, **trees, starts=Starts(n=starts), random_state=0)
        return timed(lambda: model.fit(store))[1]

    stage(store.subset(slice(0, 8)), 1)  # compile
    rows = {"machine": machine(), "method": options.method}
    for starts in (1, 2, 5, 10):
        rows[f"samples={starts * len(store)}"] = stage(store, starts)
    for n_trees in (2, 4, 8) if options.method == "lbf" else (50, 100, 200, 400):
        rows[f"trees={n_trees}"] = stage(store, 5, n_trees)
    whole = store.shapes
    for landmarks in (5, 17, 34, 68):
        store.shapes = np.ascontiguousarray(whole[:, np.linspace(0, 67, landmarks).astype(int)])
        store.scheme = type(store.scheme)(f"points{landmarks}", landmarks)
        rows[f"landmarks={landmarks}"] = stage(store, 5)
    for name, cpu in rows.items():
        print(name, cpu if isinstance(cpu, str) else f"{cpu:.2f} CPU s")
    return rows


def main():
    parser = arguments(__doc__)
    add_data(parser, ["300w/lfpw/trainset"])
    parser.add_argument("--stages", type=int, default=10)
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--faces", type=int)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--no-dlib", action="store_true")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--method", choices=("ert", "lbf"), default="ert", help="with --scaling")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = scaling(options) if options.scaling else compare(options)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    run(main)
