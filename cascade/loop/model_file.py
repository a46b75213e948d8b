"""The container of native model files: safetensors with a JSON header and a digest of the content.

A file contains no code. Truncated, altered and newer files are refused here; `state` interprets and
checks header and arrays.
"""

import hashlib
import json
import mmap
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack

from data_tools.files import replace_file
from features.errors import InputError

FORMAT = "cascade-align"
#: Files say 4 if they hold shape modes, else 3, since kinds were renamed; 2 brought key shapes and
#: routes. Older ones are read.
VERSION = 4
_WITHOUT_MODES = 3
# The key in the file's metadata; one key, because several come in no fixed order.
_HEADER = "cascade"
_MAX_BYTES = 1 << 30
# Names of dtypes in safetensors; a file with any other holds no model.
_DTYPES = {"I8": "<i1", "U8": "<u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4",
           "I64": "<i8", "U64": "<u8", "F32": "<f4", "F64": "<f8"}  # fmt: skip


def write(path, header, arrays):
    """Write header and arrays in one step, so that no reader ever sees half a file.

    Raises
    ------
    InputError
        If the file cannot be written; an existing file at `path` is not changed.
    """
    replace_file(path, dumps(header, arrays))


def dumps(header, arrays):
    """The bytes of a file; equal content gives equal bytes."""
    version = VERSION if header.get("shape_modes") else _WITHOUT_MODES
    header = {"format": FORMAT, "version": version, **header}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header["sha256"] = _digest(header, arrays)
    return pack(arrays, {_HEADER: json.dumps(header, sort_keys=True)})


def read(path, mapped=False):
    """Header and arrays of a model file. The digest is checked, the meaning is not.

    Parameters
    ----------
    path : str or Path
    mapped : bool
        Whether the arrays are read-only memory maps of the file, shared by all processes, instead
        of copies. The file may be replaced by renaming meanwhile, but must not be overwritten in
        place.

    Returns
    -------
    header : dict
    arrays : dict of str to ndarray

    Raises
    ------
    InputError
        If the file is missing, not a model file, truncated, altered, or of a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such model file")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(
                f"{path}: larger than any model file; name a model that was saved here"
            )
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(_HEADER)
            names = list(file.keys())
            arrays = {} if mapped else {name: file.get_tensor(name) for name in names}
        if mapped:
            arrays = _mapped_arrays(path, names)
    except (SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a whole model file ({error}); get it again") from error
    try:
        header = json.loads(text)
        known = header["format"] == FORMAT
        found = int(header["version"])
    except (TypeError, ValueError, KeyError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not a model file of this toolkit") from error
    if not known:
        raise InputError(f"{path}: not a model file of this toolkit")
    if found > VERSION:
        raise InputError(
            f"{path}: format version {found} is newer than this toolkit's {VERSION}; "
            "upgrade with pip install --upgrade cascade-align"
        )
    digest = header.pop("sha256", None)
    if digest != _digest(header, arrays):
        raise InputError(
            f"{path}: the file was altered or damaged after it was written; get it again"
        )
    return header, arrays


def _mapped_arrays(path, names):
    """Views of the arrays in a safetensors file that `safe_open` has validated."""
    with path.open("rb") as file:
        n_header = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(n_header))
        whole = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    data, arrays = whole[8 + n_header :], {}
    for name in names:
        entry = entries[name]
        start, stop = entry["data_offsets"]
        arrays[name] = data[start:stop].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def _digest(header, arrays):
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
    return digest.hexdigest()
