"""Changed copies of faces: turned heads, other light, things in front, and worse pictures.

A recipe is a class with parameters and ``apply(face, rng)``; `AUGMENTATIONS` names them. `augment`
appends copies to a dataset. Their images are made each time one is asked for, so that they take no
memory.
"""

from .copies import FRAME, augment
from .face import Face, Recipe
from .recipes import AUGMENTATIONS, describe, parse

__all__ = ["AUGMENTATIONS", "FRAME", "Face", "Recipe", "augment", "describe", "parse"]
