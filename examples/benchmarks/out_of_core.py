"""Training from a store on disk: memory and CPU seconds against the number of faces.

    python examples/benchmarks/out_of_core.py --folder /tmp/big --json out_of_core.json
    python examples/benchmarks/out_of_core.py --faces 400 --smallest 100 --drawn 50 --trees 5

Draws --drawn faces, and writes a store of --faces crops to --folder, in which they are repeated,
each time with another brightness (drawing so many different ones would take hours). Then an ERT is
trained on the first 12 500, 25 000, 50 000, … of them, each in a process of its own that opens the
store: without mirrored faces, with --starts starts a face. The same crops take 64 KiB a face.

Shown are the peak of what is resident (`ru_maxrss`), of which pages of mapped files are told apart
because the system takes them back when it needs room; CPU seconds, after the kernels were loaded by
a training on 50 faces; and the exponent of CPU seconds against faces, 1 for linear cost.
"""

import json
import resource
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import arguments, machine, run

from cascade import ERT, Starts
from data_tools.store import is_store, open_store, write_store
from data_tools.synthetic import synthetic_faces
from features.errors import InputError


class Repeated:
    """Crops repeated until there are `n`, each time with another brightness."""

    def __init__(self, images, n):
        self._images, self._n = images, n

    def __getitem__(self, rows):
        numbers = np.arange(*rows.indices(self._n))
        rounds, at = np.divmod(numbers, len(self._images))
        crops = self._images[at]
        gain = (0.7 + 0.3 * np.cos(rounds)).astype(np.float32)
        for crop, factor in zip(crops, gain, strict=True):
            crop[:] = crop * factor
        return crops


def big_store(path, n_faces, n_drawn):
    """Write a store of so many faces; seconds of processor and clock."""
    drawn = synthetic_faces(n_drawn, seed=0, size=160).store(mirror=False)
    rows = np.arange(n_faces) % n_drawn
    many = replace(drawn, images=None, visible=None).subset(rows)
    # Each repetition counts as photographs of its own.
    many = replace(
        many, images=Repeated(drawn.images, n_faces), groups=np.arange(n_faces, dtype="i4")
    )
    cpu, wall = time.process_time(), time.perf_counter()
    write_store(path, many, progress=_telling("writing the store"))
    return time.process_time() - cpu, time.perf_counter() - wall


class Memory:
    """Peaks of anonymous memory and of pages of mapped files, looked at 20 times a second."""

    def __enter__(self):
        self.anonymous = self.mapped = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._done.set()
        self._thread.join()

    def _watch(self):
        while not self._done.wait(0.05):
            lines = Path("/proc/self/status").read_text().splitlines()
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            self.anonymous = max(self.anonymous, int(fields["RssAnon"].split()[0]))
            self.mapped = max(self.mapped, int(fields["RssFile"].split()[0]))


def train(options):
    """Train on some of the store, and print one line of figures as JSON."""
    model = ERT(n_stages=options.stages, n_trees=options.trees, starts=Starts(n=options.starts),
                mirror=False, random_state=0, n_jobs=options.jobs, verbose=False)  # fmt: skip
    store = open_store(options.store)
    model.fit(store.rows(0, 50))
    at_start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Memory() as memory:
        cpu, wall = time.process_time(), time.perf_counter()
        model.fit(store.rows(0, options.one))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    row = {
        "faces": options.one,
        "samples": options.one * options.starts,
        "cpu_s": cpu,
        "wall_s": wall,
        "before_mib": at_start >> 10,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "anonymous_mib": memory.anonymous >> 10,
        "mapped_mib": memory.mapped >> 10,
        "train_nme": model.history_[-1]["train_nme"],
    }
    print(json.dumps(row))


def _telling(what):
    began, last = time.monotonic(), 0.0

    def tell(done, total):
        nonlocal last
        now = time.monotonic()
        if now - last > 5 or done == total:
            last = now
            left = (now - began) / done * (total - done)
            print(f"{what}: {done} of {total}, {left:.0f} s left", file=sys.stderr, flush=True)

    return tell


def main():
    parser = arguments(__doc__)
    parser.add_argument("--faces", type=int, default=200_000)
    parser.add_argument("--smallest", type=int, default=12_500)
    parser.add_argument("--drawn", type=int, default=400)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--stages", type=int, default=2)
    parser.add_argument("--trees", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("out_of_core"),
                        help="where the store is written, or was by an earlier run")  # fmt: skip
    parser.add_argument("--json", type=Path, help="written anew after each size")
    parser.add_argument("--one", type=int, help="train on so many faces of the store alone")
    options = parser.parse_args()
    options.store = options.folder / f"store-{options.faces}"
    if options.one is not None:
        train(options)
        return
    if not sys.platform.startswith("linux"):
        raise InputError("memory is read from /proc/self/status; run this on Linux")
    figures = {"machine": machine(), "options": {k: str(v) for k, v in vars(options).items()}}
    if not is_store(options.store):
        cpu, wall = big_store(options.store, options.faces, options.drawn)
        figures["writing"] = {"cpu_s": cpu, "wall_s": wall}
        print(f"wrote {options.store}: {cpu:.0f} CPU s, {wall:.0f} s")
    figures["rows"] = []
    n, sizes = options.smallest, []
    while n < options.faces:
        sizes.append(n)
        n *= 2
    print(f"{'faces':>8}{'samples':>10}{'CPU s':>8}{'wall s':>8}  MiB: {'peak':>6}"
          f"{'anonymous':>11}{'mapped':>8}")  # fmt: skip
    for n in [*sizes, options.faces]:
        done = subprocess.run(
            [sys.executable, *sys.argv, "--one", str(n)], capture_output=True, text=True
        )
        if done.returncode:
            raise InputError(f"{n} faces: {done.stderr.strip().splitlines()[-1:]}")
        row = json.loads(done.stdout.splitlines()[-1])
        figures["rows"].append(row | {"load": machine()})
        print(f"{n:>8}{row['samples']:>10}{row['cpu_s']:>8.1f}{row['wall_s']:>8.1f}"
              f"       {row['peak_mib']:>6}{row['anonymous_mib']:>11}{row['mapped_mib']:>8}",
              flush=True)  # fmt: skip
        if len(figures["rows"]) > 1:
            found = figures["rows"]
            faces, seconds = ([row[key] for row in found] for key in ("faces", "cpu_s"))
            slope = np.polyfit(np.log(faces), np.log(seconds), 1)[0]
            figures["exponent"] = float(slope)
        if options.json is not None:
            options.json.write_text(json.dumps(figures, indent=1))
    if "exponent" in figures:
        print(f"CPU seconds grow with faces to the power of {figures['exponent']:.2f}")


if __name__ == "__main__":
    run(main)
