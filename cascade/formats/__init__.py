"""Model files: the toolkit's own format and those of other libraries.

`FORMATS` is the table: to add a format, write a module with ``read(path)`` or ``write(model,
path)`` and add a line.

The files of OpenCV's ``FacemarkKazemi`` are not read. Before each stage it estimates the similarity
by RANSAC with OpenCV's own random numbers, so that predictions depend on the version of OpenCV; it
also reads grey images beyond their end, because it assumes three channels. ``cascade compare`` runs
such models in OpenCV itself. `ShapePredictor` is the same method.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from features.errors import InputError

from .sniffing import HEAD_BYTES, describe


@dataclass(frozen=True)
class Format:
    """A kind of model file.

    Attributes
    ----------
    name : str
        For people.
    suffixes : tuple of str
        Suffixes of such files; the first is the usual one.
    module : str
        Module in this package with ``read(path)``, ``write(model, path)`` or both.
    reads, writes : bool
        Whether the format can be read, and written.
    methods : tuple of str or None
        The methods whose models it can store; None for all.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    reads: bool = True
    writes: bool = True
    methods: tuple[str, ...] | None = None

    def recognises(self, head, size):
        """Whether a file of `size` bytes that begins with `head` (9 bytes) may be of this kind."""
        return self.reads and self._module.recognises(head, size)

    def read(self, path, **options):
        """Read a model; see `load`."""
        return self._module.read(path, **options)

    def write(self, model, path, **options):
        """Write a model; see the `write` of the module, which says what options it has."""
        self._module.write(model, path, **options)

    @property
    def _module(self):
        return import_module(f".{self.module}", __package__)


# Methods whose stages are written as programs for other runtimes.
_CASCADES = "cpr", "ert", "esr", "lbf", "rcpr", "sdm"

#: Recognised by content in this order; the last reads what none before it recognises.
FORMATS = (
    Format("dlib's shape_predictor", (".dat",), "dlib", methods=("dlib",)),
    Format("OpenCV's FacemarkLBF", (".yaml", ".yml"), "opencv", methods=("opencv",)),
    Format("ONNX", (".onnx",), "onnx", reads=False, methods=_CASCADES),
    Format("C", (".c", ".h"), "c", reads=False, methods=_CASCADES),
    Format("the toolkit's own", (".safetensors",), "native"),
)


def load(path, *, mapped=False):
    """Read a trained model: the toolkit's own file, a ``shape_predictor`` of dlib or a
    ``FacemarkLBF`` of OpenCV.

    The format is recognised by content, not by file name.

    Parameters
    ----------
    path : str or Path
    mapped : bool
        See `cascade.load`.

    Returns
    -------
    BaseCascade
        Ready to predict.

    Raises
    ------
    InputError
        If there is no such file, its format is unknown, or it is damaged. If its first bytes show
        what it is instead, the message says so.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a model file")
    if path.is_file():
        try:
            with path.open("rb") as file:
                head, size = file.read(HEAD_BYTES), path.stat().st_size
        except OSError:
            pass  # the reader says what is wrong
        else:
            for kind in FORMATS[:-1]:
                if kind.recognises(head, size):
                    if mapped:
                        raise InputError(
                            f"{path}: only the toolkit's own model files can be mapped, but this "
                            f"file is of {kind.name}; convert it, or leave mapped out"
                        )
                    return kind.read(path)
            what = None if FORMATS[-1].recognises(head, size) else describe(head)
            if what:
                raise InputError(f"{path}: this is {what}")
    return FORMATS[-1].read(path, mapped=mapped)


def save(model, path):
    """Write a trained model in the toolkit's own format, whatever the name of the file.

    Parameters
    ----------
    model : BaseCascade
    path : str or Path

    Raises
    ------
    InputError
        If the file cannot be written, or a stage cannot be stored, as those made with scikit-learn
        regressors.
    """
    model.save(path)


def format_of(path):
    """The format that belongs to a file's suffix; the toolkit's own if there is none.

    Raises
    ------
    InputError
        If no format that can be written has this suffix.
    """
    suffix = Path(path).suffix.lower()
    for kind in FORMATS:
        if kind.writes and (suffix in kind.suffixes or (not suffix and kind is FORMATS[-1])):
            return kind
    known = ", ".join(kind.suffixes[0] for kind in FORMATS if kind.writes)
    raise InputError(f"{Path(path).name!r} ends in none of {known}; change the name")
