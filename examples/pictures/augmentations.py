"""Draws augmentations.jpg: what each recipe of ``--augment`` does to drawn faces.

python examples/pictures/augmentations.py [FILE]
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from data_tools.augment import AUGMENTATIONS, FRAME, augment, parse
from data_tools.plots import overlay
from data_tools.synthetic import synthetic_faces

# Two of the faces and three copies of each in a row; the scale of the page in pixels.
N_FACES, SHOWN, COPIES, SEED = 40, (0, 3), 3, 5
SIDE, LABEL = 128, 22
SEEN = slice(round(0.16 * FRAME.size), round(0.84 * FRAME.size))


def main(file):
    """Write the page."""
    faces = synthetic_faces(N_FACES, seed=1, size=300)
    rows = [_title("as it was", "copies")]
    for name in AUGMENTATIONS:
        found = augment(faces, parse(name, {f"{name}.p": 1.0}), COPIES, SEED)
        plain = augment(faces, parse("light", {"light.p": 0.0}), 1, SEED)
        cells = []
        for i in SHOWN:
            cells.append(_cell(plain, N_FACES + i, False))
            of_face = (N_FACES * (k + 1) + i for k in range(COPIES))
            cells += [_cell(found, row, AUGMENTATIONS[name].moves) for row in of_face]
        rows += [_title(name), np.hstack(cells)]
    cv2.imwrite(str(file), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 72])
    print(f"wrote {file}, {Path(file).stat().st_size / 1e3:.0f} kB")


def _cell(faces, i, landmarks):
    """A face, perhaps with its landmarks, those that something hides in red."""
    drawn = cv2.cvtColor(faces.image(i), cv2.COLOR_GRAY2BGR)
    if landmarks:
        visible = None if faces.visible is None else faces.visible[i][None]
        drawn = overlay(drawn, faces.shapes[i][None], visible=visible)
    return cv2.resize(drawn[SEEN, SEEN], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _title(*texts):
    """A white strip as wide as a row, each text over a column."""
    strip = np.full((LABEL, SIDE * len(SHOWN) * (COPIES + 1), 3), 255, np.uint8)
    for k, text in enumerate(texts):
        place = (6 + k * SIDE, LABEL - 6)
        cv2.putText(strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 1, cv2.LINE_AA)
    return strip


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("augmentations.jpg"))
