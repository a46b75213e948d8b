"""The networks that the trainer knows."""

from importlib import import_module

# Name: module and class, defaults of options where they differ, and whether it learns from drawn
# heads. Here rather than in the modules, which need Keras.
NETWORKS = {
    "se-resnet": ("se_resnet.SeResNet", {}, False),
    "se-inception": ("se_inception.SeInception", {}, False),
    "dcnn": ("dcnn.Dcnn", {"size": 96}, False),
    "tcnn": ("tcnn.Tcnn", {"size": 40, "expand": 1.2}, False),
    "tcdcn": ("tcdcn.Tcdcn", {"size": 60, "expand": 1.2}, False),
    "dan": ("dan.Dan", {"size": 64}, False),
    "fan": ("fan.Fan", {"size": 96, "width": 24}, False),
    "prnet": ("prnet.PrNet", {"size": 64, "width": 16}, True),
    "3ddfa": ("tddfa.Tddfa", {"size": 64, "width": 16}, True),
    "densereg": ("densereg.DenseReg", {"size": 64, "width": 16}, True),
}


def load(name):
    """The recipe of a network; imports Keras."""
    module, _, title = NETWORKS[name][0].partition(".")
    return getattr(import_module(module), title)
