"""From files and arrays of any common kind to uint8 grey."""

import io
import re
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np

from .errors import InputError
from .files import read_bytes

# Refused before memory is taken for it: a photograph above this, ...
MAX_PIXELS = 1 << 28
MAX_BYTES = 1 << 28
# ... and one above the first of these whose pixels take so few bytes as no photograph's do. A PNG
# of one colour has 1000 pixels a byte or more.
_PLAIN_PIXELS, _PIXELS_PER_BYTE = 1 << 24, 200
# Each scan of a progressive JPEG passes over the whole image; cameras and programs write about ten.
_MAX_SCANS, _MAX_MARKERS = 100, 4000
# Kernels keep positions in float32, which is exact up to here.
_MAX_SIDE = 1 << 24

# What a file begins with, and Pillow's reader of its header. The decoders of rarer formats, less
# used and less tested, never see a file.
_HEADERS = (
    (rb"\x89PNG\r\n\x1a\n", "PngImagePlugin", "PngImageFile"),
    (rb"\xff\xd8\xff", "JpegImagePlugin", "JpegImageFile"),
    (rb"BM", "BmpImagePlugin", "BmpImageFile"),
    (rb"II\*\0|MM\0\*", "TiffImagePlugin", "TiffImageFile"),
    (rb"RIFF....WEBP", "WebPImagePlugin", "WebPImageFile"),
    (rb"P[1-6]\s", "PpmImagePlugin", "PpmImageFile"),
)
# Markers of a JPEG; 00 stuffs the coded data, D0 to D7 restart its decoder, FF fills.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA


def as_grey(image, color="bgr"):
    """Any common image array as a uint8 grey image.

    Parameters
    ----------
    image : ndarray of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        uint8, uint16 (full range), or float in [0, 1]. Read-only and non-contiguous arrays are
        fine; alpha is ignored.
    color : {"bgr", "rgb"}
        Order of the colour channels: "bgr" is what OpenCV reads, "rgb" what scikit-image reads.

    Returns
    -------
    ndarray of shape (H, W), uint8, C-contiguous
        The input itself where it is one already.

    Raises
    ------
    InputError
        For an empty array, a side above 2**24 pixels, another number of dimensions or channels,
        another dtype, floats outside [0, 1] or NaN.
    """
    if color not in ("bgr", "rgb"):
        raise InputError(f"color must be 'bgr' or 'rgb', not {color!r}")
    image = np.asarray(image)
    if max(image.shape, default=0) > _MAX_SIDE:
        raise InputError(f"an image of shape {image.shape} is too large; cut it into parts")
    if image.dtype == np.uint8 and image.ndim == 2 and image.flags.c_contiguous and image.size:
        return image
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise InputError(f"an image is (H, W), (H, W, 3) or (H, W, 4); got shape {image.shape}")
    if image.size == 0:
        raise InputError(f"the image is empty: shape {image.shape}")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype.kind == "f":
        if not (image.min() >= 0 and image.max() <= 1):  # NaN fails both
            raise InputError("a float image must lie in [0, 1]; divide by its maximum first")
        image = np.rint(image * 255).astype(np.uint8)
    elif image.dtype != np.uint8:
        raise InputError(f"image dtype {image.dtype} is not uint8, uint16 or float")
    if image.ndim == 3:
        code = cv2.COLOR_BGR2GRAY if color == "bgr" else cv2.COLOR_RGB2GRAY
        image = cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), code)
    return np.ascontiguousarray(image)


def read_image(path, *, grey=True):
    """Read an image file as uint8, grey (H, W) or BGR (H, W, 3).

    PNG, JPEG, BMP, TIFF, WebP and PNM are known by their content, whatever the file's name.

    Raises
    ------
    InputError
        If the file is missing, above 256 MiB, no such image or one that ends early; and, before
        anything is decoded, if it announces more than 2**28 pixels, or beyond 2**24 pixels more
        than 200 for each of its bytes.
    """
    path = Path(path)
    data = read_bytes(path, MAX_BYTES)
    announced = _announced(path, data)
    flags = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path}: not an image that OpenCV can read; convert it to PNG or JPEG")
    if sorted(image.shape[:2]) != sorted(announced):  # turned images have the sides swapped
        raise InputError(f"{path}: its header is damaged; save the image anew")
    return image


def _announced(path, data):
    """The size that the header of an image file announces, if the file may be decoded."""
    known = [reader for pattern, *reader in _HEADERS if re.match(pattern, data, re.DOTALL)]
    if not known:
        raise InputError(f"{path}: not an image that OpenCV can read; convert it to PNG or JPEG")
    if not _is_whole(data):
        raise InputError(f"{path}: the image file is truncated; copy it again")
    try:
        # The class itself: Image.open warns about large images, and has only one limit a process.
        module, name = known[0]
        reader = getattr(import_module(f"PIL.{module}"), name)
        width, height = reader(io.BytesIO(data)).size
    except Exception as error:  # whatever a reader stumbles over in a stranger's bytes
        raise InputError(f"{path}: its header is damaged; save the image anew") from error
    if data.startswith(b"\xff\xd8") and _n_scans(data) > _MAX_SCANS:
        raise InputError(f"{path}: a JPEG of more than {_MAX_SCANS} scans; save the image anew")
    n_pixels = width * height
    if n_pixels > MAX_PIXELS:
        raise InputError(f"{path}: {width}x{height} pixels are too many; shrink it")
    if n_pixels > max(_PLAIN_PIXELS, _PIXELS_PER_BYTE * len(data)):
        raise InputError(
            f"{path}: {width}x{height} pixels in {len(data)} bytes are no photograph; shrink it"
        )
    return width, height


def _is_whole(data):
    """Whether a JPEG or PNG reaches its end marker; decoders silently fill in what is missing."""
    if data.startswith(b"\xff\xd8"):
        return _n_scans(data) is not None
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-64:]
    return True


def _n_scans(data):
    """Scans of a JPEG up to its end marker, or None where that is missing."""
    at = n_scans = 0
    for _ in range(_MAX_MARKERS):
        found = _MARKER.search(data, at)
        if found is None:
            return None
        at, code = found.end(), data[found.end() - 1]
        if code == _END:
            return n_scans
        n_scans += code == _SCAN
        if code != _START:  # all others that are no restarts say how long they are
            at += int.from_bytes(data[at : at + 2], "big")
    return _MAX_MARKERS
