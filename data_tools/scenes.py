"""Whole photographs and the faces in them, for the evaluation of face detectors."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from features.errors import InputError
from features.geometry import box_placement
from features.images import read_image

from .backgrounds import held_back
from .boxes import tight_box
from .readers import find_source, read_folders
from .readers.folder import IMAGE_SUFFIXES
from .readers.imglab import read_photographs
from .schemes import scheme_for

#: Kinds of sets of scenes, in words.
KINDS = {
    "photographs": "whole photographs in which every face is annotated",
    "crops": "photographs around one annotated face; other faces in them are not annotated",
    "backgrounds": "photographs without faces",
    "collages": "annotated faces pasted into photographs without faces",
}
#: Descriptions of the conventions of annotated boxes, by name.
CONVENTIONS = {
    "landmarks": "the square of the centre and area of the box around the landmarks",
    "boxes": "the boxes that the data set gives",
    "none": "",
}


@dataclass(eq=False)
class Scenes:
    """Photographs of one kind, and the boxes of the faces in them.

    Parameters
    ----------
    name : str
    kind : str
        One of `KINDS`.
    files : list of str
        A name for each photograph.
    faces : list of ndarray of shape (k, 4), float64
        Boxes (left, top, right, bottom) of the faces of each photograph, in 0-based pixels.
    convention : str
        One of `CONVENTIONS`.
    ignored : list of ndarray of shape (m, 4), float64, optional
        Boxes of each photograph that are ignored: detections there count neither as right nor as
        wrong.
    load : callable, optional
        From the index of a photograph to the grey image (H, W), uint8; without it, the files are
        read.
    """

    name: str
    kind: str
    files: list[str]
    faces: list[np.ndarray]
    convention: str = "none"
    ignored: list[np.ndarray] | None = None
    load: object = field(default=None, repr=False)

    def __post_init__(self):
        if self.ignored is None:
            self.ignored = [np.zeros((0, 4))] * len(self.files)

    def __len__(self):
        return len(self.files)

    def image(self, i):
        """The grey photograph `i`, (H, W), uint8.

        Raises
        ------
        InputError
            If its file cannot be read.
        """
        return read_image(self.files[i]) if self.load is None else self.load(i)

    @property
    def n_faces(self):
        """Faces in all photographs."""
        return sum(map(len, self.faces))

    def subset(self, indices):
        """The photographs at these indices."""
        indices = [int(i) for i in indices]
        load = None if self.load is None else (lambda k: self.load(indices[k]))
        return Scenes(
            self.name, self.kind, [self.files[i] for i in indices],
            [self.faces[i] for i in indices], self.convention,
            [self.ignored[i] for i in indices], load,
        )  # fmt: skip

    def without_small(self, side):
        """The same photographs, with faces of a smaller side ignored."""
        faces, ignored = [], []
        for found, others in zip(self.faces, self.ignored, strict=True):
            small = sides(found) < side
            faces.append(found[~small])
            ignored.append(np.concatenate([others, found[small]]))
        return Scenes(self.name, self.kind, self.files, faces, self.convention, ignored, self.load)


def sides(boxes):
    """Sides in pixels, sqrt(width * height), of boxes (n, 4)."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.sqrt(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1))


def squares(shapes):
    """Square boxes around the landmarks of faces.

    Parameters
    ----------
    shapes : ndarray of shape (n, L, 2)
        From the eyebrows to the chin.

    Returns
    -------
    ndarray of shape (n, 4), float64
        Squares with the centre and the area of the box around the landmarks.

    Examples
    --------
    >>> squares([[[10, 0], [10, 4], [26, 4], [18, 2]]]).tolist()
    [[14.0, -2.0, 22.0, 6.0]]
    """
    x, y, side = box_placement(tight_box(shapes)).astype(np.float64).T
    return np.stack([x - side / 2, y - side / 2, x + side / 2, y + side / 2], -1)


def has_outline(scheme):
    """Whether the landmarks of a scheme reach from the eyebrows to the chin."""
    return "jaw" in scheme.groups


def scenes_of_faces(faces, name):
    """The photographs of annotated faces (`FaceDataset`), in the order of its files.

    If the landmarks do not include the jaw, the boxes of the data set are used.
    """
    convention = "landmarks" if has_outline(faces.scheme) else "boxes"
    boxes = squares(faces.shapes) if convention == "landmarks" else faces.boxes.astype(np.float64)
    members = {}
    for i, file in enumerate(faces.files):
        members.setdefault(file, []).append(i)
    first = [indices[0] for indices in members.values()]
    return Scenes(
        name, "crops", list(members), [boxes[indices] for indices in members.values()],
        convention, load=lambda i: faces.image(first[i]),
    )  # fmt: skip


def scenes_of_imglab(paths, name):
    """The photographs of imglab files; boxes marked ``ignore`` are ignored.

    If several files name a photograph, the file with parts is used. If every box that counts has
    landmarks including the jaw, boxes are computed from them; else the boxes of the files are used.

    Raises
    ------
    InputError
        If a file cannot be read, or there is no photograph in them.
    """
    found = {}
    for path in paths:
        for file, photograph in read_photographs(path).items():
            if file not in found or photograph.shapes.shape[1] > found[file].shapes.shape[1]:
                found[file] = photograph
    if not found:
        raise InputError(
            f"{', '.join(map(str, paths))}: no photograph in it; give imglab files that name images"
        )
    every = list(found.values())
    marked = all(_has_outlines(photograph) for photograph in every)
    faces, ignored = [], []
    for photograph in every:
        counts = ~photograph.ignored
        boxes = photograph.boxes.astype(np.float64)
        faces.append(squares(photograph.shapes[counts]) if marked else boxes[counts])
        ignored.append(boxes[photograph.ignored])
    files = [str(file) for file in found]
    convention = "landmarks" if marked else "boxes"
    return Scenes(name, "photographs", files, faces, convention, ignored)


def _has_outlines(photograph):
    shapes = photograph.shapes[~photograph.ignored]
    if not len(shapes):
        return True
    known = shapes.shape[1] and has_outline(scheme_for(shapes.shape[1]))
    return bool(known and np.isfinite(shapes).all())


def scenes_of_backgrounds(folder, every=False):
    """The photographs of a folder without faces.

    Parameters
    ----------
    folder : str or Path
    every : bool
        Whether to use all photographs, or only those that training does not use
        (`data_tools.backgrounds.held_back`).

    Raises
    ------
    InputError
        If the folder cannot be read or holds no image.
    """
    folder = Path(folder)
    files = image_files(folder)
    if not files:
        raise InputError(f"{folder}: no image in the folder; see its subfolders")
    files = files if every else held_back(files)
    return Scenes(folder.name, "backgrounds", [str(file) for file in files],
                  [np.zeros((0, 4))] * len(files))  # fmt: skip


def image_files(folder):
    """The image files of a folder, sorted by name.

    Raises
    ------
    InputError
        If the folder cannot be read.
    """
    try:
        paths = sorted(path for path in Path(folder).iterdir() if path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder ({error.strerror})") from error
    return [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]


def read_scenes(path, *, every_background=False, progress=None):
    """Read photographs to evaluate detectors on, from any kind of source.

    Parameters
    ----------
    path : str or Path
        An imglab file or a folder of them: whole photographs. A folder of images with .pts files
        beside them, or another data set: photographs around annotated faces. A folder of images
        alone: backgrounds without faces.
    every_background
        As `every` in `scenes_of_backgrounds`.
    progress : callable, optional
        Called as ``progress(done, total)`` while annotated faces are read.

    Returns
    -------
    scenes : Scenes
    faces : FaceDataset or None
        The annotated faces of photographs around one face, to make collages of.

    Raises
    ------
    InputError
        If there is nothing to read.
    """
    path = Path(path)
    name = path.stem if path.is_file() else "/".join(path.resolve().parts[-2:])
    source = find_source(path)
    if source is not None and source.name == "imglab":
        return scenes_of_imglab([path], name), None
    if source is None and path.is_dir():
        tables = sorted(path.glob("*.xml"))
        if tables:
            return scenes_of_imglab(tables, name), None
        if not any(path.glob("*.pts")):
            return scenes_of_backgrounds(path, every_background), None
    boxes = "csv" if source is not None or (path / "boxes.csv").exists() else "tight"
    faces = read_folders([path], boxes=boxes, progress=progress)
    return scenes_of_faces(faces, name), faces
