"""The networks that the trainer knows."""

from importlib import import_module
from typing import NamedTuple


class Entry(NamedTuple):
    """What is known of a network before Keras, which its module needs, is imported."""

    where: str
    """Module and class of its recipe."""
    defaults: dict
    """Options where they differ from those of SE-ResNet."""
    found: str | None = None
    """The points that it finds, as of `points_of`; all of the faces' scheme where None."""
    drawn: bool = False
    """Whether it learns from drawn heads, whose depth is known, instead of from photographs."""


NETWORKS = {
    "se-resnet": Entry("se_resnet.SeResNet", {}),
    "se-inception": Entry("se_inception.SeInception", {}),
    "dcnn": Entry("dcnn.Dcnn", {"size": 96}, "centres5"),
    "tcnn": Entry("tcnn.Tcnn", {"size": 40, "expand": 1.2}, "centres5"),
    "tcdcn": Entry("tcdcn.Tcdcn", {"size": 60, "expand": 1.2}),
    "dan": Entry("dan.Dan", {"size": 48}),
    "fan": Entry("fan.Fan", {"size": 96, "width": 16}),
    "prnet": Entry("prnet.PrNet", {"size": 64, "width": 16}, drawn=True),
    "3ddfa": Entry("tddfa.Tddfa", {"size": 64, "width": 16}, drawn=True),
    "densereg": Entry("densereg.DenseReg", {"size": 64, "width": 16}, drawn=True),
}


def load(name):
    """The recipe of a network; imports Keras."""
    module, _, title = NETWORKS[name].where.partition(".")
    return getattr(import_module(module), title)
