"""Measure the table of data_tools/augment/jaw.py: where annotators put the jaw of turned heads.

    python examples/make_jaw.py FOLDER...

The folders hold images with .pts files (300-W's training sets).
"""

import argparse

from data_tools.augment.jaw_fitting import measured_jaw
from data_tools.heads import head_shape
from data_tools.readers import read_folders


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    faces = read_folders(parser.parse_args().folders, boxes="tight")
    places = measured_jaw(faces.shapes, head_shape(faces.scheme))
    for name, values in places._asdict().items():
        print(name, values.tolist())


if __name__ == "__main__":
    main()
