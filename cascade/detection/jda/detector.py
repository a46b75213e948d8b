"""The joint cascade as one of the detectors by name: ``jda`` and ``jda:FILE``."""

from data_tools.detectors import Detector
from features.errors import InputError
from features.images import as_grey

from ...models import load


class JdaDetector(Detector):
    """A joint cascade of the package, or of a file.

    Parameters
    ----------
    file : str or Path, optional
        A model of method ``jda``; without it, the one of the package.
    """

    #: The smallest faces are this part of the long side of an image, or `SMALLEST` pixels wide.
    PART, SMALLEST = 1 / 32, 20.0

    def __init__(self, file="jda"):
        self.model = load(file)
        if self.model.method != "jda":
            raise InputError(
                f"{file}: a model of method {self.model.method!r}, which finds no faces; name one "
                "of method 'jda'"
            )

    def search(self, image, long_side=None):
        """As `Detector.search`; the smallest faces are 1/32 of `long_side`, at least 20 pixels."""
        found = self.find(image, long_side)
        return found.boxes, found.scores

    def find(self, image, long_side=None):
        """Boxes, scores and landmarks; see `JDA.detect`."""
        grey = as_grey(image)
        longest = max(grey.shape)
        # A finer image would hold no smaller faces: nothing is enlarged, nothing shrunk.
        part = longest / min(longest, long_side) if long_side else 1.0
        smallest = max(self.SMALLEST * part, longest * self.PART)
        return self.model.detect(grey, min_size=smallest)
