"""What only the page knows of a folder: faces that are not finished, images that were set aside."""

import json
from typing import NamedTuple

from data_tools.files import read_text, remove_scratch, replace_file
from features.errors import InputError

NAME = "labelling.json"
_MAX_BYTES = 1 << 28


class Kept(NamedTuple):
    """The content of the file."""

    faces: dict
    """Lists of faces, as `Face.to_json` makes them, by the names of their images."""
    aside: frozenset
    """Names of images."""


class Unfinished:
    """The file labelling.json of a folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder):
        self.path = folder / NAME

    def read(self):
        """What it says, `Kept`; nothing where there is none.

        Raises
        ------
        InputError
            If it is larger than 256 MiB or holds something else.
        """
        remove_scratch(self.path)
        if not self.path.exists():
            return Kept({}, frozenset())
        text = read_text(self.path, _MAX_BYTES)
        try:
            content = json.loads(text)
            faces, aside = content["unfinished"], frozenset(content["set_aside"])
            sound = all(isinstance(of_image, list) for of_image in faces.values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise InputError(f"{self.path}: not what cascade label wrote; move it away")
        return Kept(faces, aside)

    def write(self, entries):
        """Write what the entries of a session hold."""
        faces = {
            entry.path.name: [face.to_json() for face in entry.faces if not face.done]
            for entry in entries
        }
        content = {
            "version": 1,
            "unfinished": {name: of_image for name, of_image in faces.items() if of_image},
            "set_aside": [entry.path.name for entry in entries if entry.aside],
        }
        replace_file(self.path, json.dumps(content).encode())
