"""``cascade convert``."""

from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError

from ..formats import dlib as dlib_dat
from ..formats import load
from ..formats import opencv as opencv_lbf
from ..formats.onnx import export as onnx
from ..methods.dlib import ShapePredictor
from .common import file_size, refuse_unwritable, say

_DAT = ".dat"
_YAML = (".yaml", ".yml")
_ONNX = ".onnx"
_NATIVE = (".safetensors", "")


def convert(
    source: Annotated[Path, typer.Argument(metavar="A", help="Model file to read.")],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="B",
            help="Model file to write: .safetensors, .dat for dlib or .yaml for OpenCV to load, or "
            ".onnx for onnxruntime to run (ERT and LBF only).",
        ),
    ],
    compact: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Keep the leaves of a dlib model in N components of 16 bits: smaller and faster, "
            "nearly the same landmarks. 64 suits 68 points.",
        ),
    ] = None,
):
    """Convert a model file between the toolkit's format and dlib's or OpenCV's, or to ONNX.

    A dlib model keeps its landmarks to the pixel in the toolkit's format, in a third of the size;
    a FacemarkLBF of OpenCV keeps them to the bit, in two thirds.
    """
    suffix = target.suffix.lower()
    if suffix not in (_DAT, _ONNX, *_YAML, *_NATIVE):
        raise typer.BadParameter(
            f"{target.name!r} ends in none of .safetensors, .dat, .yaml and .onnx", param_hint="B"
        )
    refuse_unwritable(target)
    model = load(source)
    if compact is not None:
        if not isinstance(model, ShapePredictor):
            raise InputError(f"{source}: its leaves are compact already; leave --compact out")
        model = model.compact(min(compact, model.mean_.size))
    if suffix == _DAT:
        dlib_dat.write(model, target)
    elif suffix in _YAML:
        opencv_lbf.write(model, target)
    elif suffix == _ONNX:
        onnx.write(model, target)
    else:
        model.save(target)
    say(f"{source}, {file_size(source)} -> {target}, {file_size(target)}")
