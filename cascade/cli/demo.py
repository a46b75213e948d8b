"""``cascade demo``: the whole way in two minutes, from faces that the package draws itself."""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from data_tools import metrics
from data_tools.files import replace_file
from features.errors import InputError

from ..evaluation import align_all
from ..initialization import Starts
from ..methods import METHODS
from .common import file_size, output_folder, percent, refuse_unwritable, reporting, say

_N_TRAIN, _N_TEST = 800, 100
_IMAGE_SIZE = 192
_N_DRAWN, _COLUMNS = 8, 4
_PARAMETERS = {"n_stages": 6, "n_trees": 100, "n_points": 250, "n_components": 28}
_N_STARTS = 10
# Seeds of the faces to train on and of those held out.
_TRAIN_SEED, _TEST_SEED = 1, 2


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where the results go.")
    ] = Path("cascade-demo"),
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Threads; -1 takes every core.")] = -1,
):
    """Train on drawn faces, evaluate, and fit a photograph; under two minutes.

    Needs no network and no data, and writes to FOLDER alone.
    """
    folder = output_folder(folder)
    refuse_unwritable(folder / "probe")
    with reporting() as progress:
        model, held_out = _train(jobs, progress)
        aligned, seconds = align_all(model, held_out, progress=progress.counting("testing"))
    written = _judge(folder, model, held_out, aligned, seconds) + _portrait(folder)
    say()
    say("Written", style="bold")
    for path, what in written:
        say(f"  {path}  ({file_size(path)}): {what}")
    say()
    say("Try next", style="bold")
    say(f"  cascade info {folder / 'model.safetensors'}")
    say(f"  cascade predict YOUR_PHOTO.jpg --draw {folder}")
    say("  cascade train ert YOUR_FOLDER --validation 0.1 --out model.safetensors")


def _train(jobs, progress):
    """A model trained on drawn faces, and others that were held out."""
    from data_tools.synthetic import synthetic_faces

    faces, held_out = (
        synthetic_faces(n, seed, _IMAGE_SIZE, progress=progress.counting("drawing faces"))
        for n, seed in ((_N_TRAIN, _TRAIN_SEED), (_N_TEST, _TEST_SEED))
    )
    progress.say(f"drew {_N_TRAIN} faces to train on and {_N_TEST} to test on")
    model = METHODS["ert"](**_PARAMETERS, starts=Starts(n=_N_STARTS), random_state=0, n_jobs=jobs)
    notes = {"data": f"{_N_TRAIN} drawn faces", "boxes": "drawn", "terms": "free to use"}
    model.fit(faces, held_out, progress=progress, notes=notes)
    return model, held_out


def _judge(folder, model, held_out, aligned, seconds):
    """Write and tell how the model does on the held-out faces: the files and what they are."""
    from data_tools.plots import montage, overlay, plot_ced

    mean = np.concatenate(
        [model.align(held_out.image(i), held_out.boxes[i]).initial for i in range(_N_TEST)]
    )
    errors = {
        name: metrics.nme(shapes, held_out.shapes, held_out.scheme)
        for name, shapes in (("mean shape", mean), ("ERT", aligned))
    }
    say(f"mean error of {_N_TEST} drawn faces that training did not see, by outer eye corners:")
    for name, error in errors.items():
        say(f"  {name:<12}{percent(error.mean()):>8}")
    say(f"  at {np.median(seconds) * 1e3:.2f} ms a face on one thread")
    target, ced, sheet = (folder / name for name in ("model.safetensors", "ced.png", "faces.png"))
    model.save(target)
    plot_ced(errors, ced, title="Drawn faces")
    drawn = [
        overlay(held_out.image(i), aligned[i : i + 1], held_out.scheme, held_out.boxes[i : i + 1])
        for i in range(_N_DRAWN)
    ]
    _write_png(sheet, montage(drawn, _COLUMNS))
    return [
        (target, "the model trained just now"),
        (ced, "share of faces below each error"),
        (sheet, "what it finds in faces it has not seen"),
    ]


def _portrait(folder):
    """Fit the pretrained model to the portrait that scikit-image ships."""
    from skimage.data import astronaut

    from data_tools.detectors import detect
    from data_tools.plots import overlay

    from ..pretrained import pretrained
    from .predict import corrected

    try:
        model = pretrained()
    except InputError as error:
        say(f"the photograph is left out: {error}")
        return []
    image = astronaut()[:, :, ::-1]
    boxes = corrected(detect(image), "lbp", model)[:1]
    if not len(boxes):
        say("the photograph is left out: the detector found no face in it")
        return []
    target = folder / "portrait.png"
    _write_png(target, overlay(image, model.predict(image, boxes), model.scheme_, boxes))
    return [(target, "the pretrained model on a photograph")]


def _write_png(path, image):
    _, data = cv2.imencode(".png", image)
    replace_file(path, data.tobytes())
