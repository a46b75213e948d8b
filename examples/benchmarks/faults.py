"""Kill a training at random moments, let it go on each time, and compare with an unbroken one.

    python examples/benchmarks/faults.py --kills 20

The process gets SIGKILL, which it cannot notice, at a moment drawn from the time that its stages
take, including the moments in which a checkpoint is written. Needs fork, as Linux has it.
"""

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from common import arguments, run  # noqa: E402

from cascade import ERT, Starts  # noqa: E402
from data_tools.synthetic import synthetic_faces  # noqa: E402


def train(faces, part, out):
    """Go on from the checkpoint `part`, and write the model file `out`."""
    model = ERT(n_stages=30, n_trees=30, n_points=80, starts=Starts(n=4), random_state=0, n_jobs=1)
    model.fit(faces, 0.2, checkpoint=part, resume=True)
    model.save(out)


def killed(faces, part, out, seconds):
    """Train in a process of its own and kill it after `seconds`; whether it was still at it."""
    child = os.fork()
    if not child:
        train(faces, part, out)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def main():
    parser = arguments(__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, faces = random.Random(options.seed), synthetic_faces(60, seed=3, size=120)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        train(faces, folder / "warm.part", folder / "warm")  # kernels are compiled
        began = time.monotonic()
        train(faces, folder / "whole.part", folder / "whole")
        seconds = time.monotonic() - began
        part, out = folder / "broken.part", folder / "broken"
        kills = on_the_way = 0
        while kills < options.kills:
            # Most of a try's time goes into the store and the stages that are there already.
            kills += killed(faces, part, out, rng.uniform(0.1, 0.6) * seconds)
            on_the_way += part.exists() and not out.exists()
            if out.exists():  # it was quicker: start anew
                out.unlink()
                part.unlink(missing_ok=True)
        train(faces, part, out)
        left = sorted(p.name for p in folder.iterdir() if not p.name.startswith(("w", ".w")))
        same = out.read_bytes() == (folder / "whole").read_bytes()
        print(f"{kills} kills, {on_the_way} with a checkpoint to go on from; an unbroken training "
              f"takes {seconds:.1f} s; same bytes: {same}; files left: "
              f"{', '.join(left)}")  # fmt: skip
        sys.exit(not same)


if __name__ == "__main__":
    run(main)
