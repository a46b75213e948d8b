"""Train dlib's shape predictor on folders of annotated faces, as a peer for `cascade compare`.

    python examples/benchmarks/train_dlib.py DATA --out predictor.dat [--faces 400]
    cascade compare TEST_FOLDER --model ert68 --model dlib:predictor.dat

DATA is the folder that holds ``300w/`` and ``imm/``, or the word `synthetic`. dlib sees the
same faces and boxes as a cascade would, and their mirror images. Its own defaults (10 stages of 500
trees, 20 starts) take it minutes to hours; the settings here are for a peer that trains in about a
minute.
"""

import time
from pathlib import Path

import numpy as np
from common import TRAINING, add_data, arguments, dlib_trainer, needed_dlib, read_faces, run


def main():
    parser = arguments(__doc__)
    add_data(parser, TRAINING)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, help="train on this many, spread over the folders")
    parser.add_argument("--stages", type=int, default=10)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--oversampling", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()

    dlib = needed_dlib()
    faces = read_faces(options, options.faces)
    images, rectangles, shapes = [], [], []
    for i in range(len(faces)):
        image, box = faces.image(i), np.rint(faces.boxes[i]).astype(int)
        # dlib takes whole faces only.
        if not np.isfinite(faces.shapes[i]).all():
            continue
        images.append(image)
        rectangles.append(dlib.rectangle(*box.tolist()))
        shapes.append(faces.shapes[i])
        if faces.scheme.flip is not None:
            last = image.shape[1] - 1
            left, top, right, bottom = box.tolist()
            images.append(np.ascontiguousarray(image[:, ::-1]))
            rectangles.append(dlib.rectangle(last - right, top, last - left, bottom))
            shapes.append(faces.shapes[i][list(faces.scheme.flip)] * (-1, 1) + (last, 0))

    train = dlib_trainer(
        options.stages, options.trees, options.depth, options.oversampling, options.jobs
    )
    began = time.perf_counter()
    predictor = train(images, rectangles, shapes, None)
    predictor.save(str(options.out))
    size = options.out.stat().st_size / 1e6
    print(
        f"wrote {options.out}, {size:.1f} MB: {len(images)} faces, mirrored ones included, "
        f"in {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    run(main)
