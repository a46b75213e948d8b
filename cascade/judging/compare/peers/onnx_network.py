"""Any network in an ONNX file that maps a crop of the face to something that holds its landmarks.

Options, all optional: ``size`` of the square input in pixels (else what the file says);
``layout`` nchw or nhwc (else from the input's shape); ``color`` rgb, bgr or grey; ``mean`` and
``scale``, numbers or one a channel, so that the network sees ``(pixel - mean) * scale`` (0 and
1/255); ``expand``, the crop's side in units of the box's (1), and ``down``, how far its centre is
below the box's in the same unit (0); ``points``, what it finds (else by their number); ``output``,
name or number of the output (else the first that can be points).

``decode`` says what the output is, and has options of its own, see `decoders`: coords (PFLD, DAN),
heatmap (FAN), uvmap (PRNet), 3dmm (3DDFA) or iuv (DenseReg); else coords or heatmap by its shape.
"""

import numpy as np

from features.errors import InputError, require_range

from ..crops import SquareCrop
from ..specs import needed
from .decoders import DECODERS

_COLORS = {"grey": 1, "gray": 1, "rgb": 3, "bgr": 3}
# Told apart by the shape of the output where nothing is said.
_KNOWN_BY_SHAPE = "coords", "heatmap"
_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}


def load(spec):
    """The network in the spec's file."""
    path = spec.file()
    session = open_session(path, "onnx:FILE")
    if {entry.name for entry in session.get_inputs()} == {"images", "boxes"}:
        return _Exported(session, path)
    return OnnxNetwork(session, path, spec)


def open_session(path, what, model=None):
    """A session of onnxruntime on one thread of the CPU.

    Parameters
    ----------
    path : str or Path
        Of the model, for errors too.
    what : str
        The models that need onnxruntime, for errors.
    model : bytes, optional
        The model itself, where it is made in memory from the file.

    Raises
    ------
    InputError
        If onnxruntime is missing or cannot load the file.
    """
    runtime = needed("onnxruntime", "pip install onnxruntime", what)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(
            str(path) if model is None else model, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its exceptions share no base of their own
        first = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: onnxruntime cannot load it ({first})") from error


class _Exported:
    """A model of this toolkit as `cascade convert` writes it: an image and boxes in, shapes out."""

    seen = ""

    def __init__(self, session, path):
        self.session, self.n_bytes = session, path.stat().st_size
        facts = session.get_modelmeta().custom_metadata_map
        self.about = f"{facts.get('method', 'cascade')} in ONNX"
        self.trained_on = facts.get("data", "")
        (shapes,) = (o for o in session.get_outputs() if o.name == "shapes")
        self.points = int(shapes.shape[-2])

    def __call__(self, image, box):
        given = {"images": image[None], "boxes": np.float32([box])}
        return self.session.run(["shapes"], given)[0].reshape(-1, 2)


class OnnxNetwork:
    """A network that sees one square crop."""

    seen = ""

    def __init__(self, session, path, spec):
        self.session, self.where = session, str(path)
        # Where examples/deep_baseline says so.
        self.trained_on = session.get_modelmeta().custom_metadata_map.get("trained_on", "")
        if len(session.get_inputs()) != 1:
            raise InputError(f"{path}: takes {len(session.get_inputs())} inputs instead of one")
        (entry,) = session.get_inputs()
        self.input = entry.name
        if entry.type not in _DTYPES or len(entry.shape) != 4:
            raise InputError(
                f"{path}: its input is {entry.type} {entry.shape}; it must be one image of 4 axes"
            )
        self.dtype = _DTYPES[entry.type]
        self._geometry(entry.shape, spec)
        self.mean = np.float32(spec.take("mean", [0.0], _numbers))
        self.scale = np.float32(spec.take("scale", [1 / 255], _numbers))
        for name in ("mean", "scale"):
            if len(getattr(self, name)) not in (1, self.channels):
                raise InputError(f"{path}: {name} needs one number or {self.channels}")
        self.expand = spec.take("expand", 1.0, float)
        require_range("expand", self.expand, 0.2, 5)
        self.down = spec.take("down", 0.0, float)
        require_range("down", self.down, -2, 2)
        decode = spec.take("decode", None)
        if decode not in (None, *DECODERS):
            raise InputError(f"{path}: decode must be {', '.join(DECODERS)}, not {decode!r}")
        kinds = _KNOWN_BY_SHAPE if decode is None else (decode,)
        decoders = [DECODERS[kind](spec, self.size) for kind in kinds]
        self.n_bytes = path.stat().st_size
        data = path.with_name(path.name + ".data")  # where large weights are kept apart
        self.n_bytes += data.stat().st_size if data.is_file() else 0
        self._choose_output(spec, decoders)

    def _geometry(self, shape, spec):
        """Layout, channels and size, from the options or else the input's shape."""
        fixed = [n if isinstance(n, int) and n > 0 else None for n in shape]
        layout = spec.take("layout", "nhwc" if fixed[3] in (1, 3) else "nchw")
        if layout not in ("nchw", "nhwc"):
            raise InputError(f"{self.where}: layout must be nchw or nhwc, not {layout!r}")
        self.first = layout == "nchw"
        channels, sides = (fixed[1], fixed[2:]) if self.first else (fixed[3], fixed[1:3])
        color = spec.take("color", "grey" if channels == 1 else "rgb").lower()
        if color not in _COLORS or channels not in (None, _COLORS[color]):
            raise InputError(f"{self.where}: {layout} input {shape} does not take color={color}")
        self.channels = _COLORS[color]
        size = spec.take("size", sides[0], int)
        if size is None:
            raise InputError(f"{self.where}: the file does not say its input's size; add ?size=112")
        require_range("size", size, 8, 2048)
        if any(side not in (None, size) for side in sides):
            raise InputError(f"{self.where}: its input is {sides}, not a square of {size} pixels")
        self.size = size

    def _choose_output(self, spec, decoders):
        """Run once: which output holds points, how many, and which decoder finds them."""
        chosen = spec.take("output", None)
        names = [output.name for output in self.session.get_outputs()]
        if chosen is not None and chosen.isdigit() and int(chosen) < len(names):
            chosen = names[int(chosen)]
        if chosen is not None and chosen not in names:
            raise InputError(f"{self.where}: no output {chosen!r}; it has {', '.join(names)}")
        declared = spec.take("points", None)
        asked = {"inner51": 51, "face5": 5, "centres5": 5}.get(declared, declared)
        blank = np.zeros((self.size, self.size), np.uint8)
        tried = {}
        for name in names if chosen is None else [chosen]:
            try:
                answer = self.session.run([name], {self.input: self.tensor(blank)})[0]
                shape = tried[name] = np.shape(answer)
            except Exception as error:  # as in `load`
                first = str(error).strip().splitlines()[0]
                raise InputError(f"{self.where}: cannot run ({first}); see its options") from error
            for decoder in decoders:
                count = decoder.count(shape)
                if count and (asked is None or not str(asked).isdigit() or count == int(asked)):
                    self.output, self.decoder = name, decoder
                    self.points = count if declared is None else declared
                    self.about = f"ONNX network, {decoder.about}, {self.size} px"
                    return
        what = " or ".join(decoder.about for decoder in decoders)
        raise InputError(
            f"{self.where}: no output holds {declared or 'any'} points as {what}; it gives {tried}"
        )

    def tensor(self, crop):
        """What the network sees of a grey crop (size, size)."""
        pixels = crop[:, :, None]
        if self.dtype != np.uint8:
            pixels = (pixels - self.mean) * self.scale  # a channel each where they differ
        pixels = np.broadcast_to(pixels, (self.size, self.size, self.channels))
        if self.first:
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels[None], self.dtype)

    def __call__(self, image, box):
        crop = SquareCrop(box, self.size, self.expand, down=self.down)
        answer = self.session.run([self.output], {self.input: self.tensor(crop.cut(image))})[0]
        return crop.to_image(self.decoder(answer))


def _numbers(text):
    values = [float(part) for part in text.split(",")]
    if not np.isfinite(values).all():
        raise ValueError("need finite numbers")
    return values
