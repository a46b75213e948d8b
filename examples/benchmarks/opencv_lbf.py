"""OpenCV's FacemarkLBF in OpenCV and here: CPU time a face, landmarks, NME.

    pip uninstall opencv-python && pip install opencv-contrib-python
    python examples/benchmarks/opencv_lbf.py DATA [--model FILE.yaml]

DATA is the folder that holds ``300w/`` and ``imm/``, or the word `synthetic`. Without --model, one
of the size of OpenCV's public model is trained on the faces themselves, which makes its NME
worthless. Both alternate on one thread, and the medians of the rounds are compared.
"""

import json
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from common import TEST, add_data, alternate, arguments, machine, read_faces, run

import cascade
from cascade import FacemarkLBF, Starts
from cascade.formats import opencv as opencv_lbf
from data_tools.metrics import nme
from features.errors import InputError


def main():
    parser = arguments(__doc__)
    add_data(parser, TEST)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if not hasattr(cv2, "face"):
        raise InputError(
            "this benchmark needs the contrib modules of OpenCV; install them with: "
            "pip uninstall opencv-python && pip install opencv-contrib-python"
        )

    faces = read_faces(options)
    images = [faces.image(i) for i in range(len(faces))]
    boxes = [[round(edge) for edge in box] for box in faces.boxes.tolist()]
    rectangles = [
        np.array([[left, top, right - left, bottom - top]], np.int32)
        for left, top, right, bottom in boxes
    ]

    with tempfile.TemporaryDirectory() as folder:
        path = options.model or Path(folder) / "trained.yaml"
        if options.model is None:
            opencv_lbf.write(FacemarkLBF(starts=Starts(n=2), random_state=0).fit(faces), path)
        report = {"machine": machine(), "opencv": cv2.__version__, "read_s": {}}
        print(f"{machine()}, OpenCV {cv2.__version__}, {path.stat().st_size / 1e6:.1f} MB")
        cascade.load(path)  # compiles
        began = time.process_time()
        ours = cascade.load(path)
        report["read_s"]["cascade"] = time.process_time() - began
        theirs = cv2.face.createFacemarkLBF()
        began = time.process_time()
        theirs.loadModel(str(path))
        report["read_s"]["opencv"] = time.process_time() - began

    runs = {
        "opencv": lambda: [
            np.reshape(theirs.fit(image, box)[1][0], (-1, 2))
            for image, box in zip(images, rectangles, strict=True)
        ],
        "cascade": lambda: [
            ours.predict(image, box) for image, box in zip(images, boxes, strict=True)
        ],
    }
    found = {name: np.stack(run()) for name, run in runs.items()}
    report["ms_per_face"] = alternate(runs, len(faces), options.rounds)
    for name, ms in report["ms_per_face"].items():
        print(f"{name:8s} {ms:7.3f} ms a face, read in {report['read_s'][name]:.2f} s CPU")
    print(f"opencv / cascade = {report['ms_per_face']['opencv'] / ms:.1f}")
    apart = np.abs(found["opencv"].astype(np.float64) - found["cascade"])
    equal = int((apart == 0).all((1, 2)).sum())
    report |= {"largest_difference_px": float(apart.max()), "equal_faces": equal}
    print(f"landmarks differ by at most {apart.max():.2g} px, in {len(faces) - equal} faces")
    if found["cascade"].shape == faces.shapes.shape:
        error = 100 * nme(found["cascade"], faces.shapes, faces.scheme).mean()
        report["nme_percent"] = float(error)
        print(f"NME {error:.3f} %")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    run(main)
