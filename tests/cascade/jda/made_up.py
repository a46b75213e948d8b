"""What several tests of the joint cascade use."""

import numpy as np

from cascade.detection.jda.model import JDA

# So lenient that a search finds what the verifier can learn from.
SMALL = {**JDA.PRESETS["small"], "roll": 6.0, "front_trees": 16, "n_trees": 8, "margin": 8.0}


def image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)


def leaf_by_hand(pixels, nodes):
    """The leaf of a tree, a quotient at a time."""
    i = 0
    while i < len(nodes):
        first, second, w, v = (int(n) for n in nodes[i])
        i = 2 * i + 1 + (int(pixels[first]) * w >= int(pixels[second]) * v)
    return i - len(nodes)
