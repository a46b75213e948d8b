"""Train the models that ship with the package, and write their figures into their files.

    cd cascade/models
    python ../../examples/make_pretrained.py DATA sdm68
    python ../../examples/make_pretrained.py DATA ert68 lbf68-fast
    python ../../examples/make_pretrained.py DATA jda

DATA holds ``300w/helen/trainset``, ``300w/lfpw/trainset``, ``300w/afw`` (training) and
``300w/lfpw/testset`` (the figures in the card; nothing is tuned on it); for ``jda`` also
``backgrounds``, photographs without faces, of which every third is held back. The same seed gives
the same file for any number of threads.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

from cascade import METHODS, Starts, load
from cascade.detection.jda.detector import JdaDetector
from cascade.judging.evaluation import evaluate
from cascade.loop.progress import Console
from data_tools.augment import augment, describe, parse
from data_tools.backgrounds import held_back, to_train_on
from data_tools.boxes import iou
from data_tools.readers import read_folder, read_folders
from features.images import read_image
from features.workers import Workers

TRAINING = ("300w/helen/trainset", "300w/lfpw/trainset", "300w/afw")
TEST = "300w/lfpw/testset"
BACKGROUNDS = "backgrounds"
#: The face detector of the package.
FINDER = "jda"
TERMS = (
    "Research only. The 300-W (iBUG) annotations are not for commercial use, and neither is this "
    "model."
)
# Heads turned a little beyond those of the photographs: farther ones cost more on frontal faces
# than they bring, as held-out training faces tell.
TURNS = {"max_yaw": 40.0, "max_turn": 30.0, "max_pitch": 20.0, "max_roll": 15.0}


class Model(NamedTuple):
    """How a model of the package is trained."""

    method: str
    preset: str
    parameters: dict
    copies: int
    roll: int
    """Degrees of in-plane rotation that it takes."""


MODELS = {
    "sdm68": Model("sdm", "robust", {"alpha_per_sample": 0.004}, 2, 45),
    "ert68": Model("ert", "accurate", {"confidence": True, "starts": Starts(n=12)}, 1, 20),
    "lbf68-fast": Model("lbf", "fast", {"confidence": True}, 1, 20),
}


def card(model, n_faces, recipes):
    """The facts that travel in the model file."""
    return {
        "name": f"{model.method} with preset {model.preset}, 68 landmarks in 300-W order",
        "data": f"300-W training faces of HELEN, LFPW and AFW: {n_faces} faces, about 64 % of the "
        "standard training set, and their mirror images",
        "augmentation": describe(recipes, model.copies),
        "terms": TERMS,
        "boxes": "300w-csv",
        "limits": "Adult faces from frontal to half profile, in-plane rotation below about "
        f"{model.roll} degrees; boxes as a common face detector gives them.",
    }


def train(name, faces, options, progress):
    """A trained model of the package."""
    model = MODELS[name]
    recipes = parse("pose")
    recipes["pose"].set_params(**TURNS)
    with Workers(options.jobs) as workers:
        more = augment(faces, recipes, model.copies, options.seed, workers=workers,
                       progress=progress.counting("planning copies"))  # fmt: skip
    cls = METHODS[model.method]
    parameters = cls.PRESETS[model.preset] | model.parameters
    made = cls(**parameters, random_state=options.seed, n_jobs=options.jobs)
    return made.fit(more, progress=progress, notes=card(model, len(faces), recipes))


def finder_card(n_faces, n_backgrounds):
    """The facts that travel in the file of a face detector."""
    return {
        "terms": TERMS,
        "name": "Joint cascade of face detection and alignment, 68 landmarks in 300-W order",
        "data": f"300-W training faces of HELEN, LFPW and AFW: {n_faces} faces and their mirror "
        f"images; {n_backgrounds} photographs without faces (ImageNet samples)",
        "boxes": "square, as 300w-csv lie to the landmarks on average",
        "limits": "Faces of 20 pixels and more, from frontal to about half profile, turned in the "
        "plane by up to 40 degrees, and farther where --rotation asks for it.",
    }


def finds(detector, test, empty):
    """Recall and wrong boxes of a face detector as it is used, in words."""
    found = [detector(test.image(i)) for i in range(len(test))]
    pairs = zip(found, test.boxes, strict=True)
    hits = sum(len(boxes) > 0 and iou(boxes, box).max() >= 0.5 for boxes, box in pairs)
    wrong = sum(len(detector(image)) for image in empty)
    return (
        f"LFPW test set of 300-W, {len(test)} faces: {hits / len(test):.1%} found at an overlap of "
        f"0.5 with the detector boxes; {wrong / len(empty):.3f} wrong boxes an image on "
        f"{len(empty)} photographs without faces that were held back; faces from 20 pixels"
    )


def train_finder(faces, test, options):
    """Train, judge and save the face detector."""
    folder, out = options.data / BACKGROUNDS, options.out / f"{FINDER}.safetensors"
    files = [file for file in folder.iterdir() if file.suffix.lower() == ".jpg"]
    part = out.with_name(out.name + ".part")
    with Console() as progress:
        backgrounds = [read_image(file) for file in to_train_on(files)]
        model = METHODS["jda"](random_state=options.seed, n_jobs=options.jobs)
        model.fit(faces, backgrounds, progress=progress, checkpoint=part, resume=True,
                  notes=finder_card(len(faces), len(backgrounds)))  # fmt: skip
    model.save(out)
    empty = [read_image(file) for file in held_back(files)]
    model.notes_["figures"] = finds(JdaDetector(out), test, empty)
    model.save(out)
    part.unlink(missing_ok=True)
    tell(out)


def tell(path):
    """Say what was written."""
    print(load(path).notes_["figures"])
    print(f"wrote {path}, {path.stat().st_size / 1e6:.2f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="+", choices=sorted([*MODELS, FINDER]))
    parser.add_argument("--out", type=Path, default=Path(), help="folder to write to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=-1)
    options = parser.parse_args()

    faces = read_folders([options.data / folder for folder in TRAINING])
    test = read_folder(options.data / TEST)
    for name in options.names:
        if name == FINDER:
            train_finder(faces, test, options)
            continue
        with Console() as progress:
            model = train(name, faces, options, progress)
        figures, _ = evaluate(model, test)
        model.notes_["figures"] = (
            f"LFPW test set of 300-W, {figures['n']} faces, detector boxes: NME "
            f"{figures['nme_interocular'] * 100:.2f} % by outer eye corners, "
            f"{figures['nme_interpupil'] * 100:.2f} % by pupils; failures above 8 %: "
            f"{figures['fr08'] * 100:.1f} %"
        )
        out = options.out / f"{name}.safetensors"
        model.save(out)
        tell(out)


if __name__ == "__main__":
    main()
