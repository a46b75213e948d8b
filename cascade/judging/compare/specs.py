"""Loads a model for comparison from its text on the command line."""

import re
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl

from features.errors import InputError

from .placement import Placement, placed

# The adapter in `peers` for each prefix; it and its library are imported only when used.
ADAPTERS = {
    "dlib": "dlib_trees",
    "opencv-lbf": "opencv_facemark",
    "opencv-kazemi": "opencv_facemark",
    "mediapipe": "mediapipe_mesh",
    "mtcnn": "published.mtcnn",
    "onnx": "onnx_network",
    "tcdcn": "published.tcdcn",
    "dcnn": "published.dcnn",
    "vanillacnn": "published.vanillacnn",
    "python": "function",
}
# The module of `cascade.formats` that reads the files of each kind, too.
CHECKED_BY = {"dlib": "dlib", "opencv-lbf": "opencv"}
# As much as protobuf takes, and with it ONNX.
MAX_BYTES = 1 << 31
FORMS = (
    "a model file",
    "a pretrained name (ert68)",
    "dlib:FILE",
    "opencv-lbf:FILE",
    "opencv-kazemi:FILE",
    "mediapipe[:FILE.tflite]",
    "mtcnn[?networks=3]",
    "tcdcn:model.mat",
    "dcnn:FOLDER[?levels=1]",
    "vanillacnn:FOLDER",
    "onnx:FILE[?size=112&decode=coords|heatmap|uvmap|3dmm|iuv&...]",
    "python:module:function",
)
_LABEL = re.compile(r"([\w .+()-]{1,40})=(?=.)")


class Finder(Protocol):
    """A loaded model."""

    points: int | str
    """What it finds; see `cascade.judging.points.points_of`."""
    n_bytes: int | None
    """Size of its files; None where there is none."""
    seen: str
    """What is known of test faces that its training may have seen; empty where nothing is."""
    about: str
    """One line on what it is."""

    def __call__(self, image, box):
        """Points (P, 2) in pixels for the face in `box` (4,) of a grey image (H, W), uint8.

        None or NaN if it finds no face.
        """


@dataclass
class Model:
    """A model ready to be compared.

    Attributes
    ----------
    label : str
    spec : str
    find : Finder
    load_seconds : float
        Time to import its library and read its files.
    place : Placement
        How it gets its box.
    """

    label: str
    spec: str
    find: Finder
    load_seconds: float = 0.0
    place: Placement = field(default_factory=Placement)


@dataclass
class Spec:
    """The parts of ``[LABEL=][KIND:]TARGET[?name=value&...]``.

    Examples
    --------
    >>> spec = Spec.parse("PFLD=onnx:pfld.onnx?size=112&layout=nchw")
    >>> spec.label, spec.kind, spec.target, spec.options
    ('PFLD', 'onnx', 'pfld.onnx', {'size': '112', 'layout': 'nchw'})
    """

    text: str
    label: str
    kind: str
    target: str
    options: dict[str, str] = field(default_factory=dict)
    start: str | None = None
    """What those of our models that take a start begin with, if their options say nothing."""
    check_seconds: float = 0.0
    """Spent in `check`, which is no part of the library's own time."""

    @classmethod
    def parse(cls, text):
        """Parse a text; if a file with exactly this name exists, it is the target."""
        label, rest = "", text
        if not Path(text).is_file():
            named = _LABEL.match(text)
            if named:
                label, rest = named[1].strip(), text[named.end() :]
        kind = re.split("[:?]", rest, maxsplit=1)[0]
        if kind not in ADAPTERS or Path(rest).is_file():
            kind, target = "native", rest
        else:
            # Without a target the options follow the kind.
            target = rest[len(kind) :].removeprefix(":")
        target, _, query = target.partition("?") if not Path(target).is_file() else (target, "", "")
        options = dict(parse_qsl(query, keep_blank_values=True))
        return cls(text, label or _default_label(kind, target), kind, target, options)

    def file(self):
        """The target as an existing file.

        Raises
        ------
        InputError
            If it does not exist, or is larger than 2 GiB.
        """
        path = Path(self.target)
        if not self.target:
            raise InputError(f"{self.text}: names no file; write {self.kind}:FILE")
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than any model may be, {MAX_BYTES} bytes")
        return path

    def folder(self):
        """The target as an existing folder.

        Raises
        ------
        InputError
            If there is none.
        """
        path = Path(self.target)
        if not self.target:
            raise InputError(f"{self.text}: names no folder; write {self.kind}:FOLDER")
        if not path.is_dir():
            raise InputError(f"{path}: no such folder; {self.kind} needs the folder of its files")
        return path

    def check(self):
        """Check the target with our own reader, before a library loads it without checks.

        dlib crashes on a file with an index out of range.

        Returns
        -------
        Aligner
            The model as our reader loads it.

        Raises
        ------
        InputError
            If our reader refuses it.
        """
        began = time.perf_counter()
        model = import_module(f"...formats.{CHECKED_BY[self.kind]}", __package__).read(self.file())
        self.check_seconds += time.perf_counter() - began
        return model

    def take(self, name, default, convert=str):
        """Remove an option and return its converted value.

        Raises
        ------
        InputError
            If it cannot be converted.
        """
        if name not in self.options:
            return default
        value = self.options.pop(name)
        try:
            return convert(value)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{self.text}: {name} cannot be {value!r} ({error})") from error

    def finish(self):
        """Raise InputError if an option is left over."""
        for name in self.options:
            raise InputError(f"{self.text}: {self.kind} models have no option {name!r}; remove it")


def open_model(text, detector=None, start=None):
    """Load the model that a spec names.

    Parameters
    ----------
    text : str
        ``[LABEL=]SPEC``, where SPEC is one of `FORMS`. The option ``seen=TEXT`` of any spec marks
        the model as one that may have been trained on the test faces; ``boxes=`` says which boxes
        it gets, see `placement.placed`.
    detector : str, optional
        The detector that found the faces' boxes; None if they come with the data set.
    start : str, optional
        Name or file of a model whose landmarks this model refines, if it accepts a start and the
        spec names none.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        If there is no such model, its file is unusable or a library is missing; in the last case
        the message says how to install it.
    """
    spec = Spec.parse(text)
    spec.start = start
    began = time.perf_counter()
    seen, boxes = spec.take("seen", None), spec.take("boxes", None)
    adapter = import_module(f".peers.{ADAPTERS.get(spec.kind, 'native')}", __package__)
    find = adapter.load(spec)
    spec.finish()
    if seen is not None:
        find.seen = seen
    seconds = time.perf_counter() - began - spec.check_seconds
    return Model(spec.label, text, find, seconds, placed(spec.kind, find, boxes, detector, text))


def open_models(texts, detector=None, start=None):
    """Load several models under different labels; `detector` and `start` as of `open_model`.

    Raises
    ------
    InputError
        As `open_model`, and if there is none, two have one label, or none takes the start.
    """
    if not texts:
        raise InputError("no model to compare; name at least one with --model")
    models = [open_model(text, detector, start) for text in texts]
    if start is not None and not any(getattr(model.find, "start", None) for model in models):
        raise InputError(
            f"no model takes the start {start}: only shape models (asm, aam) do; leave it out"
        )
    labels = [model.label for model in models]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"two models are called {label!r}; name them, as in NAME=SPEC")
    return models


def needed(module, install, what):
    """Import an optional module, which `what` needs.

    Raises
    ------
    InputError
        If it is missing or cannot be loaded; the message contains the `install` command.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            f"{what} needs the module {module} ({error}); install it with: {install}"
        ) from error


def _default_label(kind, target):
    if kind == "native":
        return Path(target).stem or target
    if kind == "python":
        return target.rpartition(":")[2] or target
    name = Path(target).stem
    return f"{kind} {name}" if name and kind not in name else name or kind
