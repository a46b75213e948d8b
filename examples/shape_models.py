"""Pictures of shape models: how faces vary, how a search goes, what an AAM makes of a face.

    python examples/shape_models.py MODEL IMAGE LEFT TOP RIGHT BOTTOM --out FOLDER

MODEL comes from ``cascade train asm`` or ``cascade train aam``; the box is that of the face. Writes
modes.png (the first three components, from -2.5 to 2.5 standard deviations), steps.png (the start,
and the shape after each level) and, of an AAM, reconstruction.png (the face in the mean shape, and
the nearest that the model comes to it).
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import cascade
from data_tools.files import make_folder
from data_tools.plots import draw_shape, montage, overlay
from features.images import read_image

SIDE = 200


def modes(model):
    """The first components as a sheet of drawn faces, one component a row."""
    sheet = []
    for index in range(min(3, len(model.pdm_.variances))):
        for at in (-2.5, 0.0, 2.5):
            shape = model.pdm_.mode(index, at) * 0.8 * SIDE + SIDE / 2
            sheet.append(draw_shape(np.full((SIDE, SIDE), 40, np.uint8), shape, model.scheme_))
    return montage(sheet, columns=3)


def steps(model, image, box):
    """The start, and the shape after each level."""
    found = model.align(image, box, staged=True)
    ways = [found.initial, *found.staged]
    return montage([overlay(image, shapes, model.scheme_) for shapes in ways], columns=len(ways))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("box", type=float, nargs=4, metavar=("LEFT", "TOP", "RIGHT", "BOTTOM"))
    parser.add_argument("--out", type=Path, default=Path("pictures"))
    arguments = parser.parse_args()
    model, image = cascade.load(arguments.model), read_image(arguments.image)
    pictures = {"modes": modes(model), "steps": steps(model, image, arguments.box)}
    if isinstance(model, cascade.AAM):
        found = model.reconstruct(image, arguments.box)
        pictures["reconstruction"] = montage([found.seen, found.made])
    folder = make_folder(arguments.out)
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)
        print(f"wrote {folder / name}.png")


if __name__ == "__main__":
    main()
