"""``cascade faces``: faces from elsewhere as a folder that the other commands read."""

from pathlib import Path
from typing import Annotated

import typer

from data_tools.cells import guarded
from data_tools.files import replace_file
from features.errors import InputError

from .common import reporting, say, tell_skipped

_DRAWN = "drawn"


def faces(
    source: Annotated[
        str,
        typer.Argument(
            metavar="drawn|FILE",
            help="Faces that the package draws itself; COFW_train_color.mat or its like; or a list "
            "of WFLW, list_98pt_rect_attr_test.txt.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder to write, new or empty.")
    ],
    number: Annotated[
        int, typer.Option("--number", "-n", min=1, max=100_000, help="Faces to draw.")
    ] = 400,
    occluders: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of drawn faces that something covers in part."),
    ] = 0.0,
    size: Annotated[
        int, typer.Option(min=32, max=2048, help="Side of drawn images in pixels.")
    ] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other faces.")] = 0,
    images: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For WFLW: its folder WFLW_images.")
    ] = None,
    points68: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="For COFW: the 68 points of COFW-68's test faces."),
    ] = None,
):
    """Draw faces, or take them out of a data set's own files.

    Writes grey images with .pts files beside them, boxes.csv, visible.csv where it is known what
    is covered, and for WFLW attributes.csv, which compare takes as --subsets.
    """
    from data_tools.writers import write_folder
    from data_tools.writers.folder import refuse_filled

    refuse_filled(out)
    kind = Path(source).suffix.lower()
    for hint, given, its in (("--images", images, ".txt"), ("--points68", points68, ".mat")):
        if given is not None and (source == _DRAWN or kind != its):
            raise typer.BadParameter(f"does not go with {source}; leave it out", param_hint=hint)
    with reporting() as progress:
        attributes = {}
        told = progress.counting("reading faces" if source != _DRAWN else "drawing faces")
        if source == _DRAWN:
            from data_tools.synthetic import synthetic_faces

            read = synthetic_faces(number, seed, size, occluders=occluders, progress=told)
        elif kind == ".mat":
            from data_tools.readers import read_cofw

            read = read_cofw(source, points68=points68, progress=told)
        elif kind == ".txt":
            from data_tools.readers import read_wflw

            if images is None:
                raise typer.BadParameter("a list of WFLW needs its images", param_hint="--images")
            read, attributes = read_wflw(source, images, progress=told)
        else:
            raise InputError(f"{source}: neither 'drawn', a .mat file of COFW nor a list of WFLW")
        tell_skipped(read.skipped, progress)
        names = write_folder(out, read, progress=progress.counting("writing faces"))
    if attributes:
        _write_attributes(out / "attributes.csv", names, attributes)
    text = f"wrote {len(read)} faces to {out}, {read.scheme.n_points} landmarks"
    if read.visible is not None:
        text += f", {(~read.visible).mean():.1%} of them covered"
    say(text)


def _write_attributes(path, names, attributes):
    """A column an attribute, which holds its name or nothing."""
    rows = [",".join(["image", *attributes])]
    for i, name in enumerate(names):
        rows.append(
            ",".join([guarded(name), *(a if has[i] else "" for a, has in attributes.items())])
        )
    replace_file(path, ("\n".join(rows) + "\n").encode())
