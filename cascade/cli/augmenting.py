"""``--augment``: changed copies of the faces; ``--set`` sets the recipes' parameters."""

import typer

from features.errors import InputError
from features.workers import Workers

from .settings import assign

#: What the settings of recipes begin with, as in ``--set augment.light.gamma=(0.5,2)``.
PREFIX = "augment."
_COPIES = 2


class Augmentation:
    """The augmentation that ``--augment``, ``--copies`` and ``--set augment.…`` describe.

    Parameters
    ----------
    names : str or None
        Recipes with commas between them; None makes no copies.
    copies : int or None
    settings : list of str
        ``NAME=VALUE`` of all ``--set``.

    Attributes
    ----------
    others : list of str
        The settings that do not belong to a recipe.

    Raises
    ------
    typer.BadParameter, InputError
        For an unknown recipe or parameter, or an invalid value.
    """

    def __init__(self, names, copies, settings):
        ours = [each.strip() for each in settings if each.strip().startswith(PREFIX)]
        self.others = [each for each in settings if each.strip() not in ours]
        self.recipes, self.copies = {}, _COPIES if copies is None else copies
        if names is None:
            given = "--copies" if copies is not None else f"--set {ours[0]}" if ours else None
            if given:
                raise typer.BadParameter(
                    f"{given} needs --augment: name at least one recipe", param_hint="--augment"
                )
            return
        from data_tools.augment import parse

        try:
            self.recipes = parse(names)
        except InputError as error:
            raise typer.BadParameter(str(error), param_hint="--augment") from error
        for setting in ours:
            name, dot, rest = setting.removeprefix(PREFIX).partition(".")
            if not dot or name not in self.recipes:
                raise typer.BadParameter(
                    f"{setting!r} sets nothing of --augment {','.join(self.recipes)}; write "
                    f"{PREFIX}{next(iter(self.recipes))}.p=0.5",
                    param_hint="--set",
                )
            assign(self.recipes[name], rest)
        for recipe in self.recipes.values():
            recipe.check()

    def __bool__(self):
        return bool(self.recipes)

    def __str__(self):
        """For the model's notes."""
        from data_tools.augment import describe

        return describe(self.recipes, self.copies)

    def apply(self, faces, seed, jobs, progress, face_size=None):
        """The faces and their copies; the faces alone where there is no recipe.

        Parameters
        ----------
        faces : FaceDataset
        seed, jobs : int
        progress : Progress
        face_size : int, optional
            Pixels of a face box that training looks at.
        """
        if not self:
            return faces
        from data_tools.augment import FRAME, augment
        from features.frame import Frame

        frame = FRAME
        if face_size is not None:
            size = round(face_size * FRAME.size / FRAME.face)
            frame = Frame(min(size, 4096), face_size)
        with Workers(jobs) as workers:
            return augment(
                faces, self.recipes, self.copies, seed, frame=frame, workers=workers,
                progress=progress.counting("planning copies"),
            )  # fmt: skip
