"""``cascade convert``."""

from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError

from .common import file_size, refuse_overwriting, refuse_unwritable, say


def convert(
    source: Annotated[Path, typer.Argument(metavar="A", help="Model file or name to read.")],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="B",
            help="Model file to write: .safetensors, .dat for dlib or .yaml for OpenCV to load, "
            ".onnx for onnxruntime to run, or .c or .h for a C compiler.",
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
    header_only: Annotated[
        bool,
        typer.Option(
            "--header-only",
            help="C with all functions static, to be included where they are called; without it, "
            "so are files that end in .h.",
        ),
    ] = False,
):
    """Convert a model file to or from dlib's or OpenCV's format, or to ONNX or C.

    A dlib model keeps its landmarks to the pixel in the toolkit's format, in a third of the size;
    a FacemarkLBF of OpenCV keeps them to the bit, in two thirds. C source is one file that needs no
    library and allocates nothing; its first lines say how to compile and call it. The detector jda
    can be written as C, too.
    """
    from ..formats import format_of
    from ..models import load

    try:
        kind = format_of(target)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="B") from error
    if header_only and kind.name != "C":
        raise typer.BadParameter(
            f"goes with a B that ends in .c or .h, not {target.name}", param_hint="--header-only"
        )
    refuse_overwriting({"B": target}, {"A": source})
    refuse_unwritable(target)
    model = load(source)
    if compact is not None:
        if not hasattr(model, "compact"):
            raise InputError(f"{source}: its leaves are compact already; leave --compact out")
        model = model.compact(min(compact, 2 * model.scheme_.n_points))
    write = kind.write
    if kind.name == "C" and model.method == "jda":
        # A detector is no cascade, and its C code is another one.
        from ..detection.c_source import write
    write(model, target, **({"header_only": True} if header_only else {}))
    size = f", {file_size(source)}" if source.is_file() else ""
    say(f"{source}{size} -> {target}, {file_size(target)}")
