"""Large poses: turned starts, turned heads, and what key shapes and routes do for them.

    python examples/benchmarks/poses.py turned DATA --out poses.json
    python examples/benchmarks/poses.py yaw DATA --out poses.json
    python examples/benchmarks/poses.py imm DATA --out poses.json

DATA holds ``300w/`` and ``imm/``.

- ``turned``: trained on HELEN, LFPW and AFW, tested on the LFPW test set with the start turned in
  the plane by 0 to 35 degrees, to both sides, while box and face stay: to the cascade, a face that
  is turned against its box. Errors by the distance of the outer eye corners.
- ``yaw``: the tenth of the photographs of the training sets with the heads that look farthest to
  the side is held out, by photograph, and the rest trained on. Yaw is read off the true landmarks:
  how far the tip of the nose lies from the middle of the outer eye corners, along the line that
  joins them, as a share of its length. Errors as before, which large yaw makes look larger, and by
  the diagonal of the landmarks.
- ``imm``: 58 points through a user scheme, trained on people 1 to 30, tested on the turned heads
  of people 31 to 40: the third and fourth photograph of each. Errors by the diagonal.

Variants are of one method (``--method``). Those with key shapes share the stages of the one before
them: key shapes do not change how stages are trained. With ``--models FILE ...``, ``turned`` tests
model files instead. Rows are written as they come; a row that is there is not measured again.
"""

import copy
import json
import time
from pathlib import Path

import numpy as np
from common import add_data, arguments, data_folder, machine, run
from methods import read_300w, read_imm

import cascade
from cascade import METHODS, Poses, Starts
from data_tools.augment import augment, parse
from data_tools.metrics import nme
from features.frame import Frame
from features.geometry import rotate

DEGREES = (0, 15, 25, 35)
# Held out for their yaw.
SHARE = 0.1
# How far the copies of heads are turned, as for the models of the package.
TURNS = {"max_yaw": 40.0, "max_turn": 30.0, "max_pitch": 20.0, "max_roll": 15.0}
# Parameters for training, and key shapes that are then tried on the same stages.
VARIANTS = {
    "plain": (
        {},
        {"key shapes 3 rolls": Poses(roll=30.0), "key shapes 3 yaws x 3 rolls": Poses(3, 30.0)},
    ),
    "turned starts": ({"roll": 20.0, "roll_share": 0.35}, {}),
    "turned heads": (
        {"copies": 2, "alpha_per_sample": 0.004},
        {
            "turned heads, key shapes 3 rolls": Poses(roll=30.0),
            "turned heads, key shapes 5 yaws x 3 rolls": Poses(5, 30.0, n_early=3),
        },
    ),
    "routes": ({"poses": Poses(n_routes=3, n_early=3, overlap=2.0)}, {}),
}


def turned(model, degrees):
    """A copy of a model whose starts are turned in the plane."""
    model = copy.copy(model)
    angle, center = np.deg2rad(degrees), model.mean_.mean(0)
    turn = np.array([[np.cos(angle), np.sin(angle)]])
    model.starts_ = (rotate(model.starts_ - center, turn) + center).astype(np.float32)
    return model


def yaw(shapes):
    """Offset of the nose's tip from between the outer eye corners, in their distance: (n,)."""
    right, left, tip = shapes[:, 36], shapes[:, 45], shapes[:, 30]
    line = left - right
    return ((tip - (right + left) / 2) * line).sum(1) / (line**2).sum(1)


def split_by_yaw(faces):
    """Faces of the photographs with the widest yaw, and the others."""
    amount = np.abs(yaw(faces.shapes))
    groups = faces.groups
    widest = np.zeros(groups.max() + 1)
    np.maximum.at(widest, groups, amount)
    wide = (widest >= np.quantile(widest, 1 - SHARE))[groups]
    return faces.subset(wide), faces.subset(~wide)


def predicted(model, faces):
    found = [model.predict(faces.image(i), faces.boxes[i]) for i in range(len(faces))]
    return np.stack(found)


def turned_errors(model, faces):
    """NME by the angle that the start is turned by, mean of both sides."""
    row = {}
    for degrees in DEGREES:
        errors = [
            nme(predicted(turned(model, angle), faces), faces.shapes, faces.scheme)
            for angle in sorted({-degrees, degrees})
        ]
        row[f"turned_{degrees}"] = float(np.mean(errors))
    return row


def errors(model, faces):
    """NME by both normalisers, and the time a face."""
    began = time.process_time()
    shapes = predicted(model, faces)
    row = {"cpu_ms": (time.process_time() - began) / len(faces) * 1e3}
    for kind in ("interocular", "diagonal"):
        if kind == "diagonal" or faces.scheme.eye_corners:
            row[kind] = float(np.nanmean(nme(shapes, faces.shapes, faces.scheme, kind=kind)))
    return row


def variants(method, train, names):
    """Trained models by the names of their variants."""
    cls = METHODS[method]
    for name, (chosen, keys) in VARIANTS.items():
        if not {name, *keys} & names:
            continue
        options = dict(chosen)
        copies = options.pop("copies", 0)
        turns = {k: options.pop(k) for k in ("roll", "roll_share") if k in options}
        starts = Starts(**{**cls().starts.get_params(), **turns})
        model = cls(**options, starts=starts, test_mirror=True, random_state=0, n_jobs=1)
        faces = train
        if copies:
            recipes = parse("pose")
            recipes["pose"].set_params(**TURNS)
            faces = augment(train, recipes, copies)
        store = faces.store(Frame(model.frame_size, model.face_size))
        began = time.process_time()
        model.fit(store)
        seconds = time.process_time() - began
        yield name, seconds, model
        for name, poses in keys.items():
            began = time.process_time()
            model = copy.copy(model).fit_keys(store, poses)
            yield name, seconds + time.process_time() - began, model


def main():
    parser = arguments(__doc__)
    parser.add_argument("what", choices=("turned", "yaw", "imm"))
    add_data(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--method", default="sdm", choices=[m for m in METHODS if m != "dlib"])
    parser.add_argument("--models", type=Path, nargs="+", help="model files, for `turned`")
    parser.add_argument("--only", nargs="+", help="names of variants")
    options = parser.parse_args()
    rows = json.loads(options.out.read_text()) if options.out.exists() else {}
    if options.what == "imm":
        train, test = read_imm(data_folder(options))
        photograph = [Path(file).stem.split("-")[1][0] for file in test.files]
        test = test.subset([i for i, p in enumerate(photograph) if p in "34"])
    else:
        train, test = read_300w(data_folder(options))
    if options.what == "yaw":
        test, train = split_by_yaw(train)
        print(f"{len(test)} faces of yaw {np.abs(yaw(test.shapes)).min():.2f} and more, by photo")
    prefix = f"{options.what}/{options.method}/"
    every = {name for variant, (_, keys) in VARIANTS.items() for name in (variant, *keys)}
    names = {n for n in set(options.only or every) if prefix + n not in rows}
    if options.models:
        prefix = f"{options.what}/"
        found = ((str(file.name), None, cascade.load(file)) for file in options.models)
    else:
        found = variants(options.method, train, names)
    for name, seconds, model in found:
        if prefix + name in rows or not (options.models or name in names):
            continue
        row = {"train_cpu_s": seconds, **errors(model, test)}
        if options.what == "turned":
            row |= turned_errors(model, test)
        rows[prefix + name] = row | {"faces": len(test), "machine": machine()}
        options.out.write_text(json.dumps(rows, indent=1))
        shown = [
            f"{k} {v * 100:.2f}"
            for k, v in row.items()
            if k.startswith(("turned", "inter", "diag"))
        ]
        print(f"| {prefix}{name} | {' | '.join(shown)} | {row['cpu_ms']:.1f} ms |", flush=True)


if __name__ == "__main__":
    run(main)
