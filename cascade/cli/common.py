"""Helpers of several commands: reading faces, output to the terminal, protection of files."""

import os
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import typer

from features.errors import InputError

from .options import BOX_SOURCES

_N_SHOWN = 5


def terminal():
    """The console (of rich) for results, on stdout."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def say(text="", style=None):
    """Print a line of results; no markup, no wrapping, no control characters."""
    terminal().print(printable(text), style=style, markup=False)


def printable(text):
    """A text that may come from a file, with control characters escaped.

    Terminal escape sequences begin with a control character.

    Examples
    --------
    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode()
        for c in str(text)
    )


def percent(fraction):
    """A fraction as a percentage, for people."""
    return "unknown" if fraction is None else f"{fraction * 100:.2f} %"


def rounded(array):
    """An array as lists of numbers for JSON, to a thousandth."""
    import numpy as np

    return np.round(np.asarray(array, float), 3).tolist()


def file_size(path):
    """Size of a file, for people."""
    size = Path(path).stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def looks_like_model(path):
    """Whether an argument names a model: anything but an image file or annotated faces."""
    from data_tools.readers.folder import IMAGE_SUFFIXES

    return path.suffix.lower() not in (*IMAGE_SUFFIXES, ".xml") and not path.is_dir()


def load_model(model, start=None):
    """Load a model by name or file, by default the pretrained one.

    With `start`, the name or file of another model, it refines the landmarks that this one finds.
    """
    from ..models import load, pretrained

    found = pretrained() if model is None else load(model)
    if start is None:
        return found
    from ..aligner import Started

    return Started(found, load(start), Path(start).stem)


def refuse_unwritable(path):
    """Raise InputError unless a file can be written to `path`; call it before long work."""
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; make it first")
    probe = folder / f".{path.name}.{os.getpid()}.probe"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"{folder}: cannot write here ({error.strerror}); name another folder"
        ) from error


def refuse_overwriting(outputs, inputs):
    """Raise InputError if an output is also an input, or two outputs are the same file.

    Parameters
    ----------
    outputs, inputs : dict of str to Path or None
        Paths by the option that sets them, such as ``--json``; None if not given. A folder among
        the inputs stands for its annotations and their photographs.
    """
    outputs = {name: Path(path) for name, path in outputs.items() if path is not None}
    inputs = {name: Path(path) for name, path in inputs.items() if path is not None}
    folders = {source: path.resolve() for source, path in inputs.items() if path.is_dir()}
    # Of two inputs that are one file, the first is named.
    sources = {_identity(path): source for source, path in reversed(inputs.items())}
    taken = {}
    for name, path in outputs.items():
        identity = _identity(path)
        other = taken.setdefault(identity, name)
        if other != name:
            raise InputError(f"{path}: {other} and {name} would both write it; name two files")
        source = sources.get(identity) or next(
            (source for source, folder in folders.items() if _is_data_in(path, folder)), None
        )
        if source is not None:
            raise InputError(
                f"{path}: {name} would replace it, but it is read as {source}; name another file"
            )


def inputs_of(boxes=None, detector=None, **others):
    """What a command reads, for `refuse_overwriting`: files of options, and other arguments."""
    inputs = {f"{name} {path}": path for name, paths in others.items() for path in paths}
    if boxes is not None and boxes not in BOX_SOURCES:
        inputs["--boxes"] = Path(boxes)
    if detector is not None and ":" in detector:
        inputs["--detector"] = Path(detector.partition(":")[2])
    return inputs


def _is_data_in(path, folder):
    """Whether a file that is there is a photograph or an annotation of a folder of faces."""
    from data_tools.readers.folder import IMAGE_SUFFIXES

    inside = folder in (path.parent.resolve(), *path.parent.resolve().parents)
    if not inside or not path.is_file():
        return False
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return path.with_suffix(".pts").exists() or any(path.parent.glob("*.xml"))
    return path.suffix.lower() in (".pts", ".csv", ".xml")


def _identity(path):
    """What two names of one file have in common."""
    try:
        found = os.stat(path)
        return found.st_dev, found.st_ino
    except (OSError, ValueError):  # not there yet
        return os.path.realpath(path)


def check_detector(detector):
    """Load a detector by name; an unknown name is refused before any work is done."""
    from data_tools.detectors import get_detector

    return get_detector(detector)


def check_boxes(boxes, detector):
    """The detector if boxes are to be detected, else None; refuses unknown sources of boxes."""
    if boxes == "detect":
        return check_detector(detector)
    if boxes not in BOX_SOURCES and not Path(boxes).is_file():
        raise typer.BadParameter(
            f"{boxes!r} is neither csv, tight, detect nor an existing csv file",
            param_hint="--boxes",
        )
    return None


def read_faces(folders, boxes, detector, progress):
    """The faces of `folders`; skipped files are reported to `progress`.

    Raises
    ------
    InputError
        As `read_folders`, and for a detector that cannot run.
    """
    from data_tools.readers import read_folders

    find = check_boxes(boxes, detector)
    try:
        faces = read_folders(
            folders, boxes=boxes, detector=find, progress=progress.counting("reading faces")
        )
    except InputError as error:  # the remedy in the words of the command line
        raise InputError(str(error).replace("boxes='tight'", "--boxes tight")) from error
    tell_skipped(faces.skipped, progress)
    return faces


def with_scheme(faces, scheme):
    """The faces as annotated by `scheme`, where the user named one."""
    from data_tools.schemes import get_scheme

    if scheme is None:
        return faces
    faces.scheme = get_scheme(scheme)
    if faces.scheme.n_points != faces.shapes.shape[1]:
        raise InputError(
            f"landmark scheme {faces.scheme.name!r} has {faces.scheme.n_points} points, but the "
            f"faces have {faces.shapes.shape[1]}; name their scheme"
        )
    return faces


def from_detector(model, detector, progress, **search):
    """The model behind a detector; a doubtful box correction is reported."""
    from ..detection import FromDetector

    finder = FromDetector(model, detector, **search)
    if finder.doubt:
        progress.say(f"! {finder.doubt}")
    return finder


def tell_skipped(skipped, progress):
    """Report how many files were skipped for which reason, with the first file of each."""
    reasons = Counter(entry.reason for entry in skipped)
    first = {entry.reason: entry.file for entry in reversed(skipped)}
    for reason, count in reasons.most_common(_N_SHOWN):
        others = f" and {count - 1} more" if count > 1 else ""
        progress.say(printable(f"skipped {first[reason]}{others}: {reason}"))
    if len(reasons) > _N_SHOWN:
        rest = sum(count for _, count in reasons.most_common()[_N_SHOWN:])
        progress.say(f"skipped {rest} more files for other reasons")


@contextmanager
def reporting():
    """A progress report on stderr that also announces when numba compiles our kernels.

    The first compilation takes long: the user should know why, and it is not counted as time of a
    stage.
    """
    from ..loop.progress import Console
    from .compiling import listening

    with Console() as progress, listening(progress):
        yield progress


def warn(text):
    """Print a line on stderr."""
    print(printable(text), file=sys.stderr)
