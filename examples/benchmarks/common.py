"""What the benchmarks share: their arguments, their faces, and how they end on an error."""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

from data_tools.readers import read_folders
from data_tools.synthetic import synthetic_faces
from features.errors import InputError

TRAINING = ("300w/helen/trainset", "300w/lfpw/trainset", "300w/afw")
TEST = ("300w/lfpw/testset",)
IMM = "imm"
SYNTHETIC = "synthetic"


def arguments(text):
    """A parser of which the help is the text of the script, with its examples."""
    return argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_data(parser, sets=None):
    """Add the argument DATA; with `sets`, folders in it, also the option to name others.

    The option is called --sets, and DATA may then be `synthetic`. See `data_folder`, `read_faces`.
    """
    drawn = "" if sets is None else f", or the word {SYNTHETIC}"
    parser.add_argument("data", metavar="DATA", help=f"the folder that holds 300w/ and imm/{drawn}")
    if sets is not None:
        parser.add_argument(
            "--sets", nargs="+", default=list(sets), metavar="FOLDER",
            help=f"folders of faces in DATA, as `cascade train` takes them ({' '.join(sets)})",
        )  # fmt: skip


def data_folder(options):
    """The folder DATA.

    Raises
    ------
    InputError
        If it holds neither 300w/ nor imm/.
    """
    data = Path(options.data)
    if not any((data / name).is_dir() for name in ("300w", IMM)):
        raise InputError(f"{data}: no folder 300w or imm in it; name the one that holds them")
    return data


def read_faces(options, limit=None):
    """Faces of the sets that were asked for, or drawn ones; at most `limit`, spread over them."""
    if options.data == SYNTHETIC:
        return synthetic_faces(limit or 400, seed=0, size=256)
    data = data_folder(options)
    faces = read_folders([data / folder for folder in options.sets])
    if limit and limit < len(faces):
        faces = faces.subset(np.linspace(0, len(faces) - 1, limit).astype(int))
    return faces


def run(main):
    """Run a script; an error of the user is one line, and the exit code 1."""
    try:
        main()
    except InputError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")


def machine():
    """One line that says what the figures were measured on."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"{platform.machine()}, {os.cpu_count()} CPUs, load {load:.1f}"


def alternate(runs, n_faces, n_rounds):
    """CPU milliseconds a face of each of `runs`, named functions: medians of alternating rounds."""
    times = {name: [] for name in runs}
    for _ in range(n_rounds):
        for name, run in runs.items():
            began = time.process_time()
            run()
            times[name].append((time.process_time() - began) / n_faces * 1e3)
    return {name: float(np.median(row)) for name, row in times.items()}


def needed_dlib():
    """The module dlib.

    Raises
    ------
    InputError
        If it is missing, with the line that installs it.
    """
    from cascade.judging.compare.specs import needed

    return needed("dlib", "pip install dlib-bin", "this benchmark")


def dlib_trainer(n_stages, n_trees, depth, oversampling, n_jobs=1):
    """A function that trains dlib's shape predictor on crops and landmarks."""
    dlib = needed_dlib()
    options = dlib.shape_predictor_training_options()
    options.cascade_depth = n_stages
    options.num_trees_per_cascade_level = n_trees
    options.tree_depth = depth
    options.oversampling_amount = oversampling
    options.num_threads = n_jobs
    options.be_verbose = False

    def train(crops, rectangle, shapes, folder):
        rectangles = rectangle if isinstance(rectangle, list) else [rectangle] * len(crops)
        detections = []
        for box, shape in zip(rectangles, shapes, strict=True):
            points = dlib.points([dlib.point(*p) for p in np.rint(shape).astype(int).tolist()])
            detections.append([dlib.full_object_detection(box, points)])
        return dlib.train_shape_predictor(list(crops), detections, options)

    return train
