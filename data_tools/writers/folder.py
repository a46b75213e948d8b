"""A folder of images with a .pts annotation beside each, boxes.csv and visible.csv."""

from pathlib import Path

from features.errors import InputError
from features.opencv import cv2

from ..cells import guarded
from ..files import make_folder, replace_file
from .pts import write_pts


def write_folder(folder, faces, *, progress=None):
    """Write faces so that `read_folder` returns them, images in grey.

    A face is NAME.png and NAME.pts, named after its image; further faces of an image are NAME_2,
    NAME_3, …, each with the whole image. The boxes go to boxes.csv, and what can be seen to
    visible.csv where the faces say so.

    Parameters
    ----------
    folder : str or Path
        Created if missing; must be empty.
    faces : FaceDataset
    progress : callable, optional
        Called as ``progress(done, total)`` after each face.

    Returns
    -------
    list of str
        The name of the image file of each face.

    Raises
    ------
    InputError
        If the folder is not empty, or something cannot be read or written.
    """
    with FolderWriter(folder) as writer:
        names = unique_names(faces.files)
        for i, name in enumerate(names):
            visible = None if faces.visible is None else faces.visible[i]
            writer.add(name, faces.image(i), faces.shapes[i], faces.boxes[i], visible=visible)
            if progress is not None:
                progress(i + 1, len(names))
    return names


write = write_folder


class FolderWriter:
    """Context manager that writes such a folder face by face.

    Images and landmarks are written immediately, the tables at the end, also after Ctrl-C or an
    error: the result is then a complete folder with fewer faces.

    Parameters
    ----------
    folder : str or Path
        As for `write_folder`.
    scored : bool
        Whether boxes.csv has a column ``score``.

    Raises
    ------
    InputError
        As `write_folder`.
    """

    def __init__(self, folder, scored=False):
        self.folder, self._names = Path(folder), _Names()
        columns = ["image", "left", "top", "right", "bottom", *(["score"] if scored else [])]
        self._tables = {"boxes.csv": [_row(*columns)]}
        self._scored = scored
        refuse_filled(self.folder)
        make_folder(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for name, rows in self._tables.items():
            if len(rows) > 1:  # a folder without faces stays empty
                replace_file(self.folder / name, "".join(rows).encode())

    def name(self, file):
        """A unique name NAME.png for a face in the image `file`."""
        return self._names.of(file)

    def add(self, name, image, shape, box, *, score=None, visible=None):
        """Write a face.

        Parameters
        ----------
        name : str
            One of its own, see `name`.
        image : ndarray of shape (H, W) or (H, W, 3), uint8, BGR
        shape : ndarray of shape (L, 2)
        box : ndarray of shape (4,)
        score : float, optional
            For boxes.csv, where the folder is ``scored``.
        visible : ndarray of shape (L,), bool, optional
            For visible.csv: of every face or of none.
        """
        _, data = cv2.imencode(".png", image)
        replace_file(self.folder / name, data.tobytes())
        write_pts((self.folder / name).with_suffix(".pts"), shape)
        cells = [f"{edge:.3f}" for edge in box] + ([f"{score:.6g}"] if self._scored else [])
        self._tables["boxes.csv"].append(_row(guarded(name), *cells))
        if visible is not None:
            head = [_row("image", *range(len(visible)))]
            rows = self._tables.setdefault("visible.csv", head)
            rows.append(_row(guarded(name), *visible.astype(int)))


def refuse_filled(folder):
    """Raise InputError if anything is in `folder`: a data set never mixes with other files.

    Call it before long work. A missing folder is accepted.
    """
    try:
        filled = any(True for _ in Path(folder).iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder ({error.strerror})") from error
    if filled:
        raise InputError(f"{folder}: is not empty; name a new folder")


def unique_names(files):
    """A unique name NAME.png for each of the files."""
    names = _Names()
    return [names.of(file) for file in files]


class _Names:
    """Unique file names in a folder."""

    def __init__(self):
        self._taken = set()

    def of(self, file):
        # A comma or a quote would need quoting in the tables, a dot at the front hides the file.
        stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(file).stem)
        name, k = stem, 1
        while name.lower() in self._taken:  # as file systems that ignore case see it
            k += 1
            name = f"{stem}_{k}"
        self._taken.add(name.lower())
        return f"{name}.png"


def _row(*values):
    return ",".join(map(str, values)) + "\n"
