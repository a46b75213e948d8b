"""Crops that stay on disk until they are needed; then they are mapped, or else read."""

import hashlib

import numpy as np

from features.errors import InputError
from features.mapping import can_map, map_parts, spans_in_memory

from .faces import MEMORY_LIMIT, allocate_crops
from .manifest import HEADER, header, n_bytes, shard_name

# Bytes that are read together.
_TOGETHER = 1 << 24


class StoredCrops:
    """Crops of a store on disk, in the place of an array (m, F, F) of uint8.

    Choosing some of them reads nothing; ``numpy.asarray`` maps them to memory, where files of this
    machine can be mapped, or else reads them. It can be pickled: other processes read the files
    themselves.

    Parameters
    ----------
    folder : LocalFolder or RemoteFolder
    manifest : Manifest
    rows : ndarray of shape (m,), int64, optional
        Which of the crops, in this order; without it, all.
    memory_limit, scratch
        As `memory_limit` and `folder` of `FaceStore`, for crops that are read.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, folder, manifest, rows=None, memory_limit=MEMORY_LIMIT, scratch=None):
        self.folder, self.manifest = folder, manifest
        self.rows = np.arange(manifest.n_faces) if rows is None else rows
        self.memory_limit, self.scratch = memory_limit, scratch
        self._array = None

    def __len__(self):
        return len(self.rows)

    @property
    def shape(self):
        """(m, F, F)"""
        return len(self.rows), self.manifest.frame.size, self.manifest.frame.size

    def __getitem__(self, chosen):
        """The crops at a slice, a mask or integers, still on disk; at one integer, the crop."""
        if isinstance(chosen, int | np.integer):
            return np.asarray(self)[chosen]
        return StoredCrops(
            self.folder, self.manifest, self.rows[chosen], self.memory_limit, self.scratch
        )

    def __iter__(self):
        images = np.asarray(self)
        for start, stop in spans_in_memory(images, range(len(images)), 0, len(images)):
            yield from images[start:stop]

    def __array__(self, dtype=None, copy=None):
        if self._array is None:
            self._array = self._mapped() if self.folder.path is not None else None
            if self._array is None:
                self._array = self._read()
        return self._array if dtype is None else self._array.astype(dtype, copy=False)

    def __getstate__(self):
        return vars(self) | {"_array": None}

    def runs(self):
        """Crops that follow one another in a shard: (shard, first in the shard, crops) of each."""
        if not len(self.rows):
            return
        per = self.manifest.shard_rows
        breaks = (np.diff(self.rows) != 1) | (self.rows[1:] % per == 0)
        starts = np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(self.rows)]])
        for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            shard, first = divmod(int(self.rows[start]), per)
            yield shard, first, stop - start

    def _mapped(self):
        """One array of the parts of all files, or None where that cannot be."""
        crop = self.manifest.frame.size**2
        runs = list(self.runs())
        offsets = [HEADER + first * crop for _, first, _ in runs]
        lengths = [n * crop for _, _, n in runs]
        if not runs or not can_map(offsets, lengths):
            return None
        for shard in {shard for shard, _, _ in runs}:
            with self._opened(shard):
                pass
        paths = [self.folder.path / shard_name(shard) for shard, _, _ in runs]
        return map_parts(list(zip(paths, offsets, lengths, strict=True)), self.shape)

    def _read(self):
        """The crops in memory, or above the limit in a temporary file."""
        out = allocate_crops(self.shape, self.memory_limit, self.scratch)
        crop, at = self.manifest.frame.size**2, 0
        together = max(1, _TOGETHER // crop)
        for shard, first, n in self.runs():
            with self._opened(shard) as file:
                file.seek(HEADER + first * crop)
                for start in range(at, at + n, together):
                    stop = min(start + together, at + n)
                    data = file.read((stop - start) * crop)
                    if len(data) != (stop - start) * crop:
                        name = self.folder.file(shard_name(shard))
                        raise InputError(f"{name}: shorter than it should be; write it again")
                    part = np.frombuffer(data, np.uint8)
                    out[start:stop] = part.reshape(stop - start, *self.shape[1:])
            at += n
        return out

    def _opened(self, shard):
        start, stop = self.manifest.rows(shard)
        shape = (stop - start, *self.shape[1:])
        return opened(self.folder, shard_name(shard), "|u1", shape)


class opened:
    """A file of a store for reading, after its length and its header were found to be right.

    Raises
    ------
    InputError
        Naming the file that is missing or another one.
    """

    def __init__(self, folder, name, dtype, shape):
        self._name, self._wanted = folder.file(name), (dtype, shape)
        self._context = folder.open(name)

    def __enter__(self):
        file, length = self._context.__enter__()
        try:
            if length != n_bytes(*self._wanted) or file.read(HEADER) != header(*self._wanted):
                raise InputError(
                    f"{self._name}: not the file that the manifest tells of; write the store again"
                )
        except BaseException as error:
            self._context.__exit__(type(error), error, error.__traceback__)
            raise
        return file

    def __exit__(self, *exception):
        return self._context.__exit__(*exception)


def check_digests(folder, manifest, progress=None):
    """Read every file of a store, and compare it with its digest.

    Raises
    ------
    InputError
        Naming the file that was changed or damaged.
    """
    files = list(manifest.files())
    for k, (name, dtype, shape) in enumerate(files, 1):
        digest = hashlib.sha256(header(dtype, shape))
        with opened(folder, name, dtype, shape) as file:
            while data := file.read(_TOGETHER):
                digest.update(data)
        require_digest(folder, manifest, name, digest)
        if progress is not None:
            progress(k, len(files))


def require_digest(folder, manifest, name, digest):
    """Raise InputError unless a digest is that of the manifest."""
    if digest.hexdigest() != manifest.digests[name]:
        raise InputError(
            f"{folder.file(name)}: damaged or changed since it was written; write the store again"
        )
