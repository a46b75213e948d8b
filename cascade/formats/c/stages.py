"""Trained stages as constants of C: what the templates beside this file read.

A kind of stages has `TEMPLATES`, in the order in which they are needed, the `struct` that holds one
stage and the function that runs it, and ``fields(stage, name, sizes)``: definitions of arrays, and
the values of the struct's fields.
"""

from dataclasses import dataclass, field

import numpy as np

from features._hog_kernels import DIRECTIONS, STEPS

from ...stages.ferns.predictor import GRID
from ...stages.packing import whole
from .literals import array, number

# Leaves and components in whole vectors of a processor.
_LANES = 8
# Numbers that are multiplied with weights, likewise.
_NUMBERS = 16


@dataclass
class Sizes:
    """The lengths of local arrays in C: the greatest of all stages.

    Attributes
    ----------
    landmarks, outputs : int
        Landmarks L, and the length of an update: 2L, or 3L with visibility.
    width : int
        Components of a leaf.
    pixels, trees, cells, components, numbers, zones : int
    """

    landmarks: int
    outputs: int = 0
    width: int = 1
    pixels: int = 1
    trees: int = 1
    cells: int = 1
    components: int = 1
    numbers: int = 1
    zones: int = 1

    def hold(self, **lengths):
        """Make room for lengths that may be greater than those so far."""
        for name, length in lengths.items():
            setattr(self, name, max(getattr(self, name), int(length)))


@dataclass
class Fields:
    """Arrays of a stage, and the texts of the fields of its struct, one after another."""

    name: str
    arrays: list = field(default_factory=list)
    texts: list = field(default_factory=list)

    def number(self, value):
        """Add a field that is a number."""
        self.texts.append(number(value))

    def array(self, word, values):
        """Add a field that points to an array."""
        name = f"cascade_{self.name}_{word}"
        self.arrays.append(array(name, values))
        self.texts.append(name)

    def update(self, predictor, sizes, n_rows, divisor=1):
        """Add the basis, filled up to `n_rows`, and the bias, filled up to all outputs."""
        basis = whole(predictor.basis, 0, n_rows) / np.float32(divisor)
        self.array("basis", _outputs(basis, sizes))
        self.array("bias", _outputs(predictor.bias, sizes))


def by_axis(shapes):
    """Shapes (…, L, 2) with all x before all y: (…, 2, L)."""
    return shapes.swapaxes(-1, -2)


def _outputs(rows, sizes):
    """Updates (…, n) of shapes, and of visibility, by axis, filled up to all outputs; a score,
    which is one number, is left as it is."""
    n = 2 * sizes.landmarks
    if rows.shape[-1] < n:
        return rows
    moves = by_axis(rows[..., :n].reshape(*rows.shape[:-1], -1, 2)).reshape(*rows.shape[:-1], n)
    missing = [(0, 0)] * (rows.ndim - 1) + [(0, sizes.outputs - rows.shape[-1])]
    return np.pad(np.concatenate([moves, rows[..., n:]], axis=-1), missing)


def _by_level(nodes):
    """Nodes (K, n) of complete trees, level by level and within a level tree by tree."""
    ends = 2 ** np.arange(1, nodes.shape[1].bit_length() + 1) - 1
    return np.concatenate([nodes[:, (end - 1) // 2 : end].reshape(-1) for end in ends])


def _put_points(fields, feature):
    fields.number(len(feature.anchors))
    fields.array("anchors", feature.anchors)
    fields.array("right", feature.offsets[:, 0])
    fields.array("down", feature.offsets[:, 1])


def _braced(fields, put):
    """What `put` adds to the fields, as one field that is a struct."""
    before = len(fields.texts)
    put()
    fields.texts[before:] = ["{" + ", ".join(fields.texts[before:]) + "}"]


class _Leaves:
    """Kinds whose leaves are added."""

    @staticmethod
    def width(predictor):
        """Components of a leaf."""
        return len(predictor.basis)

    @classmethod
    def _put_leaves(cls, fields, leaves, sizes):
        fields.array("leaves", whole(leaves.reshape(-1, leaves.shape[-1]), 1, sizes.width))


class Trees(_Leaves):
    """Boosted trees on points that are tied to landmarks."""

    TEMPLATES = ("anchored", "leaves", "trees")
    STRUCT, RUN = "trees", "cascade_run_trees(stage, view, answer->shape)"

    @staticmethod
    def measure(stage, sizes):
        """Make room for a stage."""
        sizes.hold(pixels=len(stage.feature.anchors), trees=len(stage.predictor.first))

    @classmethod
    def fields(cls, stage, name, sizes):
        """The `Fields` of a stage."""
        fields, trees = Fields(name), stage.predictor
        _braced(fields, lambda: _put_points(fields, stage.feature))
        fields.number(len(trees.first))
        fields.number(trees.depth)
        for word in ("first", "second", "threshold"):
            fields.array(word, _by_level(getattr(trees, word)))
        cls._put_leaves(fields, trees.leaves, sizes)
        fields.update(trees, sizes, sizes.width)
        return fields


class Forests(_Leaves):
    """Local forests, and one linear regression on their leaves."""

    TEMPLATES = ("leaves", "forests")
    STRUCT, RUN = "forests", "cascade_run_forests(stage, view, answer->shape)"

    @staticmethod
    def measure(stage, sizes):
        """Make room for a stage."""
        sizes.hold(pixels=len(stage.feature.offsets), trees=len(stage.feature.first))

    @classmethod
    def fields(cls, stage, name, sizes):
        """The `Fields` of a stage."""
        fields, forests = Fields(name), stage.feature
        fields.number(len(forests.offsets))
        fields.array("right", forests.offsets[:, 0])
        fields.array("down", forests.offsets[:, 1])
        fields.number(len(forests.first))
        fields.number(forests.depth)
        for word in ("first", "second", "threshold"):
            fields.array(word, _by_level(getattr(forests, word)))
        cls._put_leaves(fields, stage.predictor.weights, sizes)
        fields.update(stage.predictor, sizes, sizes.width)
        return fields


class AnchoredFerns(_Leaves):
    """Boosted ferns on points that are tied to landmarks."""

    TEMPLATES = ("anchored", "leaves", "ferns", "anchored_ferns")
    STRUCT, RUN = "anchored_ferns", "cascade_run_anchored_ferns(stage, view, answer->shape)"

    @staticmethod
    def measure(stage, sizes):
        """Make room for a stage."""
        sizes.hold(pixels=len(stage.feature.anchors), trees=len(stage.predictor.first))

    @classmethod
    def fields(cls, stage, name, sizes):
        """The `Fields` of a stage."""
        fields = Fields(name)
        _braced(fields, lambda: _put_points(fields, stage.feature))
        _braced(fields, lambda: cls._put_ferns(fields, stage.predictor, sizes))
        return fields

    @classmethod
    def _put_ferns(cls, fields, ferns, sizes):
        fields.number(len(ferns.first))
        fields.number(ferns.depth)
        for word in ("first", "second", "threshold"):
            fields.array(word, getattr(ferns, word))
        cls._put_leaves(fields, ferns.leaves, sizes)
        fields.update(ferns, sizes, sizes.width)


class LineFerns(AnchoredFerns):
    """Boosted ferns on points between landmarks, with visibility and zones or without."""

    TEMPLATES = ("pixels", "leaves", "ferns", "line_ferns")
    STRUCT = "line_ferns"
    RUN = "cascade_run_line_ferns(stage, view, answer->shape, answer->visibility)"

    @staticmethod
    def measure(stage, sizes):
        """Make room for a stage."""
        sizes.hold(pixels=len(stage.feature.fractions), trees=len(stage.predictor.first))
        if hasattr(stage.predictor, "zone"):
            sizes.hold(outputs=3 * sizes.landmarks, zones=GRID**2)

    @classmethod
    def fields(cls, stage, name, sizes):
        """The `Fields` of a stage."""
        fields, points, ferns = Fields(name), stage.feature, stage.predictor
        fields.number(len(points.fractions))
        fields.array("one", points.points[0])
        fields.array("other", points.points[1])
        fields.array("fraction", points.fractions)
        _braced(fields, lambda: cls._put_ferns(fields, ferns, sizes))
        zone = getattr(ferns, "zone", np.zeros(len(ferns.first), np.uint8))
        zone_of = getattr(ferns, "zone_of", np.zeros(sizes.landmarks, np.uint8))
        n_zones = GRID**2 if hasattr(ferns, "zone") else 1
        fields.number(n_zones)
        fields.array("edges", np.searchsorted(zone, np.arange(n_zones + 1)).astype(np.int32))
        fields.array("zone_of", zone_of)
        return fields


class Linear:
    """A linear map on HOG descriptors at all landmarks."""

    TEMPLATES = ("hog", "describe", "linear")
    STRUCT, RUN = "linear", "cascade_run_linear(stage, view, &room->hog, answer->shape)"

    @staticmethod
    def width(predictor):
        """Leaves have none."""
        return 1

    @staticmethod
    def measure(stage, sizes):
        """Make room for a stage."""
        n_numbers, n_components = stage.predictor.weights.shape
        n_cells = len(stage.feature.cells)
        n_numbers = max(n_numbers, sizes.landmarks * n_cells * DIRECTIONS)
        n_numbers += -n_numbers % _NUMBERS
        sizes.hold(cells=n_cells, components=n_components, numbers=n_numbers)

    @staticmethod
    def fields(stage, name, sizes):
        """The `Fields` of a stage."""
        fields, hog, linear = Fields(name), stage.feature, stage.predictor
        weights = whole(linear.weights.T, 1, _NUMBERS)
        fields.number(hog.spacing[0])
        fields.array("cells", hog.cells)
        fields.number(len(hog.cells))
        fields.number(np.float32(hog.shape_gain))
        fields.number(weights.shape[1])
        fields.number(len(weights))
        fields.array("weights", weights)
        fields.update(linear, sizes, 1, STEPS)
        return fields


#: What writes each kind of stage; see `cascade.stages.registry`.
KINDS = {
    ("hog", "reduced-linear"): Linear,
    ("hog-with-shape", "reduced-linear"): Linear,
    ("lbf", "sparse-linear"): Forests,
    ("line-pixels", "ferns"): LineFerns,
    ("line-pixels", "zoned-ferns"): LineFerns,
    ("pixels", "ferns"): AnchoredFerns,
    ("pixels", "trees"): Trees,
}


def measured(stages, n_landmarks):
    """The `Sizes` of all plain stages."""
    sizes = Sizes(n_landmarks, 2 * n_landmarks)
    for stage in stages:
        KINDS[stage.kind].measure(stage, sizes)
        sizes.hold(width=KINDS[stage.kind].width(stage.predictor))
    sizes.width += -sizes.width % _LANES if sizes.width > 1 else 0
    return sizes
