"""How quick to start: CPU seconds of the package and its commands, each in a process of its own.

    python examples/benchmarks/startup.py [--runs 3] [--json FILE]

The photograph is scikit-image's astronaut. Kernels are compiled at the first use of a machine and
kept; what that costs shows in the rows with an empty cache. A first training also compiles what
grows the stages: there the time of the compilations alone is counted, not that of the training.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
from common import machine

ROOT = Path(__file__).resolve().parents[2]

# A first training of a method on drawn faces; prints the CPU seconds that compilation took. Only
# the outermost compilations count: those of the functions they call are part of them.
_COMPILATION = """
import json, sys, time
from numba.core import event

class Outermost(event.Listener):
    depth, began, seconds, kernels = 0, 0.0, 0.0, 0

    def on_start(self, event):
        if self.depth == 0:
            self.began = time.process_time()
        self.depth += 1

    def on_end(self, event):
        self.depth -= 1
        self.kernels += 1
        if self.depth == 0:
            self.seconds += time.process_time() - self.began

import cascade
from data_tools.synthetic import synthetic_faces

faces = synthetic_faces(30, seed=1, size=128)
listener = Outermost()
event.register("numba:compile", listener)
method = {"ERT": lambda: cascade.ERT(n_stages=2, n_trees=5, random_state=0),
          "LBF": lambda: cascade.LBF(radius=(0.2, 0.1), n_trees=2, depth=3, random_state=0)}
method[sys.argv[1]]().fit(faces)
if listener.kernels == 0:
    sys.exit("nothing was compiled: the cache was not empty")
print(json.dumps(listener.seconds))
"""


def run(arguments, cache, status=0):
    """CPU seconds of ``python ARGUMENTS`` with its kernels kept in the folder `cache`, and what it
    printed; it must end with `status`."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "NUMBA_CACHE_DIR": str(cache),
    }
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, *arguments], stdout=output, stderr=errors, env=environment
        )
        _, ended, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(ended)
        output.seek(0)
        errors.seek(0)
        if child.returncode != status:
            sys.exit(
                f"python {' '.join(arguments)[:60]} ended with {child.returncode}, not {status}:\n"
                + errors.read().decode(errors="replace")
            )
        return usage.ru_utime + usage.ru_stime, output.read().decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is printed")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error(f"--runs is {options.runs}; it must be at least 1")

    from skimage.data import astronaut

    with tempfile.TemporaryDirectory() as folder:
        photo = str(Path(folder, "astronaut.png"))
        cv2.imwrite(photo, cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR))
        kept = Path(folder, "kept")
        landmarks = str(Path(folder, "landmarks.json"))
        predict = ["-m", "cascade", "predict", photo, "--json", landmarks]
        run(predict, kept)
        if not json.loads(Path(landmarks).read_text())["images"][0]["faces"]:
            sys.exit("no face was found in the photograph: there is no prediction to time")

        def empty():
            return tempfile.mkdtemp(dir=folder)

        def cpu(arguments, cache=lambda: kept, status=0):
            return lambda: run(arguments, cache(), status)[0]

        def compilation(method):
            return lambda: json.loads(run(["-c", _COMPILATION, method], empty())[1])

        rows = {
            "import cascade": cpu(["-c", "import cascade"]),
            "cascade --help": cpu(["-m", "cascade", "--help"]),
            "cascade --version": cpu(["-m", "cascade", "--version"]),
            "a usage error": cpu(["-m", "cascade", "predict", "--no-such-option"], status=2),
            "cascade predict PHOTO": cpu(predict),
            "the same, kernels not compiled yet": cpu(predict, empty),
            "compilation, first training of ERT": compilation("ERT"),
            "compilation, first training of LBF": compilation("LBF"),
        }
        print(f"{machine()}; CPU seconds, medians of {options.runs}")
        figures = {}
        for name, measure in rows.items():
            figures[name] = statistics.median(measure() for _ in range(options.runs))
            print(f"{name:36s} {figures[name]:6.2f}", flush=True)
    if options.json:
        options.json.write_text(
            json.dumps(
                {"machine": machine(), "runs": options.runs, "cpu_seconds": figures}, indent=1
            )
        )


if __name__ == "__main__":
    main()
