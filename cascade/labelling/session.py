"""The folder being labelled: its images, their faces, and their revisions."""

import json
import threading
from collections import OrderedDict

import numpy as np

from data_tools.boxes import iou
from data_tools.dataset import FaceDataset
from data_tools.files import replace_file
from data_tools.locks import FileLock
from data_tools.schemes import FACE68, Scheme, get_scheme, scheme_for
from features.errors import InputError
from features.images import read_image

from .face import MAX_FACES, Face, revision
from .folder import SAME_FACE, LabelFolder
from .unfinished import Unfinished

SCHEME = "scheme.json"
# Decoded images that are kept.
_N_KEPT = 4


class Conflict(Exception):
    """Somebody else has changed the image; `image` is its present state, as `Session.image`."""

    def __init__(self, image):
        super().__init__("changed elsewhere")
        self.image = image


class _Entry:
    """The state of one image."""

    def __init__(self, path):
        self.path = path
        self.faces, self.spare = [], []
        self.aside, self.problem = False, None
        self.size = None
        self.serial = 0

    @property
    def done(self):
        return [face for face in self.faces if face.done]


class Session:
    """The folder that is being labelled. Methods may be called from any thread.

    A context manager that locks the folder against sessions of other processes.

    Parameters
    ----------
    folder : str or Path
    scheme : Scheme, str or Path, optional
        Without it, the folder's scheme.json, else the scheme of the .pts files that are there, else
        the 68 points of 300-W.

    Attributes
    ----------
    scheme : Scheme
    serial : int
        Grows with every change; `changes` tells what changed since.

    Raises
    ------
    InputError
        If the folder cannot be used, or its landmarks have another scheme.
    """

    def __init__(self, folder, scheme=None):
        self.files = LabelFolder(folder)
        self.path = self.files.path
        self.scheme = self._scheme(scheme)
        self.serial = 1
        self._lock = threading.RLock()
        self._decoded = OrderedDict()
        taken = f"{self.path}: is being labelled already; go on there, or end that first"
        self._alone = FileLock(self.path / ".labelling.lock", taken)
        self._unfinished = Unfinished(self.path)
        self.entries = [_Entry(path) for path in self.files.images]
        self._read()

    def __enter__(self):
        self._alone.__enter__()
        return self

    def __exit__(self, *exception):
        self._alone.__exit__(*exception)

    # ---------------------------------------------------------------------------- reading

    def _scheme(self, spec):
        if spec is not None:
            return get_scheme(spec)
        if (self.path / SCHEME).exists():
            return Scheme.from_file(self.path / SCHEME)
        from data_tools.readers import read_pts

        for image in self.files.images:
            for file in self.files.files_of(image):
                try:
                    return scheme_for(len(read_pts(file)))
                except InputError:  # another one may be sound; this one is named later
                    continue
        return FACE68

    def _read(self):
        kept = self._unfinished.read()
        labelled = {}
        for entry in self.entries:
            try:
                entry.faces, entry.spare = self.files.read(entry.path, self.scheme.n_points)
                labelled[entry.path] = list(entry.faces)
            except InputError as error:
                entry.problem = str(error)
            entry.aside = entry.path.name in kept.aside
            for face in kept.faces.get(entry.path.name, []):
                try:
                    face = Face.from_json(face, self.scheme.n_points, None, entry.path.name)
                except InputError:  # of another scheme: nothing that could be shown
                    continue
                face.done = False
                entry.faces.append(face)
        self.files.know_all(labelled, self.scheme.n_points)
        if self.entries and all(entry.problem for entry in self.entries):
            raise InputError(self.entries[0].problem)

    def pixels(self, i):
        """The image `i` in colour, uint8 (H, W, 3) BGR; the last few are kept.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        entry = self._entry(i)
        with self._lock:
            if i in self._decoded:
                self._decoded.move_to_end(i)
                return self._decoded[i]
        image = read_image(entry.path, grey=False)
        with self._lock:
            self._decoded[i] = image
            while len(self._decoded) > _N_KEPT:
                self._decoded.popitem(last=False)
            entry.size = image.shape[1], image.shape[0]
        return image

    def size(self, i):
        """Width and height of image `i` in pixels."""
        if self._entry(i).size is None:
            self.pixels(i)
        return self._entry(i).size

    # ----------------------------------------------------------------------- what is there

    def image(self, i):
        """Image `i` as plain values: name, faces, revision, unlabelled boxes, problem."""
        with self._lock:
            entry = self._entry(i)
            return {
                "index": i,
                "name": entry.path.name,
                "faces": [face.to_json() for face in entry.faces],
                "revision": self._revision(entry),
                "spare": [list(map(float, box)) for box in entry.spare],
                "aside": entry.aside,
                "problem": entry.problem,
            }

    def listing(self, since=0):
        """[index, name, state] of the images that changed after the `serial` since.

        The states are "done", "unfinished", "new", "aside" and "problem".
        """
        with self._lock:
            return [
                [i, entry.path.name, _state(entry)]
                for i, entry in enumerate(self.entries)
                if entry.serial >= since
            ]

    def labelled(self):
        """(image index, Face) of every finished face, in the order of the images."""
        with self._lock:
            return [(i, face) for i, entry in enumerate(self.entries) for face in entry.done]

    def unlabelled(self):
        """Indices of the images that are not labelled yet."""
        with self._lock:
            return [i for i, entry in enumerate(self.entries) if _state(entry) == "new"]

    def spare(self, i):
        """Boxes (n, 4) that boxes.csv has for faces of image `i` that are not labelled."""
        with self._lock:
            return np.array(self._entry(i).spare, np.float32).reshape(-1, 4)

    def dataset(self):
        """The finished faces as a `FaceDataset`.

        Raises
        ------
        InputError
            If there is none.
        """
        labelled = self.labelled()
        if not labelled:
            raise InputError("no face is labelled yet; finish one first")
        return FaceDataset(
            [str(self.entries[i].path) for i, _ in labelled],
            np.stack([face.points for _, face in labelled]),
            np.array([face.box for _, face in labelled]),
            self.scheme,
            visible=np.stack([~face.occluded for _, face in labelled]),
        )

    # ---------------------------------------------------------------------------- changing

    def save(self, i, faces, seen, aside=None):
        """Replace the faces of image `i`, in memory and in the files.

        Parameters
        ----------
        i : int
        faces : list of dict
            As `Face.from_json` takes them.
        seen : str
            The revision that the change is based on.
        aside : bool, optional
            Whether the image is set aside; by default unchanged.

        Returns
        -------
        str
            The new revision.

        Raises
        ------
        Conflict
            If the image was changed since that revision.
        InputError
            If a face is invalid or a file cannot be written; nothing is changed then.
        """
        size = self.size(i)
        with self._lock:
            entry = self._entry(i)
            if entry.problem:
                raise InputError(f"{entry.problem}; the image cannot be changed before")
            if not isinstance(faces, list) or len(faces) > MAX_FACES:
                raise InputError(f"faces must be a list of at most {MAX_FACES}")
            name = entry.path.name
            made = [
                Face.from_json(face, self.scheme.n_points, size, f"{name}, face {k}")
                for k, face in enumerate(faces, 1)
            ]
            if self._revision(entry) != seen:
                raise Conflict(self.image(i))
            before = entry.faces, entry.spare, entry.aside
            entry.faces = made
            entry.aside = entry.aside if aside is None else bool(aside)
            boxes = np.array([face.box for face in made]).reshape(-1, 4)
            entry.spare = [box for box in entry.spare if not (iou([box], boxes) > SAME_FACE).any()]
            try:
                if _texts(entry.done) != _texts([face for face in before[0] if face.done]):
                    self.files.write(entry.path, entry.done, entry.spare)
                self._unfinished.write(self.entries)
            except InputError:
                entry.faces, entry.spare, entry.aside = before
                raise
            self._touch(entry)
            return self._revision(entry)

    def set_scheme(self, content):
        """Use a scheme that was made in the page, and save it in the folder.

        Raises
        ------
        InputError
            If it is invalid, or faces were labelled with another number of landmarks.
        """
        scheme = Scheme.from_dict(content)
        with self._lock:
            if scheme.n_points != self.scheme.n_points:
                if any(entry.faces or entry.problem for entry in self.entries):
                    raise InputError(
                        f"faces are labelled with {self.scheme.n_points} landmarks, so a scheme of "
                        f"{scheme.n_points} does not fit; use another folder"
                    )
            text = json.dumps(scheme.to_dict(), indent=1)
            replace_file(self.path / SCHEME, text.encode())
            self.scheme = scheme
            self.serial += 1

    def keep_scheme(self):
        """Write scheme.json, unless the number of landmarks already implies this scheme."""
        known = scheme_for(self.scheme.n_points) == self.scheme
        if not known and not (self.path / SCHEME).exists():
            self.set_scheme(self.scheme.to_dict())

    # ------------------------------------------------------------------------------ own

    def _entry(self, i):
        if not isinstance(i, int) or not 0 <= i < len(self.entries):
            raise InputError(f"no image {i}; the folder has {len(self.entries)}, counted from 0")
        return self.entries[i]

    def _revision(self, entry):
        return revision(entry.faces) + ("a" if entry.aside else "")

    def _touch(self, entry):
        self.serial += 1
        entry.serial = self.serial


def _state(entry):
    if entry.problem:
        return "problem"
    if entry.aside:
        return "aside"
    if not entry.faces:
        return "new"
    return "done" if all(face.done for face in entry.faces) else "unfinished"


def _texts(faces):
    return [face.to_json() for face in faces]
