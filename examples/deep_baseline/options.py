"""The trainer's command line, and the backend of Keras."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path

from zoo import NETWORKS

from features.errors import InputError, require_range

RANGES = {
    "minutes": (1e-3, 1e5), "cpu_minutes": (1e-3, 1e5), "epochs": (1, 100_000),
    "size": (15, 512), "expand": (0.5, 4),
    "width": (1, 1024), "reduction": (1, 1024), "rate": (1e-7, 1), "decay": (0, 1),
    "batch": (2, 4096), "validation": (0.01, 0.9), "seed": (0, 2**31), "threads": (0, 1024),
    "heads": (4, 1_000_000), "limit": (4, 10**9),
}  # fmt: skip


def parse(arguments=None):
    """The options, checked; those not given are the network's own, else the general ones."""
    parser = argparse.ArgumentParser(
        description="Train a network that finds landmarks, as a peer of the cascades.",
        epilog="example: train.py 300w/helen/trainset 300w/lfpw/trainset --out net.onnx "
        "--minutes 20 --resume",
    )
    add = parser.add_argument
    add("folders", nargs="*", type=Path, help="images, each with a .pts file, and boxes.csv")
    add("--network", choices=NETWORKS, default="se-resnet", help="(%(default)s)")
    add("--out", type=Path, required=True, metavar="FILE.onnx")
    add("--boxes", default="csv", help="csv, tight or a file, as in cascade train (%(default)s)")
    add("--limit", type=int, help="take only so many faces, at random")
    add("--heads", type=int, default=2000, help="to draw, where depth is needed (%(default)s)")
    add("--minutes", type=float, help="stop after this time, the learning rate ending at zero")
    add("--cpu-minutes", type=float, help="the same by CPU time, which other work does not stretch")
    add("--epochs", type=int, help="stop after so many; 100 where no limit is given")
    add("--loss", choices=("wing", "l2"), default="wing", help="(%(default)s)")
    add("--size", type=int, help="pixels of the crop's side (112 for SE-ResNet)")
    add("--expand", type=float, help="crop's side over the box's (1.4)")
    add("--width", type=int, help="channels of the first stage (32)")
    add("--blocks", type=int, nargs="+", help="of each stage (1 1 1 1)")
    add("--reduction", type=int, help="of squeeze and excitation (16)")
    add("--rate", type=float, help="highest learning rate (0.001)")
    add("--decay", type=float, default=0.05, help="of the weights, in AdamW (%(default)s)")
    add("--batch", type=int, default=16, help="faces (%(default)s)")
    add("--validation", type=float, default=0.1, help="share of held-out faces (%(default)s)")
    add("--contour", action="store_true", help="3ddfa: add DeFA's contour loss")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=0, help="of the CPU; 0 for all")
    add(
        "--resume",
        action="store_true",
        help="go on from the checkpoint FILE.onnx.checkpoint, if need be to another limit",
    )
    add("--terms", default="", help="terms of use of the faces, kept in the file")
    options = parser.parse_args(arguments)
    entry = NETWORKS[options.network]
    general = {"size": 112, "expand": 1.4, "width": 32, "blocks": [1, 1, 1, 1], "reduction": 16,
               "rate": 1e-3}  # fmt: skip
    for name, value in (general | entry.defaults).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if not options.folders and not entry.drawn:
        raise InputError(f"{options.network} learns from photographs: name at least one folder")
    if options.minutes is options.cpu_minutes is options.epochs is None:
        options.epochs = 100
    for name, (low, high) in RANGES.items():
        if getattr(options, name) is not None:
            require_range(f"--{name.replace('_', '-')}", getattr(options, name), low, high)
    for n_blocks in options.blocks:
        require_range("--blocks", n_blocks, 1, 100)
    return options


def load_keras(n_threads):
    """Import Keras on `n_threads` of the CPU, with the backend that KERAS_BACKEND names, else
    TensorFlow, else torch.

    Raises
    ------
    InputError
        If no backend, or what writes and runs ONNX files, is installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    backend = "tensorflow" if find_spec("tensorflow") or not find_spec("torch") else "torch"
    backend = os.environ.setdefault("KERAS_BACKEND", backend)
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401

        if backend == "torch":
            import torch

            if n_threads:
                torch.set_num_threads(n_threads)
        else:
            import tensorflow as tf

            if n_threads:
                tf.config.threading.set_intra_op_parallelism_threads(n_threads)
                tf.config.threading.set_inter_op_parallelism_threads(n_threads)
        import keras  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"the deep baseline needs more packages ({error}); install them with: "
            "pip install 'cascade-align[deep]'"
        ) from error
