"""Train an SE-ResNet that regresses the landmarks directly, as a peer of the cascades.

    pip install 'cascade-align[deep]'
    python examples/deep_baseline/train.py FOLDER... --out se_resnet.onnx --minutes 30

It reads the folders and boxes that ``cascade train`` reads, jitters boxes as the cascades jitter
their starts, and keeps the weights that are best on held-out faces. A checkpoint is written after
every epoch; ``--resume`` goes on from it. At the end it prints the spec for ``cascade compare``.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from crops import MEAN, SCALE, Crops
from training import Training

from cascade.loop.progress import Console
from cascade.loop.starts import mean_shape
from data_tools.metrics import nme
from data_tools.readers import read_folders
from features.errors import InputError, require_range
from features.frame import Frame

RANGES = {
    "minutes": (1e-3, 1e5), "epochs": (1, 100_000), "size": (32, 512), "expand": (0.5, 4),
    "width": (1, 1024), "reduction": (1, 1024), "rate": (1e-7, 1), "decay": (0, 1),
    "batch": (2, 4096), "validation": (0.01, 0.9), "seed": (0, 2**31), "threads": (0, 1024),
}  # fmt: skip


def parse(arguments=None):
    """The options, checked."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0],
        epilog="example: train.py 300w/helen/trainset 300w/lfpw/trainset --out net.onnx "
        "--minutes 30 --resume",
    )
    add = parser.add_argument
    add("folders", nargs="+", type=Path, help="images, each with a .pts file, and boxes.csv")
    add("--out", type=Path, required=True, metavar="FILE.onnx")
    add("--boxes", default="csv", help="csv, tight or a file, as in cascade train (%(default)s)")
    add("--minutes", type=float, help="stop after this time, the learning rate ending at zero")
    add("--epochs", type=int, help="stop after so many; 100 where neither is given")
    add("--loss", choices=("wing", "l2"), default="wing", help="(%(default)s)")
    add("--size", type=int, default=112, help="pixels of the crop's side (%(default)s)")
    add("--expand", type=float, default=1.4, help="crop's side over the box's (%(default)s)")
    add("--width", type=int, default=32, help="channels of the first stage (%(default)s)")
    add("--blocks", type=int, nargs="+", default=[1, 1, 1, 1], help="of each stage (1 1 1 1)")
    add("--reduction", type=int, default=16, help="of squeeze and excitation (%(default)s)")
    add("--rate", type=float, default=1e-3, help="highest learning rate (%(default)s)")
    add("--decay", type=float, default=0.05, help="of the weights, in AdamW (%(default)s)")
    add("--batch", type=int, default=16, help="faces (%(default)s)")
    add("--validation", type=float, default=0.1, help="share of held-out faces (%(default)s)")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=0, help="of TensorFlow on the CPU; 0 for all")
    add("--resume", action="store_true", help="go on from the checkpoint FILE.onnx.checkpoint")
    add("--terms", default="", help="terms of use of the faces, kept in the file")
    options = parser.parse_args(arguments)
    if options.minutes is None and options.epochs is None:
        options.epochs = 100
    for name, (low, high) in RANGES.items():
        if getattr(options, name) is not None:
            require_range(f"--{name}", getattr(options, name), low, high)
    for n_blocks in options.blocks:
        require_range("--blocks", n_blocks, 1, 100)
    return options


def load_tensorflow(n_threads):
    """Import TensorFlow for `n_threads` of the CPU.

    Raises
    ------
    InputError
        If it, or what writes and runs ONNX files, is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import tensorflow as tf
    except ImportError as error:
        raise InputError(
            f"the deep baseline needs more packages ({error}); install them with: "
            "pip install 'cascade-align[deep]'"
        ) from error
    if n_threads:
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)


def build(options, mean):
    """The compiled network that the options ask for, which answers `mean` (L, 2) at first."""
    import keras
    from se_resnet import loss, se_resnet

    keras.utils.set_random_seed(options.seed)
    model = se_resnet(mean, options.size, options.width, options.blocks, options.reduction)
    optimizer = keras.optimizers.AdamW(options.rate, weight_decay=options.decay, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(optimizer, loss(options.loss, options.size))
    return model


def train(options, progress):
    """Read, train and export, telling `progress`, a Console; return the spec of the result."""
    faces = read_folders(options.folders, boxes=options.boxes, progress=progress.counting("read"))
    held_out, faces = faces.split(options.validation, options.seed)
    crops = Crops(options.size, options.expand)
    # A little more detail than the network sees, and room for boxes that are moved.
    face = round(1.25 * options.size / options.expand)
    store = faces.store(Frame(2 * face, face), progress=progress.cropping)
    mean = mean_shape(store.shapes)

    load_tensorflow(options.threads)
    from se_resnet import flops

    model = build(options, crops.fractions(mean))
    progress.say(
        f"{len(faces)} faces to learn from, {len(held_out)} held out; "
        f"{model.count_params():,} parameters, {flops(model) / 1e6:.1f} MFLOPs a face "
        "(two for each multiply-add)"
    )
    same = {k: v for k, v in vars(options).items() if k not in ("out", "resume", "threads")}
    training = Training(model, options.out.with_name(options.out.name + ".checkpoint"), same)
    if options.resume:
        training.restore()
        progress.say(f"going on after epoch {training.epoch}")
    training.save()  # now rather than after an epoch, in case it cannot be written
    seen, to_image = crops.plain(held_out)
    bar = progress.counting("training")
    # The faces left over are too few to normalise by; they are others in every epoch.
    n_batches = max(1, len(faces) // options.batch)
    while training.done() < 1:
        rng = np.random.default_rng([options.seed, training.epoch])
        began = time.perf_counter()
        mean_loss = training.run_epoch(crops.epoch(store, mean, options.batch, rng), n_batches)
        found = to_image(model.predict(seen, batch_size=64, verbose=0))
        error = float(nme(found, held_out.shapes, held_out.scheme).mean())
        training.judge(error)
        training.save()
        done = training.done()
        bar(done, 1)
        progress.say(
            f"epoch {training.epoch:>3}  loss {mean_loss:6.3f}  validation NME {error * 100:5.2f} %"
            f"  best {training.best * 100:5.2f} %  {time.perf_counter() - began:5.1f} s, "
            f"about {training.seconds / 60 * (1 / done - 1):.1f} min left"
        )
    model.set_weights(training.best_weights)
    how = f"mean={MEAN:g}&scale={SCALE:g}&expand={options.expand:g}"
    gap = write(model, seen, options, faces=len(faces), validation=training.best, spec=how)
    progress.say(
        f"best validation NME {training.best * 100:.2f} %, {training.epoch} epochs in "
        f"{training.seconds / 60:.1f} minutes; ONNX and Keras differ by {gap:.0e} of the crop"
    )
    return f"onnx:{options.out}?{how}"


def write(model, crops, options, **notes):
    """Write the ONNX file; return how far its answers for some crops are from Keras'."""
    from onnxruntime import InferenceSession
    from to_onnx import export

    folders = ", ".join("/".join(folder.resolve().parts[-3:]) for folder in options.folders)
    export(model, options.out, trained_on=folders, terms=options.terms, **notes)
    session = InferenceSession(str(options.out), providers=["CPUExecutionProvider"])
    seen = crops[:64]
    (found,) = session.run(None, {session.get_inputs()[0].name: seen.transpose(0, 3, 1, 2)})
    return float(np.abs(found - model.predict(seen, verbose=0)).max())


def main(arguments=None):
    try:
        options = parse(arguments)
        with Console() as progress:
            spec = train(options, progress)
    except InputError as error:
        raise SystemExit(f"error: {error}") from error
    print(f"cascade compare FOLDER -m ert68 -m '{spec}'")


if __name__ == "__main__":
    main()
