"""Measure the 68-point head that data_tools/heads/face68.py holds.

    python examples/make_head.py OUT FOLDER... --angles FOLDER...

The folders hold images with .pts files (300-W's training sets); those of --angles hold samples of
300W-LP or AFLW2000-3D, whose angles say at what tilt of the head pitch is 0.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_tools.heads import ANGLES, HeadShape
from data_tools.readers import read_folders, read_source
from data_tools.schemes import FACE68

TEXT = '''"""The 68-point head, as examples/make_head.py measured it.

Factorised from {n_faces} annotated faces of 300-W's training sets; its tilt is that at which the
pitch of {n_angles} samples of 300W-LP and AFLW2000-3D is right on average.
"""

# x, y, z and weight of each landmark.
ROWS = (
{rows}
)  # fmt: skip
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--angles", nargs="+", required=True)
    options = parser.parse_args()

    faces = read_folders(options.folders, boxes="tight")
    # By another name, so that it is not made like the head that is there already.
    head = HeadShape.fit(faces.shapes, replace(FACE68, name="measured"))
    known = [read_source(folder, boxes="tight") for folder in options.angles]
    shapes = np.concatenate([each.shapes for each in known])
    truth = np.concatenate(
        [np.stack([each.attributes[name] for name in ANGLES], -1) for each in known]
    )
    # Angles turn into one another where the head is tilted, so a few rounds.
    for _ in range(5):
        head = head.tilted((head.pose(shapes) - truth)[:, 1].mean())
    print("yaw, pitch, roll of the samples, degrees off:\n", head.pose(shapes) - truth)
    table = np.column_stack([head.points, head.weights])
    rows = "\n".join("    ({:.4f}, {:.4f}, {:.4f}, {:.3f}),".format(*row) for row in table + 0.0)
    options.out.write_text(
        TEXT.format(n_faces=len(faces), n_angles=len(shapes), rows=rows), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
