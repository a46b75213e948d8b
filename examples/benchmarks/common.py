"""What the benchmarks share."""

import os
import platform
import time
from pathlib import Path

import numpy as np

from data_tools.readers import read_folders
from data_tools.synthetic import synthetic_faces


def read_faces(folder, limit=None):
    """Faces of one or more folders (joined by commas), or `synthetic` ones."""
    if folder == "synthetic":
        return synthetic_faces(limit or 400, seed=0, size=256)
    folders = [Path(part) for part in folder.split(",")]
    faces = read_folders(folders)
    if limit and limit < len(faces):
        faces = faces.subset(np.linspace(0, len(faces) - 1, limit).astype(int))
    return faces


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


def dlib_trainer(n_stages, n_trees, depth, oversampling, n_jobs=1):
    """A function that trains dlib's shape predictor on crops and landmarks."""
    import dlib

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
