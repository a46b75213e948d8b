"""One model under load: threads that share it, and its memory over many predictions.

    python examples/benchmarks/load.py --faces 10000 --threads 8 --predictions 50000

Drawn faces; a check that the same bytes come out of one thread and of several, and the resident
memory of the process before and after predictions one by one.
"""

import gc
import hashlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from common import arguments, run  # noqa: E402

from cascade.formats import load  # noqa: E402
from cascade.models import pretrained  # noqa: E402
from data_tools.synthetic import synthetic_faces  # noqa: E402


def resident():
    """Resident memory of this process in KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def main():
    parser = arguments(__doc__)
    parser.add_argument("--model", type=Path, help="without it, the pretrained model")
    parser.add_argument("--faces", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--predictions", type=int, default=50_000)
    options = parser.parse_args()
    model = pretrained() if options.model is None else load(options.model)
    drawn = synthetic_faces(50, seed=5, size=200)
    images = [drawn.image(i) for i in range(len(drawn))]
    rng = np.random.default_rng(0)
    # Boxes beside their faces, so that no two predictions are the same.
    choice = rng.integers(0, len(images), options.faces)
    boxes = (drawn.boxes[choice] + rng.uniform(-8, 8, (options.faces, 1))).astype(np.float32)

    def predict(i):
        return model.predict(images[choice[i]], boxes[i])

    alone = np.stack([predict(i) for i in range(options.faces)])
    began = time.perf_counter()
    with ThreadPoolExecutor(options.threads) as pool:
        shared = np.stack(list(pool.map(predict, range(options.faces), chunksize=1)))
    seconds = time.perf_counter() - began
    same = alone.tobytes() == shared.tobytes()
    digest = hashlib.sha256(shared.tobytes()).hexdigest()[:16]
    print(f"{options.faces} faces, {options.threads} threads on one model: same bytes as one "
          f"thread: {same} (sha256 {digest}…), {seconds:.1f} s", flush=True)  # fmt: skip

    for i in range(1000):
        predict(i % options.faces)
    gc.collect()
    before = resident()
    for i in range(options.predictions):
        predict(i % options.faces)
    gc.collect()
    grown = resident() - before
    print(f"{options.predictions} predictions: {before / 1024:.1f} MiB resident before, "
          f"{grown:+d} KiB after")  # fmt: skip
    sys.exit(not same or grown > 4096)


if __name__ == "__main__":
    run(main)
