"""From files and arrays of any common kind to uint8 grey."""

from pathlib import Path

import cv2
import numpy as np

from .errors import InputError

# A decoded photograph above this is refused before memory is taken for it.
MAX_PIXELS = 1 << 28


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
        For an empty array, another number of dimensions or channels, another dtype, floats
        outside [0, 1] or NaN.
    """
    if color not in ("bgr", "rgb"):
        raise InputError(f"color must be 'bgr' or 'rgb', not {color!r}")
    image = np.asarray(image)
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

    Raises
    ------
    InputError
        If the file is missing, is no image OpenCV can read, ends early, or has more than 2**28
        pixels.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read the image ({error.strerror})") from error
    if not _is_whole(data):
        raise InputError(f"{path}: the image file is truncated; copy it again")
    image = None
    if data:
        flags = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error:
            image = None
    if image is None:
        raise InputError(f"{path}: not an image that OpenCV can read; convert it to PNG or JPEG")
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise InputError(
            f"{path}: {image.shape[1]}x{image.shape[0]} pixels are too many; shrink it"
        )
    return image


def _is_whole(data):
    """Whether a JPEG or PNG reaches its end marker; decoders silently fill in what is missing."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-64:]
    return True
