"""What a labeller saves by a model that learns along: clicks and dragged pixels for each face.

    python examples/benchmarks/labelling.py
    python examples/benchmarks/labelling.py --faces 160 --method ert --json labelling.json
    python examples/benchmarks/labelling.py --order unsure

Faces are drawn, 256 pixels wide, with boxes as a detector places them, and lie in a folder that is
labelled through the same session and learner as in ``cascade label``. The simulated labeller opens
one image after the other, drags every point that lies off by more than 2 % of the distance of the
eyes' outer corners (--tolerance) to its true place, leaves the others where they are, and finishes
the face; so whoever learns gets what a labeller would have left. A click is a point that had to be
moved; dragged pixels are how far, in pixels of the image.

Three labellers work on the same faces:

- ``mean``: the points begin at the mean of the faces before, in their box; no model.
- ``learning``: from the tenth face on, the model that learned from those before proposes.
- ``pretrained``: the model of the package proposes, until one that learned is better.

Placing points on an empty image takes 68 clicks a face. Rows are means over the faces in between;
after the table comes the error of the model on 60 faces that nobody labels, after so many faces.
"""

import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from common import arguments, machine, run  # noqa: E402

from cascade.labelling.face import Face  # noqa: E402
from cascade.labelling.learner import Learner  # noqa: E402
from cascade.labelling.session import Session  # noqa: E402
from data_tools.files import replace_file  # noqa: E402
from data_tools.metrics import nme  # noqa: E402
from data_tools.synthetic import synthetic_faces  # noqa: E402
from features.errors import InputError, require_count  # noqa: E402

SIZE, SEED = 256, 11
N_HELD_OUT = 60
# Rows of the table: faces after so many that are labelled.
AFTER = (0, 10, 30, 100)
LABELLERS = {"mean": "none", "learning": "none", "pretrained": "auto"}


def make_folder(folder, faces):
    """Images, and the boxes of all of them."""
    rows = ["image,left,top,right,bottom"]
    for i in range(len(faces)):
        name = f"face_{i:04d}.png"
        replace_file(folder / name, cv2.imencode(".png", faces.image(i))[1].tobytes())
        rows.append(f"{name},{','.join(f'{edge:.3f}' for edge in faces.boxes[i])}")
    replace_file(folder / "boxes.csv", ("\n".join(rows) + "\n").encode())


def label(learner, faces, i, tolerance):
    """Correct and finish image `i`: clicks and dragged pixels."""
    session, truth = learner.session, faces.shapes[i].astype(np.float64)
    box = faces.boxes[i].astype(np.float64)
    points = learner.propose(i, box[None])[0][0].astype(np.float64)
    apart = np.hypot(*(points - truth).T)
    off = ~(apart <= tolerance * np.hypot(*(truth[36] - truth[45])))  # NaN is off, too
    points[off] = truth[off]
    face = Face(tuple(box.tolist()), points, np.zeros(len(truth), bool))
    session.save(i, [face.to_json()], session.image(i)["revision"])
    return int(off.sum()), float(np.nansum(apart[off]))


def held_out_error(learner, faces):
    """Error of what is proposed on faces that nobody labels, by outer eye corners."""
    rival = learner._best or learner._mean()
    shapes = [rival.propose(faces.image(k), faces.boxes[k])[0][0] for k in range(len(faces))]
    return float(nme(np.array(shapes), faces.shapes, faces.scheme).mean())


def work(name, options, faces, held_out):
    """One labeller: (clicks, pixels) of each face, errors on held-out faces, and the history."""
    n = options.faces
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_folder(folder, faces[:n])
        with Session(folder) as session:
            learner = Learner(session, method=options.method, model=LABELLERS[name])
            learner._warm_up()
            effort, errors, i = [], {}, 0
            for done in range(n):
                effort.append(label(learner, faces, i, options.tolerance))
                if name != "mean" and learner._due():
                    learner.learn()
                if done + 1 in AFTER:
                    errors[done + 1] = held_out_error(learner, held_out)
                i = next_image(learner, options.order)
            history = learner.status()["history"]
            message = learner.status()["message"]
    if message:
        raise InputError(f"the learning failed: {message}")
    return {"effort": effort, "errors": errors, "history": history}


def next_image(learner, order):
    """The image that the page would open next; None after the last."""
    waiting = learner.session.unlabelled()
    if order == "unsure" and learner._best is not None:
        while learner._ask():
            pass
        asked = learner.least_sure()
        if asked:
            return asked[0][0]
    return waiting[0] if waiting else None


def table(results, n):
    """Rows of means for the faces after 0, 10, 30 and 100."""
    limits = [k for k in AFTER if k < n] + [n]
    print(f"{'faces':>12}  " + "  ".join(f"{name:>24}" for name in results))
    for low, high in pairwise(limits):
        cells = []
        for found in results.values():
            clicks, pixels = np.mean(found["effort"][low:high], axis=0)
            cells.append(f"{clicks:5.1f} clicks {pixels:7.0f} px")
        print(f"{low + 1:>5} to {high:>3}  " + "  ".join(f"{cell:>24}" for cell in cells))
    for done in limits[1:-1]:
        cells = [f"{found['errors'][done] * 100:.2f} %" for found in results.values()]
        print(f"error, {done:>4}  " + "  ".join(f"{cell:>24}" for cell in cells))


def main():
    parser = arguments(__doc__)
    parser.add_argument("--faces", type=int, default=130, help="faces to label (130)")
    parser.add_argument("--tolerance", type=float, default=0.02, help="see above (0.02)")
    parser.add_argument("--method", default="auto", help="what learns (auto)")
    parser.add_argument("--order", choices=("order", "unsure"), default="order",
                        help="one after the other, or the least sure first")  # fmt: skip
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    require_count("--faces", options.faces, 12, 5000)
    if not 0 <= options.tolerance <= 1:
        raise InputError(f"--tolerance is {options.tolerance}; it must be 0 to 1")
    if options.json and not options.json.parent.is_dir():
        raise InputError(f"{options.json.parent}: no such folder; make it first")
    faces = synthetic_faces(options.faces + N_HELD_OUT, SEED, SIZE)
    held_out = faces[options.faces :]
    print(machine())
    results = {}
    for name in LABELLERS:
        began = time.process_time()
        results[name] = work(name, options, faces, held_out)
        print(f"{name}: {time.process_time() - began:.0f} CPU s", file=sys.stderr)
    table(results, options.faces)
    first = results["learning"]["history"][0]
    print(
        f"the first learning, from {first['n']} faces: {first['seconds']} CPU s to the first model"
    )
    if options.json:
        replace_file(options.json, json.dumps(results, indent=1).encode())


if __name__ == "__main__":
    run(main)
