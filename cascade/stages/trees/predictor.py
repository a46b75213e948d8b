"""The boosted trees of one stage, ready to predict."""

from dataclasses import dataclass
from typing import ClassVar

from features.errors import InputError

from ..comparisons import PixelComparisons, comparison_layout


@dataclass(frozen=True)
class Trees(PixelComparisons):
    """The boosted trees of one stage, ready to predict.

    A sample goes to child ``2i + 1 + (pixel[first] - pixel[second] >= threshold)`` of node i, and
    a tree of n nodes has n + 1 leaves. The fields are those of `PixelComparisons`.
    """

    KIND: ClassVar = "trees"
    LAYOUT: ClassVar = comparison_layout("trees", "nodes", "leaves")

    def check(self, sizes):
        """Refuse incomplete trees, and nodes that look at pixels that are not read."""
        nodes = sizes["nodes"]
        if sizes["leaves"] != nodes + 1 or nodes & (nodes + 1) or nodes > 127:
            raise InputError(
                f"trees of {nodes} nodes and {sizes['leaves']} leaves are not complete"
            )
        super().check(sizes)

    @property
    def depth(self):
        """Levels of splits."""
        return self.leaves.shape[1].bit_length() - 1
