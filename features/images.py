"""From files and arrays of any common kind to uint8 grey."""

import ctypes

import numpy as np

from .errors import InputError
from .files import read_bytes
from .image_headers import Truncated, read_header
from .memory import require_memory
from .opencv import cv2

# Photographs with more pixels or bytes than this are refused before they are decoded, ...
MAX_PIXELS = 1 << 28
MAX_BYTES = 1 << 28
# ... and above the first of these also files with more pixels per byte than any photograph has. A
# PNG of a single colour has 1000 pixels per byte or more.
_PLAIN_PIXELS, _PIXELS_PER_BYTE = 1 << 24, 200
# A tile or strip of a TIFF is unpacked whole: programs write small ones, or one strip for all of
# an image, which compression without loss brings to a third or so.
_SMALL_BLOCK, _BLOCK_PER_BYTE = 1 << 20, 8
# Each scan of a progressive JPEG passes over the whole image; cameras and programs write about ten.
_MAX_SCANS = 100
# Kernels keep positions in float32, which is exact up to here.
MAX_SIDE = 1 << 24
# Limit of an array, 8 GiB in grey: counts of bytes stay far below 2**63.
MAX_ARRAY_PIXELS = 1 << 33

_UNKNOWN = "not an image that OpenCV can read; convert it to PNG or JPEG"
_DAMAGED = "its header is damaged; save the image anew"
# What the user can do about arrays of other kinds than unsigned integers and floats.
_REMEDIES = {
    "b": "multiply it by numpy.uint8(255)",
    "c": "take its absolute value or its real part",
    "O": "give all its rows one length, or convert it with astype",
    "V": "choose one of its fields",
}


def as_grey(image, color="bgr"):
    """Any common image array as a uint8 grey image.

    Parameters
    ----------
    image : ndarray of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        uint8, uint16 (full range), or float in [0, 1]. Read-only and non-contiguous arrays, and
        either byte order, are fine; alpha is ignored.
    color : {"bgr", "rgb"}
        Order of the colour channels: "bgr" is what OpenCV reads, "rgb" what scikit-image reads.

    Returns
    -------
    ndarray of shape (H, W), uint8, C-contiguous
        The input itself where it already is such an array.

    Raises
    ------
    InputError
        For an empty array, a side above 2**24 or more than 2**33 pixels, another number of
        dimensions or channels, another dtype, floats outside [0, 1] or NaN, or a conversion for
        which memory is short.
    """
    if color not in ("bgr", "rgb"):
        raise InputError(f"color must be 'bgr' or 'rgb', not {color!r}")
    try:
        image = np.asarray(image)
    except ValueError as error:  # lists of different lengths
        raise InputError(f"the image is not an array ({error}); give an array (H, W)") from error
    if image.dtype == np.uint8 and image.ndim == 2 and image.flags.c_contiguous:
        _refuse_size(image.shape)
        return image
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise InputError(f"an image is (H, W), (H, W, 3) or (H, W, 4); got shape {image.shape}")
    _refuse_size(image.shape)
    kind, n_bytes = image.dtype.kind, image.dtype.itemsize
    if not (kind == "f" or (kind == "u" and n_bytes <= 2)):
        remedy = _REMEDIES.get(kind, "convert it to one of them")
        raise InputError(f"image dtype {image.dtype} is not uint8, uint16 or float; {remedy}")
    # A copy in 8 bits, and for floats one of their own size.
    require_memory(
        image.size * (1 + n_bytes * (kind == "f")), "copies of the image", "cut it into parts"
    )
    if kind == "u" and n_bytes == 2:
        image = (image >> 8).astype(np.uint8)
    elif kind == "f":
        if not (image.min() >= 0 and image.max() <= 1):  # NaN fails both
            raise InputError("a float image must lie in [0, 1]; divide by its maximum first")
        image = np.rint(image * 255).astype(np.uint8)
    if image.ndim == 3:
        code = cv2.COLOR_BGR2GRAY if color == "bgr" else cv2.COLOR_RGB2GRAY
        image = cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), code)
    return np.ascontiguousarray(image)


def kernel_view(image):
    """The same pixels as an array that numba sees as writeable.

    No kernel writes to an image, but numba would compile each of them a second time for one that
    is read-only, such as ``numpy.asarray(PIL.Image.open(path))``.

    Parameters
    ----------
    image : ndarray, uint8, C-contiguous

    Returns
    -------
    ndarray
        The image itself if it is writeable; otherwise a view that keeps its memory alive.
    """
    if image.flags.writeable:
        return image
    memory = (ctypes.c_uint8 * image.size).from_address(image.ctypes.data)
    memory.owner = image
    return np.ndarray(image.shape, np.uint8, memory)


def _refuse_size(shape):
    """Raise InputError for an image without pixels or with too many."""
    height, width = shape[:2]
    if not height * width:
        raise InputError(f"the image is empty: shape {shape}")
    if max(height, width) > MAX_SIDE or height * width > MAX_ARRAY_PIXELS:
        raise InputError(f"an image of shape {shape} is too large; cut it into parts")


def read_image(path, *, grey=True):
    """Read an image file as uint8, grey (H, W) or BGR (H, W, 3).

    PNG, JPEG, BMP, TIFF, WebP and PNM are known by their content, whatever the file's name.

    Raises
    ------
    InputError
        If the file is missing, above 256 MiB, no such image or one that ends early; and, before
        anything is decoded, if it announces more than 2**28 pixels, or beyond 2**24 pixels more
        than 200 for each of its bytes, if it is a JPEG of more than 100 scans, or a TIFF whose
        tiles or strips are far larger than its image or its file.
    """
    data = read_bytes(path, MAX_BYTES)
    header = _checked_header(path, data)
    flags = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path}: {_UNKNOWN}")
    if sorted(image.shape[:2]) != sorted(header[:2]):  # turned images have the sides swapped
        raise InputError(f"{path}: {_DAMAGED}")
    return image


def _checked_header(path, data):
    """The header of an image file that may be decoded."""
    try:
        header = read_header(data)
    except Truncated as error:
        raise InputError(f"{path}: the image file is truncated; copy it again") from error
    except ValueError as error:
        raise InputError(f"{path}: {_DAMAGED}") from error
    if header is None:
        raise InputError(f"{path}: {_UNKNOWN}")
    if header.n_scans > _MAX_SCANS:
        raise InputError(f"{path}: a JPEG of more than {_MAX_SCANS} scans; save the image anew")
    size = f"{header.width}x{header.height}"
    n_pixels = header.width * header.height
    if n_pixels > MAX_PIXELS:
        raise InputError(f"{path}: {size} pixels are too many; shrink it")
    if n_pixels > max(_PLAIN_PIXELS, _PIXELS_PER_BYTE * len(data)):
        raise InputError(f"{path}: {size} pixels in only {len(data)} bytes; save a smaller image")
    if header.block > max(_SMALL_BLOCK, n_pixels) or header.block > max(
        _PLAIN_PIXELS, _BLOCK_PER_BYTE * len(data)
    ):
        raise InputError(
            f"{path}: a tile or strip of {header.block} pixels is too large for an image of "
            f"{size} in {len(data)} bytes; save it as PNG"
        )
    return header
