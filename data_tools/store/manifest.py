"""The manifest of a store on disk: what its files hold, how large they are, and their digests.

A store is a folder of .npy files that can be mapped to memory: the crops in shards of as many
faces each, and one file for each fact about all faces. The names of the files follow from the
number of faces, so a manifest cannot name any other.
"""

import json
import math
from dataclasses import dataclass, field

import numpy as np

from features.errors import InputError
from features.frame import Frame

from ..schemes import MAX_POINTS, Scheme

NAME = "manifest.json"
VERSION = 1
_FORMAT = "cascade store"
MAX_BYTES = 1 << 26
#: A crop and its mirror image are two.
MAX_FACES = 1 << 28
#: Bytes before the numbers of each file: a page, so that shards can be mapped side by side.
HEADER = 4096
# About as many bytes of crops go into a shard.
_SHARD_BYTES = 1 << 28
_DIGEST_LENGTH = 64

#: Facts about the faces: dtype in the file, and shape a face.
FACTS = {
    "shapes": ("<f4", ("points", 2)),
    "placements": ("<f4", (3,)),
    "source": ("<i4", ()),
    "groups": ("<i4", ()),
    "mirrored": ("|b1", ()),
    "visible": ("|b1", ("points",)),
}


@dataclass(frozen=True)
class Manifest:
    """What a store on disk holds.

    Attributes
    ----------
    n_faces : int
    frame : Frame
    scheme : Scheme
    has_visible : bool
    shard_rows : int
        Crops a shard; the last may have fewer.
    digests : dict of str to str
        SHA-256 of each file, in hexadecimal, by its name.
    notes : dict of str to str
    """

    n_faces: int
    frame: Frame
    scheme: Scheme
    has_visible: bool
    shard_rows: int
    digests: dict = field(default_factory=dict)
    notes: dict = field(default_factory=dict)

    @property
    def n_shards(self):
        """Files of crops."""
        return -(-self.n_faces // self.shard_rows)

    def rows(self, shard):
        """First crop of a shard, and the one after its last."""
        return shard * self.shard_rows, min(self.n_faces, (shard + 1) * self.shard_rows)

    def facts(self):
        """Names, dtypes and shapes of the facts that are there."""
        for name, (dtype, shape) in FACTS.items():
            if name != "visible" or self.has_visible:
                sizes = [self.scheme.n_points if s == "points" else s for s in shape]
                yield name, dtype, (self.n_faces, *sizes)

    def files(self):
        """Name, dtype and shape of each file."""
        for name, dtype, shape in self.facts():
            yield f"{name}.npy", dtype, shape
        for shard in range(self.n_shards):
            start, stop = self.rows(shard)
            yield shard_name(shard), "|u1", (stop - start, self.frame.size, self.frame.size)

    def to_json(self):
        """The text of the file."""
        files = {
            name: {"dtype": dtype, "shape": list(shape), "bytes": n_bytes(dtype, shape),
                   "sha256": self.digests[name]}
            for name, dtype, shape in self.files()
        }  # fmt: skip
        content = {
            "format": _FORMAT,
            "version": VERSION,
            "faces": self.n_faces,
            "frame": {"size": self.frame.size, "face": self.frame.face},
            "scheme": self.scheme.to_dict(),
            "shard_rows": self.shard_rows,
            "notes": self.notes,
            "files": files,
        }
        return json.dumps(content, indent=1) + "\n"

    @classmethod
    def from_json(cls, data):
        """The manifest in the bytes of a file.

        Raises
        ------
        InputError
            Saying what is wrong; the caller names the file.
        """
        try:
            content = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise InputError("not the manifest of a store; write the store again") from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise InputError("not the manifest of a store; name a folder of cascade store")
        version = content.get("version")
        if version != VERSION:
            raise InputError(
                f"a store of version {version!r}, but this program reads version {VERSION}; "
                "write the store again"
            )
        frame, notes, files = (_object(content, name) for name in ("frame", "notes", "files"))
        manifest = cls(
            n_faces=_count(content, "faces", 1, MAX_FACES),
            frame=Frame(_count(frame, "size", 16, 4096), _count(frame, "face", 16, 4096)),
            scheme=Scheme.from_dict(_object(content, "scheme")),
            has_visible="visible.npy" in files,
            shard_rows=_count(content, "shard_rows", 1, MAX_FACES),
            notes=notes,
        )
        if manifest.scheme.n_points > MAX_POINTS:
            raise InputError(f"{manifest.scheme.n_points} landmarks; at most {MAX_POINTS} can be")
        for name, note in notes.items():
            if not isinstance(note, str):
                raise InputError(f"note {name!r} is no text; write the store again")
        # Counted before the names are made: a false number of shards would take their memory.
        if len(files) != manifest.n_shards + sum(1 for _ in manifest.facts()):
            raise InputError(f"{len(files)} files are listed for {manifest.n_faces} faces in "
                             f"shards of {manifest.shard_rows}; write the store again")  # fmt: skip
        for name, dtype, shape in manifest.files():
            manifest.digests[name] = _digest(files, name, dtype, shape)
        return manifest


def shard_name(shard):
    """Name of a file of crops."""
    return f"crops-{shard:05d}.npy"


def rows_of_shards(frame):
    """Crops that make a file of about 256 MiB, whole pages if that can be."""
    crop = frame.size**2
    rows = max(1, _SHARD_BYTES // crop)
    unit = HEADER // math.gcd(crop, HEADER)
    return rows - rows % unit if rows >= unit else rows


def n_bytes(dtype, shape):
    """Length of a file of the store."""
    return HEADER + np.dtype(dtype).itemsize * math.prod(shape)


def header(dtype, shape):
    """The first bytes of a .npy file (version 1.0) of that dtype and shape, filled to a page."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    magic = b"\x93NUMPY\x01\x00"
    length = HEADER - len(magic) - 2
    return magic + length.to_bytes(2, "little") + text.ljust(length - 1).encode() + b"\n"


def _digest(files, name, dtype, shape):
    listed = files.get(name)
    if not isinstance(listed, dict):
        raise InputError(f"{name} is not listed; write the store again")
    wanted = {"dtype": dtype, "shape": list(shape), "bytes": n_bytes(dtype, shape)}
    for key, value in wanted.items():
        if listed.get(key) != value:
            raise InputError(
                f"{name} has {key} {str(listed.get(key))[:60]}, but {value} follows from the "
                "number of faces; write the store again"
            )
    digest = listed.get("sha256")
    if not isinstance(digest, str) or len(digest) != _DIGEST_LENGTH:
        raise InputError(f"{name} has no SHA-256 digest; write the store again")
    return digest


def _object(content, name):
    value = content.get(name)
    if not isinstance(value, dict):
        raise InputError(f"{name} is missing; write the store again")
    return value


def _count(content, name, low, high):
    value = content.get(name)
    if type(value) is not int or not low <= value <= high:
        raise InputError(
            f"{name} is {str(value)[:60]}; it must be a whole number from {low} to {high}"
        )
    return value
