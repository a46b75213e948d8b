"""CPU time of landmarks a face: a cascade of trees here, and dlib's, in one run.

Both cascades have the same stages, trees and depth and see the same crops and boxes; every face is
another image, so that its pixels are cold in the cache. The two alternate, and the medians of the
rounds are compared.

    python examples/benchmarks/inference.py DATA [--stages 10 --trees 500 --depth 4]
    python examples/benchmarks/inference.py synthetic --faces 60 --trees 50 --rounds 3

DATA is the folder that holds ``300w/`` and ``imm/``, or the word `synthetic`.
"""

import json
import tempfile
import time
from pathlib import Path

import numpy as np
from common import add_data, arguments, dlib_trainer, machine, needed_dlib, read_faces, run

from cascade import ERT, Starts, load


def per_face(predict, n_faces):
    """CPU milliseconds a face of one pass over all faces."""
    began = time.process_time()
    for i in range(n_faces):
        predict(i)
    return (time.process_time() - began) / n_faces * 1e3


def main():
    parser = arguments(__doc__)
    add_data(parser, ["300w/lfpw/trainset"])
    parser.add_argument("--stages", type=int, default=10)
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--model", action="append", default=[], help="time this file as well")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    dlib = needed_dlib()
    faces = read_faces(options, options.faces)
    store = faces.store(mirror=False)
    crops = list(store.images)
    cx, cy, side = store.placements[0]
    box = np.array([cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2])

    began = time.perf_counter()
    model = ERT(n_stages=options.stages, n_trees=options.trees, depth=options.depth,
                starts=Starts(n=1), smallest_leaf=2, random_state=0).fit(faces)  # fmt: skip
    model.predict(crops[0], box)
    print(f"our model trained and warmed up in {time.perf_counter() - began:.1f} s")

    trainer = dlib_trainer(options.stages, options.trees, options.depth, oversampling=1)
    few = min(60, len(crops))
    rectangle = dlib.rectangle(*np.rint(box).astype(int).tolist())
    with tempfile.TemporaryDirectory() as folder:
        theirs = trainer(crops[:few], rectangle, store.shapes[:few] * side + (cx, cy), folder)

    def ours_one(i):
        model.predict(crops[i], box)

    def dlib_one(i):
        theirs(crops[i], rectangle)

    stack = np.stack(crops)
    rows = {"ours, one call a face": [], "ours, one call for all": [], "dlib": []}
    others = {name: load(name) for name in options.model}
    rows |= {name: [] for name in others}
    for _ in range(options.rounds):
        rows["ours, one call a face"].append(per_face(ours_one, len(crops)))
        rows["ours, one call for all"].append(stack_ms(model, stack, box))
        rows["dlib"].append(per_face(dlib_one, len(crops)))
        for name, other in others.items():
            rows[name].append(per_face(lambda i, other=other: other.predict(crops[i], box), few))
    medians = {name: float(np.median(times)) for name, times in rows.items()}
    print(machine())
    for name, ms in medians.items():
        print(f"{name:24s} {ms:7.4f} ms a face   dlib / this = {medians['dlib'] / ms:6.1f}")
    print("per box of one image:", end=" ")
    many = np.tile(box, (64, 1)) + np.random.default_rng(0).normal(0, 2, (64, 4))
    began = time.process_time()
    for _ in range(10):
        model.predict(crops[0], many)
    medians["ours, 64 boxes of one image"] = (time.process_time() - began) / 640 * 1e3
    print(f"{medians['ours, 64 boxes of one image']:.4f} ms a face")
    for n_jobs in (1, 2):
        began = time.perf_counter()
        model.predict_many(crops, [box] * len(crops), n_jobs=n_jobs)
        wall = (time.perf_counter() - began) / len(crops) * 1e3
        medians[f"ours, many images, {n_jobs} threads, wall"] = wall
        print(f"many images, {n_jobs} threads: {wall:.4f} ms a face, wall")
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine(), "ms_per_face": medians}, indent=1)
        )


def stack_ms(model, stack, box):
    """CPU milliseconds a face of all crops, one array, in one call."""
    boxes = np.tile(box, (len(stack), 1))
    began = time.process_time()
    model.predict_many(stack, boxes, n_jobs=1)
    return (time.process_time() - began) / len(stack) * 1e3


if __name__ == "__main__":
    run(main)
