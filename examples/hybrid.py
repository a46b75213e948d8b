"""Stages of two methods in one cascade: HOG with ridge regressions first, then boosted trees.

    python examples/hybrid.py FOLDER [FOLDER...]

Holds out a fifth of the image files, and compares with the HOG stages alone after every stage.
"""

import sys

from cascade import SDM, Cascade, Stage, Starts
from cascade.loop.progress import Console
from cascade.regressors import BoostedTrees
from data_tools.readers import read_folders
from features.pixels import Pixels


def main():
    faces = read_folders(sys.argv[1:])
    sdm = SDM(n_stages=4)
    trees = Stage(Pixels(400, padding=0.05), BoostedTrees(200, depth=4, smallest_leaf=60))
    hybrid = Cascade(
        [*sdm.recipe(), trees, trees],
        starts=Starts(8, (0.3, 1.0), shift=1.3, scale=1.3),
        frame_size=184,
        face_size=100,
        random_state=0,
        n_jobs=-1,
    )
    with Console() as progress:
        hybrid.fit(faces, validation=0.2, progress=progress)


if __name__ == "__main__":
    main()
