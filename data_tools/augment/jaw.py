"""Where annotators put the landmarks of the jaw on a head that turns.

The outline of the head (`Surface.outline`) tells where the edge of the face is seen. Annotators
space their landmarks along it by eye: those of the far side stay higher on the cheek than the jaw's
own points would move, and those of the near side go back towards the ear.
"""

from typing import NamedTuple

import numpy as np

# Sine of the largest yaw that was measured; beyond, landmarks stay where they are there.
_MOST = 0.7


class JawPlaces(NamedTuple):
    """How far annotators are from the places on the outline that belong to the landmarks.

    Polynomials ``a s + b s²`` of the sine s of the yaw, for a head that looks to the left of the
    image, its far side first; the mirror image holds for the other side.

    Attributes
    ----------
    along : ndarray of shape (2, 17)
        a and b of the distance along the outline, in distances to the next landmark.
    inward : ndarray of shape (2, 17)
        a and b of the distance into the face, in distances of the outer corners of the eyes.
    """

    along: np.ndarray
    inward: np.ndarray

    def on(self, outline, between, yaw, scale):
        """The 17 landmarks of the jaw on the outline of a head, (17, 2).

        Parameters
        ----------
        outline : ndarray of shape (16 * between + 1, 2)
            Where the edge of the face is seen, from the landmark at the ear on the left of the
            image.
        between : int
            Points of the outline from one landmark to the next.
        yaw : float
            Degrees, positive where the nose points to the left of the image. NaN counts as 0.
        scale : float
            Distance of the outer corners of the eyes.
        """
        s = min(abs(np.sin(np.radians(np.nan_to_num(yaw)))), _MOST)
        along, inward = (a * s + b * s * s for a, b in self)
        if yaw < 0:
            along, inward = -along[::-1], inward[::-1]
        at = np.clip((np.arange(17) + along) * between, 0, len(outline) - 1)
        normal = normals(outline)
        before = np.minimum(at.astype(int), len(outline) - 2)
        share = (at - before)[:, None]
        places, inwards = (
            (1 - share) * each[before] + share * each[before + 1] for each in (outline, normal)
        )
        return places + scale * inward[:, None] * inwards


def normals(outline):
    """Unit vectors into the face at each point of its outline (A, 2)."""
    tangent = np.gradient(outline, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12)
    return np.column_stack([tangent[:, 1], -tangent[:, 0]])


#: Measured by examples/make_jaw.py on 2009 training faces of 300-W (HELEN, LFPW, AFW).
KNOWN = JawPlaces(
    np.array([
        [0.056, -0.662, -1.282, -1.618, -1.597, -1.328, -0.844, -0.236, -0.1,
         -0.465, -0.624, -0.747, -0.7, -0.437, -0.087, 0.35, 0.39],
        [0.135, 0.515, 0.87, 0.911, 0.331, 0.088, -0.579, -1.127, -0.476,
         0.388, 0.66, 0.846, 0.779, 0.342, -0.028, -0.334, -0.457],
    ]),
    np.array([
        [0.113, 0.019, 0.008, 0.057, 0.142, 0.181, 0.171, 0.08, 0.026,
         0.014, -0.014, -0.042, -0.048, -0.033, -0.068, -0.055, -0.041],
        [-0.159, -0.072, -0.039, -0.07, -0.185, -0.173, -0.196, -0.106, 0.014,
         0.01, 0.003, -0.003, -0.048, -0.108, -0.021, 0.009, 0.041],
    ]),
)  # fmt: skip
