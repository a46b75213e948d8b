"""The joint cascade as one of the detectors by name: ``jda`` and ``jda:FILE``."""

from data_tools.detectors import Detector
from features.errors import InputError
from features.images import as_grey

from ...models import load


class JdaDetector(Detector):
    """A joint cascade of the package, or of a file.

    Upright faces are searched for first; where none is found, faces that are turned by about 35
    degrees to either side, and twice as large or more. The limits were chosen on photographs that
    training had not seen, so that about one in fifteen without a face gets a box.

    Parameters
    ----------
    file : str or Path, optional
        A model of method ``jda``; without it, the one of the package.
    """

    #: The smallest faces are this part of the long side of an image, or `SMALLEST` pixels wide.
    PART, SMALLEST = 1 / 48, 20.0
    #: What the score must be, of upright faces and of turned ones.
    LEAST, LEAST_TURNED = 1.2, 2.0
    TURNED = (-35.0, 35.0)

    def __init__(self, file="jda"):
        self.model = load(file)
        if self.model.method != "jda":
            raise InputError(
                f"{file}: a model of method {self.model.method!r}, which finds no faces; name one "
                "of method 'jda'"
            )

    def search(self, image, long_side=None):
        """As `Detector.search`.

        Nothing is shrunk or enlarged: `long_side` chooses the smallest faces, as if the image were
        shrunk to it. Scores are those of `JDA.detect`.
        """
        found = self.find(image, long_side)
        return found.boxes, found.scores

    def find(self, image, long_side=None):
        """Boxes, scores and landmarks, as `cascade.JDA.detect` returns them; see `search`."""
        grey = as_grey(image)
        longest = max(grey.shape)
        smallest = max(self.SMALLEST, longest * self.PART)
        if long_side:
            smallest = self.SMALLEST * max(1.0, longest / long_side)
        found = self.model.detect(grey, min_size=smallest, min_score=self.LEAST)
        if not len(found):
            found = self.model.detect(
                grey, min_size=2 * smallest, min_score=self.LEAST_TURNED, rotation=self.TURNED
            )
        return found
