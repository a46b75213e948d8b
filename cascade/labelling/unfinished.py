"""State that the other files cannot hold: unfinished faces, and images that were set aside."""

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
        """The content, `Kept`; empty if there is no file.

        Raises
        ------
        InputError
            If it is larger than 256 MiB or has another format.
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
            raise InputError(f"{self.path}: not a file of cascade label; move it to another folder")
        return Kept(faces, aside)

    def write(self, entries):
        """Write the unfinished parts of a session's entries."""
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
