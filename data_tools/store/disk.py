"""Stores of faces on disk: written once, shard by shard, and opened without reading the crops."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np

from features.errors import InputError
from features.workers import SERIAL

from ..files import scratch_beside
from .crops import StoredCrops, check_digests, opened, require_digest
from .faces import MEMORY_LIMIT, FaceStore, crop_rows, store_facts
from .folder import address_of, folder_of
from .manifest import HEADER, MAX_BYTES, NAME, Manifest, header, n_bytes, rows_of_shards, shard_name

# Positions farther from the crop than this many pixels are a mistake, as in photographs.
_FARTHEST = 1e6


def write_store(
    path, faces, frame=None, *, mirror=True, notes=None, progress=None, workers=SERIAL,
    shard_rows=None,
):  # fmt: skip
    """Write the crops of faces to a folder, from which training takes them.

    No more than one shard of crops, about 256 MiB, is in memory. The folder appears under its name
    when it is complete.

    Parameters
    ----------
    path : str or Path
        Folder to make; it must not exist, or be empty.
    faces : FaceDataset or FaceStore
    frame, mirror
        As of `build_store`; a FaceStore has its own.
    notes : dict of str to str, optional
        Kept in the manifest, for example where the faces are from.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of crops.
    workers : Workers
        Threads that read and crop.
    shard_rows : int, optional
        Crops a file; without it, as many as make about 256 MiB.

    Raises
    ------
    InputError
        If the folder exists, or cannot be written, or an image cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from data_tools.synthetic import synthetic_faces
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_store(f"{folder}/store", synthetic_faces(3, seed=1, size=96))
    ...     len(open_store(f"{folder}/store"))
    6
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: is there already; name a new folder")
    if hasattr(faces, "placements"):
        facts, crops = faces, lambda start, stop: np.asarray(faces.images[start:stop])
    else:
        facts = store_facts(faces, frame, mirror=mirror)

        def crops(start, stop):
            return crop_rows(faces, facts, (start, stop), workers=workers).images

    manifest = Manifest(
        len(facts), facts.frame, facts.scheme, facts.visible is not None,
        rows_of_shards(facts.frame) if shard_rows is None else shard_rows,
        notes=dict(notes or {}),
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = scratch_beside(path)
    try:
        try:
            _require_room(path.parent, manifest)
            scratch.mkdir()
            for name, dtype, shape in manifest.facts():
                array = np.ascontiguousarray(getattr(facts, name), dtype)
                manifest.digests[f"{name}.npy"] = _write(scratch / f"{name}.npy", array, dtype)
                assert array.shape == shape
            for shard in range(manifest.n_shards):
                start, stop = manifest.rows(shard)
                name = shard_name(shard)
                manifest.digests[name] = _write(scratch / name, crops(start, stop), "|u1")
                if progress is not None:
                    progress(stop, manifest.n_faces)
            _write_bytes(scratch / NAME, [manifest.to_json().encode()])
            if path.exists():
                path.rmdir()
            os.rename(scratch, path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{path}: cannot write the store ({error.strerror})") from error


def open_store(path, *, verify=False, memory_limit=MEMORY_LIMIT, folder=None, progress=None):
    """Open a store of faces; the facts about the faces are read, the crops stay where they are.

    Parameters
    ----------
    path : str or Path
        A folder, or an address that fsspec opens, such as ``s3://bucket/store``.
    verify : bool
        Whether to read all crops and compare them with their digests now.
    memory_limit, folder
        As of `build_store`, for crops that cannot be mapped to memory: those of an address.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of files that were verified.

    Returns
    -------
    FaceStore
        Subsets of it read nothing either, so each member of a training reads its own crops alone.

    Raises
    ------
    InputError
        Naming the file that is missing, damaged, or holds what no store can hold.
    """
    where = folder_of(path)
    with where.open(NAME) as (file, _):
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(f"{where.file(NAME)}: larger than the {MAX_BYTES} bytes it may have")
    try:
        manifest = Manifest.from_json(data)
    except InputError as error:
        raise InputError(f"{where.file(NAME)}: {error}") from error
    facts = {name: _fact(where, manifest, name, *kind) for name, *kind in manifest.facts()}
    if verify:
        check_digests(where, manifest, progress)
    crops = StoredCrops(where, manifest, None, memory_limit, folder)
    return FaceStore(
        crops, frame=manifest.frame, scheme=manifest.scheme, memory_limit=memory_limit,
        folder=folder, notes=manifest.notes, **facts,
    )  # fmt: skip


def is_store(path):
    """Whether a path or an address names a store on disk, for commands that take folders too."""
    return address_of(path) is not None or (Path(path) / NAME).is_file()


def _fact(folder, manifest, name, dtype, shape):
    """A fact about all faces, checked."""
    file_name = f"{name}.npy"
    with opened(folder, file_name, dtype, shape) as file:
        data = file.read(n_bytes(dtype, shape))
    digest = hashlib.sha256(header(dtype, shape))
    digest.update(data)
    require_digest(folder, manifest, file_name, digest)
    if len(data) + HEADER != n_bytes(dtype, shape):
        raise InputError(f"{folder.file(file_name)}: shorter than it should be; write it again")
    flags = dtype == "|b1"
    # Bytes other than 0 and 1 are no bool; numpy would take them for one.
    array = np.frombuffer(bytearray(data), np.uint8 if flags else dtype).reshape(shape)
    if not _is_sound(name, array):
        raise InputError(
            f"{folder.file(file_name)}: holds numbers out of range; write the store again"
        )
    return array.view(bool) if flags else array


def _is_sound(name, array):
    if name == "shapes":  # NaN is a landmark that is missing
        return not (np.abs(array) >= _FARTHEST).any()
    if name == "placements":
        near = (np.abs(array) < _FARTHEST).all()  # not so where a number is missing
        return bool(near and (array[:, 2] > 0).all())
    if name in ("source", "groups"):
        return bool((array >= 0).all())
    return bool((array <= 1).all())


def _require_room(folder, manifest):
    needed = sum(n_bytes(dtype, shape) for _, dtype, shape in manifest.files())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: the store needs {needed >> 20} MiB but {free >> 20} MiB are free; name a "
            "folder on another disk or take a smaller frame"
        )


def _write(path, array, dtype):
    """Write a file of the store; its digest."""
    return _write_bytes(path, [header(dtype, array.shape), np.ascontiguousarray(array).data])


def _write_bytes(path, parts):
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
            digest.update(part)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
