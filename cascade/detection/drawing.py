"""Found faces, drawn."""

import cv2
import numpy as np

from data_tools.files import replace_file
from data_tools.plots import overlay
from data_tools.schemes import scheme_for
from features.errors import InputError
from features.images import read_image

# Probability from which on a landmark is drawn as visible.
_SEEN = 0.5


def drawn_as_seen(visible):
    """Which landmarks are drawn as visible, from their probabilities; None if these are None."""
    return None if visible is None else visible >= _SEEN


def draw(image, found, path=None, scheme=None):
    """Draw faces that were found on their photograph.

    Parameters
    ----------
    image : str, Path or ndarray of shape (H, W) or (H, W, 3), uint8, BGR
    found : FoundFaces or Alignment
        Boxes are drawn where it has them.
    path : str or Path, optional
        Image file to write; its suffix says the format.
    scheme : Scheme, optional
        Its lines are drawn; by default the built-in scheme with that number of landmarks.

    Returns
    -------
    Picture of shape (H, W, 3), uint8, BGR

    Raises
    ------
    InputError
        If the image cannot be read or the file cannot be written.
    """
    if not isinstance(image, np.ndarray):
        image = read_image(image, grey=False)
    scheme = scheme or scheme_for(found.shapes.shape[1])
    seen = drawn_as_seen(found.visible)
    drawn = overlay(image, found.shapes, scheme, getattr(found, "boxes", None), visible=seen)
    if path is not None:
        try:
            _, data = cv2.imencode(_suffix(path), drawn)
        except cv2.error as error:
            raise InputError(
                f"{path}: OpenCV cannot write images of this type; name a .png or .jpg"
            ) from error
        replace_file(path, data.tobytes())
    return drawn


def _suffix(path):
    return "." + str(path).rpartition(".")[2].lower()
