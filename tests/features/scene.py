"""A mean shape of four landmarks, and samples of one image as features take them."""

from types import SimpleNamespace

import numpy as np

MEAN = np.array([[-0.3, -0.2], [0.3, -0.2], [0.0, 0.1], [0.05, 0.3]], np.float32)
MEAN -= MEAN.mean(0)


def samples(image, shapes, placement):
    """Samples of `shapes` (N, L, 2) in the box frame that lies at `placement` in `image`."""
    n = len(shapes)
    return SimpleNamespace(
        images=image[None],
        index=np.zeros(n, np.intp),
        placements=np.tile(np.asarray(placement, np.float32), (n, 1)),
        shapes=np.asarray(shapes, np.float32),
    )
