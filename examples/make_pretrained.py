"""Train the models that ship with the package, and write their figures into their files.

    cd cascade/models
    python ../../examples/make_pretrained.py DATA ert --out ert68.safetensors
    python ../../examples/make_pretrained.py DATA sdm --preset robust --out sdm68.safetensors
    python ../../examples/make_pretrained.py DATA jda --preset default --out jda.safetensors

DATA holds ``300w/helen/trainset``, ``300w/lfpw/trainset``, ``300w/afw`` (training) and
``300w/lfpw/testset`` (the figures in the card; nothing is tuned on it); for ``jda`` also
``backgrounds``, photographs without faces, of which every third is held back. The same seed gives
the same file for any number of threads.
"""

import argparse
from pathlib import Path

from cascade import METHODS, load
from cascade.judging.evaluation import evaluate
from cascade.loop.progress import Console
from data_tools.backgrounds import held_back, to_train_on
from data_tools.boxes import iou
from data_tools.readers import read_folder, read_folders
from features.images import read_image

TRAINING = ("300w/helen/trainset", "300w/lfpw/trainset", "300w/afw")
TEST = "300w/lfpw/testset"
BACKGROUNDS = "backgrounds"


def card(n_faces, preset, method):
    """The facts that travel in the model file."""
    return {
        "name": f"{method} with preset {preset}, 68 landmarks in 300-W order",
        "data": f"300-W training faces of HELEN, LFPW and AFW: {n_faces} faces, about 64 % of the "
        "standard training set, and their mirror images",
        "terms": "Research only. The 300-W (iBUG) annotations are not for commercial use, and "
        "neither is this model.",
        "boxes": "300w-csv",
        "limits": "Adult faces from frontal to about half profile, in-plane rotation below about "
        f"{45 if preset == 'robust' else 20} degrees; boxes as a common face detector gives them.",
    }


def finder_card(n_faces, n_backgrounds):
    """The facts that travel in the file of a face detector."""
    return {
        **card(n_faces, "default", "jda"),
        "name": "Joint cascade of face detection and alignment, 68 landmarks in 300-W order",
        "data": f"300-W training faces of HELEN, LFPW and AFW: {n_faces} faces and their mirror "
        f"images; {n_backgrounds} photographs without faces (ImageNet samples)",
        "boxes": "square, as 300w-csv lie to the landmarks on average",
        "limits": "Faces of 20 pixels and more, from frontal to about half profile, in-plane "
        "rotation below about 20 degrees of the angles that are searched.",
    }


def finds(model, test, empty):
    """Recall, wrong boxes and error of a face detector, in words."""
    found = [model.detect(test.image(i)) for i in range(len(test))]
    pairs = zip(found, test.boxes, strict=True)
    hits = sum(len(f) > 0 and iou(f.boxes, box).max() >= 0.5 for f, box in pairs)
    wrong = sum(len(model.detect(image)) for image in empty)
    return (
        f"LFPW test set of 300-W, {len(test)} faces: {hits / len(test):.1%} found at an overlap of "
        f"0.5 with the detector boxes; {wrong / len(empty):.3f} wrong boxes an image on "
        f"{len(empty)} photographs without faces that were held back; faces from 40 pixels"
    )


def train_finder(options):
    """Train, judge and save the face detector."""
    folder = options.data / BACKGROUNDS
    files = [file for file in folder.iterdir() if file.suffix.lower() == ".jpg"]
    cls, part = METHODS[options.method], options.out.with_name(options.out.name + ".part")
    with Console() as progress:
        faces = read_folders([options.data / each for each in TRAINING])
        backgrounds = [read_image(file) for file in to_train_on(files)]
        model = cls(**cls.PRESETS[options.preset], random_state=options.seed, n_jobs=options.jobs)
        model.fit(faces, backgrounds, progress=progress, checkpoint=part, resume=True,
                  notes=finder_card(len(faces), len(backgrounds)))  # fmt: skip
    test = read_folder(options.data / TEST)
    model.notes_["figures"] = finds(model, test, [read_image(file) for file in held_back(files)])
    model.save(options.out)
    part.unlink(missing_ok=True)
    print(load(options.out).notes_["figures"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("method", choices=sorted(METHODS))
    parser.add_argument("--preset", default="accurate")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=-1)
    options = parser.parse_args()
    if options.method == "jda":
        train_finder(options)
        return

    with Console() as progress:
        faces = read_folders([options.data / folder for folder in TRAINING])
        cls = METHODS[options.method]
        model = cls(
            **cls.PRESETS[options.preset], random_state=options.seed, n_jobs=options.jobs
        ).fit(faces, progress=progress, notes=card(len(faces), options.preset, options.method))
    test = read_folder(options.data / TEST)
    figures, _ = evaluate(model, test)
    model.notes_["figures"] = (
        f"LFPW test set of 300-W, {figures['n']} faces, detector boxes: NME "
        f"{figures['nme_interocular'] * 100:.2f} % by outer eye corners, "
        f"{figures['nme_interpupil'] * 100:.2f} % by pupils; failures above 8 %: "
        f"{figures['fr08'] * 100:.1f} %"
    )
    model.save(options.out)
    print(load(options.out).notes_["figures"])
    print(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
