"""The recipes by their names."""

from collections.abc import Mapping
from importlib import import_module

from features.errors import InputError

# Module and class, in the order in which things happen: a head turns, light falls on it, something
# gets between it and the camera, and the picture suffers.
_MODULES = {
    "pose": ("pose", "PoseTurn"),
    "expression": ("expression", "Expression"),
    "light": ("light", "Light"),
    "occlusion": ("occlusion", "Occlusion"),
    "blur": ("blur", "Blur"),
    "lowres": ("lowres", "LowRes"),
    "noise": ("noise", "Noise"),
    "jpeg": ("jpeg", "Jpeg"),
}


class _Recipes(Mapping):
    """Classes of recipes by name; each is imported when it is asked for."""

    def __getitem__(self, name):
        module, cls = _MODULES[name]
        return getattr(import_module(f".{module}", __package__), cls)

    def __iter__(self):
        return iter(_MODULES)

    def __len__(self):
        return len(_MODULES)


#: Name of each recipe and its class, in the order in which `parse` applies them.
AUGMENTATIONS = _Recipes()


def parse(names, settings=None):
    """The recipes that a text names.

    Parameters
    ----------
    names : str
        Names of `AUGMENTATIONS` with commas between them, such as ``"pose,light"``.
    settings : dict of str to object, optional
        Values of their parameters, as ``{"light.gamma": (0.5, 2.0)}``.

    Returns
    -------
    dict of str to Recipe
        In the order of `AUGMENTATIONS`, whatever that of the text is.

    Raises
    ------
    InputError
        For a name that no recipe has, or that comes twice, or a setting of a recipe that is not
        named.

    Examples
    --------
    >>> parse("blur,light", {"light.shadow": 0.9})
    {'light': Light(shadow=0.9), 'blur': Blur()}
    """
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in AUGMENTATIONS:
            raise InputError(
                f"no augmentation is called {name!r}; there are {', '.join(AUGMENTATIONS)}"
            )
        if wanted.count(name) > 1:
            raise InputError(f"augmentation {name} is named twice; name it once")
    recipes = {name: AUGMENTATIONS[name]() for name in AUGMENTATIONS if name in wanted}
    for key, value in (settings or {}).items():
        name, _, parameter = key.partition(".")
        if name not in recipes:
            raise InputError(f"{key} is set, but the augmentations are {', '.join(recipes)}")
        recipes[name].set_params(**{parameter.replace(".", "__"): value})
    return recipes


def describe(recipes, copies):
    """What `augment` does with these recipes, in a line for people.

    Parameters
    ----------
    recipes : dict of str to Recipe
    copies : int

    Examples
    --------
    >>> describe(parse("light,blur", {"blur.motion": 1.0}), 2)
    '2 copies of each face: light, blur(motion=1.0)'
    """
    texts = []
    for name, recipe in recipes.items():
        _, _, changed = repr(recipe).partition("(")
        texts.append(name if changed == ")" else f"{name}({changed}")
    return f"{copies} cop{'y' if copies == 1 else 'ies'} of each face: {', '.join(texts)}"
