"""The files of a folder that is being labelled: read at the start, written after every face.

`NAME.pts` beside an image holds its first face, `NAME.face2.pts`, … the others; boxes.csv and
visible.csv tell of all images. `data_tools.readers.read_folder` reads what is written here.
"""

import csv
import io
from pathlib import Path

import numpy as np

from data_tools.boxes import iou, tight_box
from data_tools.cells import guarded
from data_tools.files import remove_scratch, replace_file
from data_tools.readers import Boxes, read_boxes, read_pts, read_visible
from data_tools.readers.folder import IMAGE_SUFFIXES, VISIBLE, further_faces
from data_tools.writers import write_pts
from features.errors import InputError

from .face import Face

BOXES = "boxes.csv"
# A box that overlaps a labelled face's box more than this belongs to the same face.
SAME_FACE = 0.3


class LabelFolder:
    """The images of a folder, and the files beside them.

    Parameters
    ----------
    path : str or Path

    Attributes
    ----------
    images : list of Path
        The images that can be labelled, sorted by name.
    left_out : list of (str, str)
        Names of the other images, with the reason.

    Raises
    ------
    InputError
        If the folder cannot be read, has no image, or its tables are damaged.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise InputError(f"{path}: no such folder; name one that holds images")
        self.images, self.left_out = [], []
        taken = {}
        for image in _listed(self.path):
            problem = _unfit(image, self.path)
            if problem is None and image.stem in taken:
                problem = f"{taken[image.stem].name} would share its .pts file; rename one of them"
            if problem:
                self.left_out.append((image.name, problem))
            else:
                taken[image.stem] = image
                self.images.append(image)
        if not self.images:
            why = f"; {self.left_out[0][0]!r}: {self.left_out[0][1]}" if self.left_out else ""
            raise InputError(f"{path}: no image in the folder can be labelled{why}")
        for table in (BOXES, VISIBLE):
            remove_scratch(self.path / table)
        points = [file for file in self.path.iterdir() if file.suffix.lower() == ".pts"]
        self._first = {file.stem: file for file in points}
        self._further = further_faces(self.path)
        boxes, visible = self.path / BOXES, self.path / VISIBLE
        self._boxes = Boxes(read_boxes(boxes) if boxes.exists() else {})
        # If the folder was labelled with another tool, visibility is unknown until somebody marks
        # it.
        self._tells_visible = visible.exists() or not points
        self._visible = read_visible(visible) if visible.exists() else {}

    def files_of(self, image):
        """The .pts files of an image's faces, the first one first; none where it has none."""
        first = self._first.get(image.stem)
        return [] if first is None else [first, *self._further.get(image.stem, [])]

    def read(self, image, n_points):
        """The labelled faces of an image, and the boxes in boxes.csv that belong to none of them.

        Parameters
        ----------
        image : Path
        n_points : int
            Number of landmarks that each face must have.

        Returns
        -------
        faces : list of Face
        spare : list of (float, float, float, float)

        Raises
        ------
        InputError
            If a file is damaged or has another number of landmarks; the message names it.
        """
        spare, faces = list(self._boxes.of(image) or []), []
        for k, file in enumerate(self.files_of(image)):
            shape = read_pts(file).astype(np.float64)
            if len(shape) != n_points:
                raise InputError(
                    f"{file}: holds {len(shape)} landmarks, but the scheme has {n_points}; label "
                    "this folder with the scheme of that many"
                )
            seen = self._visible.get(image.name if k == 0 else file.name)
            if seen is not None and len(seen) != n_points:
                raise InputError(f"{self.path / VISIBLE}: {len(seen)} flags for {n_points} points")
            tight = tight_box(shape)
            box = _wide(tight) if np.isfinite(tight).all() else None
            if spare and box is not None:
                overlaps = iou(spare, tight)[:, 0]
                # Of one face alone it is the box even where it lies off, as for `read_folder`.
                if overlaps.max() > 0 or len(self.files_of(image)) == 1:
                    box = spare.pop(int(overlaps.argmax()))
            if box is None:
                raise InputError(f"{file}: all its landmarks are missing; delete the file")
            occluded = np.zeros(n_points, bool) if seen is None else ~seen
            faces.append(Face(tuple(map(float, box)), shape, occluded))
        return faces, [box for box in spare if box[0] < box[2] and box[1] < box[3]]

    def write(self, image, faces, spare):
        """Write the finished faces of an image to the files; every file is replaced in one step.

        Parameters
        ----------
        image : Path
        faces : list of Face
        spare : list of (float, float, float, float)
            Boxes to keep in boxes.csv for faces that are not labelled.

        Raises
        ------
        InputError
            If a file cannot be written, or belongs to another image.
        """
        before = self.files_of(image)
        first = before[0] if before else image.with_suffix(".pts")
        after = [first] + [
            image.with_name(f"{image.stem}.face{k}.pts") for k in range(2, len(faces) + 1)
        ]
        after = after[: len(faces)]
        for file in after[1:]:
            if any(file.stem == other.stem for other in self.images):
                raise InputError(f"{file}: is the file of another image of that name; rename it")
        self._boxes.entries[self._boxes.key(image) or image.name] = [
            *(face.box for face in faces), *spare
        ]  # fmt: skip
        for file in before:
            self._visible.pop(file.name, None)
        self._visible.pop(image.name, None)
        for k, (face, file) in enumerate(zip(faces, after, strict=True)):
            self._visible[image.name if k == 0 else file.name] = ~face.occluded
            self._tells_visible |= bool(face.occluded.any())
        # The landmarks come last: a face whose .pts file is there is complete.
        self._write_tables()
        for face, file in zip(faces, after, strict=True):
            write_pts(file, face.points)
        for file in before:
            if file not in after:
                file.unlink(missing_ok=True)
        self._first.pop(image.stem, None)
        if after:
            self._first[image.stem] = first
        self._further[image.stem] = after[1:]

    def _write_tables(self):
        rows = [["image", "left", "top", "right", "bottom"]]
        rows += [
            [guarded(name), *(f"{edge:.3f}" for edge in box)]
            for name, boxes in sorted(self._boxes.entries.items())
            for box in boxes
        ]
        replace_file(self.path / BOXES, _csv(rows))
        if not self._tells_visible:
            return
        counts = {len(flags) for flags in self._visible.values()}
        if len(counts) == 1:
            rows = [["image", *range(counts.pop())]]
            rows += [
                [guarded(name), *flags.astype(int)] for name, flags in sorted(self._visible.items())
            ]
            replace_file(self.path / VISIBLE, _csv(rows))
        elif (self.path / VISIBLE).exists():  # nothing is labelled any more
            replace_file(self.path / VISIBLE, b"image,0\n")

    def know_all(self, images, n_points):
        """Add faces that were labelled before to visible.csv; otherwise readers would skip them.

        Parameters
        ----------
        images : dict of Path to list of Face
        n_points : int
        """
        for image, faces in images.items():
            for k, (file, face) in enumerate(zip(self.files_of(image), faces, strict=True)):
                name = image.name if k == 0 else file.name
                self._visible.setdefault(name, ~face.occluded)


def _listed(folder):
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder ({error.strerror})") from error
    return [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]


def _unfit(image, folder):
    """Why an image cannot be labelled, or None."""
    name = image.name
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is no UTF-8 text; rename it"
    # Tables are read without blanks around the names, and line by line.
    if name != name.strip() or not name.isprintable():
        return "its name begins or ends with a blank or holds control characters; rename it"
    if not image.resolve().is_relative_to(folder.resolve()):
        return "it is a link that leads out of the folder; copy the image into it"
    return None if image.is_file() else "it is no file"


def _wide(box):
    """A box of landmarks that are all in a row or one, made a pixel wide at least."""
    left, top, right, bottom = box.tolist()
    return left - 0.5, top - 0.5, right + 0.5, bottom + 0.5


def _csv(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
