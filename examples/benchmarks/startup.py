"""How long everything takes to start: commands, prediction, and the first compilation.

    python examples/benchmarks/startup.py
    python examples/benchmarks/startup.py --rounds 5 --json startup.json

Each row is a process of its own, timed from start to end: medians, in seconds of the processor and
of the wall clock. The rows of a first call begin with an empty cache of compiled kernels, as after
an installation; all others find it filled. The rows of compilation alone begin with an empty cache
too, and count only the time between numba's events of compiling, without training and imports.
The photograph is a drawn face.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from common import arguments, machine, run  # noqa: E402

from data_tools.synthetic import synthetic_faces  # noqa: E402
from features.errors import InputError  # noqa: E402

PHOTO, BOXES = "face.png", "boxes.csv"

PREDICT = """
import numpy as np
from cascade.models import pretrained
pretrained({name!r}).predict(np.zeros((200, 200), np.uint8), (50, 50, 150, 150))
"""
TRAIN = """
import cascade
from data_tools.synthetic import synthetic_faces
cascade.{method}(random_state=0, **{options!r}).fit(synthetic_faces(30, seed=0, size=128))
"""
# Kernels compile the kernels that they call within their own time: only the outermost counts.
COMPILE = """
import time
from numba.core import event

class Outermost(event.Listener):
    depth, cpu, wall = 0, 0.0, 0.0

    def on_start(self, happening):
        if self.depth == 0:
            self.began = time.process_time(), time.perf_counter()
        self.depth += 1

    def on_end(self, happening):
        self.depth -= 1
        if self.depth == 0:
            self.cpu += time.process_time() - self.began[0]
            self.wall += time.perf_counter() - self.began[1]

import cascade
from data_tools.synthetic import synthetic_faces
faces = synthetic_faces(30, seed=0, size=128)
listener = Outermost()
with event.install_listener("numba:compile", listener):
    cascade.{method}(random_state=0, **{options!r}).fit(faces)
print(listener.cpu, listener.wall)
"""
PRETRAINED = ("ert68", "lbf68-fast", "sdm68")
SMALLEST = {
    "ERT": {"n_stages": 2, "n_trees": 5},
    "LBF": {"radius": (0.2, 0.1), "n_trees": 2, "depth": 3},
    "SDM": {"n_stages": 2, "n_cells": 2},
    "ESR": {"n_stages": 2, "n_ferns": 5},
}
COMMANDS = {
    "--version": 0, "--help": 0, "predict --help": 0, "train --help": 0, "train": 2,
    "predict --detector nobody x.png": 2, "predict absent.png --boxes absent.csv": 1,
}  # fmt: skip


def main():
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each row (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows")
    options = parser.parse_args()
    if options.rounds < 1:
        raise InputError(f"--rounds {options.rounds}: one run is the least")
    if options.json and not options.json.parent.is_dir():
        raise InputError(f"{options.json.parent}: no such folder; make it first")
    print(machine())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
        for what, code, status, empty, own in plan():
            times = [timed(code, status, folder, empty, k, own) for k in range(options.rounds + 1)]
            # The first run of the rows that find a cache fills it.
            cpu, wall = (statistics.median(column) for column in zip(*times[1:], strict=True))
            rows.append({"what": what, "cpu_seconds": cpu, "seconds": wall})
            print(f"{what:55s} {cpu:7.2f} s CPU {wall:7.2f} s", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


def plan():
    """Rows: what it is, the arguments of Python, its exit status, whether the cache is empty, and
    whether it prints its seconds itself."""
    yield "python alone", ["-c", "pass"], 0, False, False
    yield "import cascade", ["-c", "import cascade"], 0, False, False
    for command, status in COMMANDS.items():
        yield f"cascade {command}", ["-m", "cascade", *command.split()], status, False, False
    for empty in (False, True):
        call = "first call" if empty else "later call"
        photo = ["-m", "cascade", "predict", PHOTO, "--boxes", BOXES, "--json", "out.json"]
        yield f"{call}: cascade predict PHOTO", photo, 0, empty, False
        for name in PRETRAINED:
            yield f"{call}: load and predict with {name}", [
                "-c", PREDICT.format(name=name)], 0, empty, False  # fmt: skip
        for method, options in SMALLEST.items():
            yield f"{call}: train the smallest {method}", [
                "-c", TRAIN.format(method=method, options=options)], 0, empty, False  # fmt: skip
    for method, options in SMALLEST.items():
        yield f"compilation alone: train the smallest {method}", [
            "-c", COMPILE.format(method=method, options=options)], 0, True, True  # fmt: skip


def draw(folder):
    """Write the photograph and the box of its face."""
    faces = synthetic_faces(1, seed=0, size=256)
    cv2.imwrite(str(folder / PHOTO), faces.image(0))
    numbers = ",".join(f"{number:.1f}" for number in faces.boxes[0])
    (folder / BOXES).write_text(f"image,left,top,right,bottom\n{PHOTO},{numbers}\n")


def timed(code, status, folder, empty, k, own):
    """Seconds of the processor, children's included, and of the wall clock of one process; with
    `own` those that it prints."""
    cache = Path(folder) / (f"empty{k}-{abs(hash(tuple(code)))}" if empty else "filled")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *code], env=environment, cwd=folder, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != status:
        raise InputError(f"python {' '.join(code)} ended with {done.returncode}: {done.stderr}")
    if own:
        cpu, wall = map(float, done.stdout.split())
        if not cpu:
            raise InputError(f"python {' '.join(code)} compiled nothing: its cache was not empty")
        return cpu, wall
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall


if __name__ == "__main__":
    run(main)
