"""``cascade demo``: training, evaluation and fitting in two minutes, on drawn faces."""

from pathlib import Path
from typing import Annotated

import typer

from data_tools.files import make_folder, replace_file
from features.errors import InputError

from .common import file_size, percent, refuse_unwritable, reporting, say
from .options import Jobs

_N_TRAIN, _N_TEST = 800, 100
_IMAGE_SIZE = 192
_N_DRAWN, _COLUMNS = 8, 4
# Small versions of two methods, trained on the same faces.
_METHODS = {
    "ert": {"n_stages": 6, "n_trees": 100, "n_points": 250, "n_components": 28},
    "lbf": {"radius": (0.25, 0.18, 0.12, 0.08), "n_trees": 4, "n_components": 24},
}
_N_STARTS = {"ert": 10, "lbf": 5}
# Seeds of the faces to train on and of those held out.
_TRAIN_SEED, _TEST_SEED = 1, 2


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where the results go.")
    ] = Path("cascade-demo"),
    jobs: Jobs = -1,
):
    """Train on drawn faces, evaluate, and fit a photograph; under two minutes.

    Needs no network and no data, and writes only to FOLDER.
    """
    from ..judging.evaluation import align_all

    folder = make_folder(folder)
    refuse_unwritable(folder / "probe")
    with reporting() as progress:
        models, held_out = _train(jobs, progress)
        aligned = {
            name: align_all(model, held_out, progress=progress.counting("testing"))
            for name, model in models.items()
        }
    written = _judge(folder, models, held_out, aligned) + _portrait(folder)
    say()
    say("Written", style="bold")
    for path, what in written:
        say(f"  {path}  ({file_size(path)}): {what}")
    say()
    say("Try next", style="bold")
    say(f"  cascade info {folder / 'ert.safetensors'}")
    say(f"  cascade predict YOUR_PHOTO.jpg --draw {folder}")
    say("  cascade train ert YOUR_FOLDER --validation 0.1 --out model.safetensors")


def _train(jobs, progress):
    """Models by method, trained on drawn faces, and others that were held out."""
    from data_tools.synthetic import synthetic_faces

    from ..loop.starts import Starts
    from ..methods import METHODS

    faces, held_out = (
        synthetic_faces(n, seed, _IMAGE_SIZE, progress=progress.counting("drawing faces"))
        for n, seed in ((_N_TRAIN, _TRAIN_SEED), (_N_TEST, _TEST_SEED))
    )
    progress.say(f"drew {_N_TRAIN} faces to train on and {_N_TEST} to test on")
    notes = {"data": f"{_N_TRAIN} drawn faces", "boxes": "drawn", "terms": "free to use"}
    models = {}
    for name, parameters in _METHODS.items():
        progress.say(f"training {name.upper()}")
        starts = Starts(n=_N_STARTS[name])
        model = METHODS[name](**parameters, starts=starts, random_state=0, n_jobs=jobs)
        models[name] = model.fit(faces, held_out, progress=progress, notes=notes)
    return models, held_out


def _judge(folder, models, held_out, aligned):
    """Write and tell how the models do on the held-out faces: the files and what they are."""
    import numpy as np

    from data_tools import metrics
    from data_tools.plots import montage, overlay, plot_ced

    first = next(iter(models.values()))
    mean = np.concatenate(
        [first.align(held_out.image(i), held_out.boxes[i]).initial for i in range(_N_TEST)]
    )
    shapes = {"mean shape": mean} | {name.upper(): found.shapes for name, found in aligned.items()}
    errors = {
        name: metrics.nme(found, held_out.shapes, held_out.scheme) for name, found in shapes.items()
    }
    say(f"mean error of {_N_TEST} drawn faces that training did not see, by outer eye corners:")
    for name, error in errors.items():
        say(f"  {name:<12}{percent(error.mean()):>8}")
    for name, found in aligned.items():
        say(f"  {name.upper()} at {np.median(found.seconds) * 1e3:.2f} ms a face on one thread")
    written = []
    for name, model in models.items():
        model.save(folder / f"{name}.safetensors")
        written.append((folder / f"{name}.safetensors", f"the {name.upper()} trained just now"))
    ced, sheet = folder / "ced.png", folder / "faces.png"
    plot_ced(errors, ced, title="Drawn faces")
    found = shapes["ERT"]
    drawn = [
        overlay(held_out.image(i), found[i : i + 1], held_out.scheme, held_out.boxes[i : i + 1])
        for i in range(_N_DRAWN)
    ]
    _write_png(sheet, montage(drawn, _COLUMNS))
    return [
        *written,
        (ced, "share of faces below each error"),
        (sheet, "what ERT finds in faces it has not seen"),
    ]


def _portrait(folder):
    """Fit the pretrained model to the portrait that scikit-image ships."""
    from skimage.data import astronaut

    from ..detection import find_faces
    from ..detection.drawing import draw
    from ..models import pretrained

    try:
        model = pretrained()
    except InputError as error:
        say(f"the photograph is left out: {error}")
        return []
    image = astronaut()[:, :, ::-1]
    found = find_faces(image, model, max_faces=1)
    if not len(found):
        say("the photograph is left out: the detector found no face in it")
        return []
    target = folder / "portrait.png"
    draw(image, found, target)
    return [(target, "the pretrained model on a photograph")]


def _write_png(path, image):
    import cv2

    _, data = cv2.imencode(".png", image)
    replace_file(path, data.tobytes())
