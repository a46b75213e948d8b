"""What several commands share: options, reading faces, the terminal."""

import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from data_tools.readers import read_folders
from data_tools.readers.folder import IMAGE_SUFFIXES
from features.errors import InputError

from ..formats import load
from ..loop.progress import Console as Progress

OUR_PACKAGES = ("cascade", "features", "data_tools")
BOX_SOURCES = ("csv", "tight", "detect")
# Probability from which on a landmark is drawn as visible.
SEEN = 0.5
_N_SHOWN = 5

Folders = Annotated[
    list[Path],
    typer.Argument(
        metavar="FOLDER",
        help="Folders of images, each image with a .pts file beside it, or imglab's .xml files.",
    ),
]
Boxes = Annotated[
    str,
    typer.Option(
        metavar="csv|tight|detect|FILE",
        help="Face boxes: the folder's boxes.csv, the landmarks' bounding box, a detector, "
        "or a csv file image,left,top,right,bottom.",
    ),
]
Detector = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Face detector: lbp (always there), dlib (where installed) or yunet:FILE.",
    ),
]
NStarts = Annotated[
    int | None,
    typer.Option(
        "--starts",
        min=1,
        max=16,
        help="Starts whose median is the answer; without it, the model's own number.",
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Threads; -1 takes every core.")]

terminal = Console(highlight=False, soft_wrap=True)
"""Where results go: stdout."""


def say(text="", style=None):
    """Print a line of results; no markup, no wrapping."""
    terminal.print(text, style=style, markup=False)


def percent(fraction):
    """A fraction as a percentage, for people."""
    return "unknown" if fraction is None else f"{fraction * 100:.2f} %"


def rounded(array):
    """An array as lists of numbers for JSON, to a thousandth."""
    return np.round(np.asarray(array, float), 3).tolist()


def file_size(path):
    """Size of a file, for people."""
    size = Path(path).stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def looks_like_model(path):
    """Whether an argument names a model: anything but an image file or annotated faces."""
    return path.suffix.lower() not in (*IMAGE_SUFFIXES, ".xml") and not path.is_dir()


def load_model(path):
    """Load a model file, `path`, or without one the pretrained model."""
    from ..models import pretrained

    return pretrained() if path is None else load(path)


def refuse_unwritable(path):
    """Raise InputError unless a file can be made at `path`; to be called before hours of work."""
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; make it first")
    probe = folder / f".{path.name}.{os.getpid()}.probe"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"{folder}: cannot write here ({error.strerror}); name another folder"
        ) from error


def read_faces(folders, boxes, detector, progress):
    """The faces of `folders`; what was skipped is told to `progress`.

    Raises
    ------
    InputError
        As `read_folders`, and for a detector that cannot run.
    """
    find = None
    if boxes == "detect":
        from data_tools.detectors import get_detector

        find = get_detector(detector)
    elif boxes not in BOX_SOURCES and not Path(boxes).is_file():
        raise typer.BadParameter(
            f"{boxes!r} is neither csv, tight, detect nor a csv file", param_hint="--boxes"
        )
    try:
        faces = read_folders(
            folders, boxes=boxes, detector=find, progress=progress.counting("reading faces")
        )
    except InputError as error:  # the remedy in the words of the command line
        raise InputError(str(error).replace("boxes='tight'", "--boxes tight")) from error
    tell_skipped(faces.skipped, progress)
    return faces


def corrected(boxes, detector, cascade):
    """Boxes of a detector, drawn as the model's training boxes were, where that is known."""
    from data_tools.detectors import CORRECTIONS

    correction = CORRECTIONS.get((detector.partition(":")[0], cascade.notes_.get("boxes")))
    return boxes if correction is None else correction.apply(boxes)


def tell_skipped(skipped, progress):
    """Tell how many files were left out for which reason, with the first of each."""
    reasons = Counter(entry.reason for entry in skipped)
    first = {entry.reason: entry.file for entry in reversed(skipped)}
    for reason, count in reasons.most_common(_N_SHOWN):
        others = f" and {count - 1} more" if count > 1 else ""
        progress.say(f"skipped {first[reason]}{others}: {reason}")
    if len(reasons) > _N_SHOWN:
        rest = sum(count for _, count in reasons.most_common()[_N_SHOWN:])
        progress.say(f"skipped {rest} more files for other reasons")


@contextmanager
def reporting():
    """A `Progress` on stderr that also announces when numba compiles our kernels."""
    from numba.core import event

    class Announce(event.Listener):
        """Compiling takes long once; who waits should know why."""

        told = False

        def on_start(self, happening):
            module = happening.data["dispatcher"].py_func.__module__
            if not self.told and module.partition(".")[0] in OUR_PACKAGES:
                self.told = True
                progress.say("compiling kernels, once: about 20 s")

        def on_end(self, happening):
            pass

    with Progress() as progress, event.install_listener("numba:compile", Announce()):
        yield progress
