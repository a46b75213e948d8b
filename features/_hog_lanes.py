"""Vector operations of the HOG kernels; see `_lanes`."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ._float_lanes import _spread
from ._lanes import LANES, _vector

# Pixels that `pool_lanes` takes at a time.
PIXELS = 2 * LANES
# Weights that one vector of `add_pairs_lanes` holds, and components that it takes at a time.
PAIRS = 2 * LANES
GROUP = 4 * LANES
_WORD = ir.IntType(32)
_EIGHT = ir.VectorType(ir.IntType(16), LANES)
_SIXTEEN = ir.VectorType(ir.IntType(16), PIXELS)


def _order(*lanes):
    return ir.Constant(ir.VectorType(_WORD, len(lanes)), lanes)


def _transposed(builder, vectors):
    """Item j of vector i as item i of vector j: eight vectors of eight."""
    half = LANES // 2
    low = [i // 2 + (i % 2) * LANES for i in range(LANES)]
    orders = _order(*low), _order(*(i + half for i in low))
    for _ in range(3):
        vectors = [
            builder.shuffle_vector(vectors[i], vectors[i + half], order)
            for i in range(half)
            for order in orders
        ]
    return vectors


@intrinsic
def pool_lanes(typingctx, out, start, pixels, first, stride):
    """Sums of resolved gradients in the eight blocks of 2x2 pixels beside ``pixels[first]``.

    ``out[start + 8 * j + o]`` (int16) takes direction o of block j. `pixels` (uint8) is flat, its
    rows are `stride` apart; those around the blocks are read as well. A gradient g is resolved into
    the nearer two of eight directions, ``g = α e_o + β e_(o + 1)`` with α, β >= 0; those of the odd
    directions lack a factor of √2.
    """

    def codegen(context, builder, signature, args):
        def load(row, column):
            index = builder.add(args[3], builder.mul(args[4], ir.Constant(args[4].type, row)))
            index = builder.add(index, ir.Constant(index.type, column))
            at, align = _vector(context, builder, signature.args[2], args[2], index, PIXELS)
            return builder.zext(builder.load(at, align=align), _SIXTEEN)

        def larger(a, b):
            return builder.select(builder.icmp_signed(">", a, b), a, b)

        def positive_smaller(a, b):
            least = builder.select(builder.icmp_signed("<", a, b), a, b)
            return larger(least, ir.Constant(_SIXTEEN, None))

        middle = [load(row, 0) for row in (-1, 0, 1, 2)]
        sums = None
        for row in (0, 1):
            gx = builder.sub(load(row, 1), load(row, -1))
            gy = builder.sub(middle[row + 2], middle[row])
            plus, minus = builder.add(gx, gy), builder.sub(gx, gy)
            left, up, less, other = (builder.neg(v) for v in (gx, gy, plus, minus))
            pairs = (
                (plus, minus), (gx, gy), (plus, other), (left, gy),
                (less, other), (left, up), (less, minus), (gx, up),
            )  # fmt: skip
            parts = [positive_smaller(*pair) for pair in pairs]
            if sums is not None:
                parts = [builder.add(*pair) for pair in zip(sums, parts, strict=True)]
            sums = parts
        even, odd = _order(*range(0, PIXELS, 2)), _order(*range(1, PIXELS, 2))
        blocks = [
            builder.add(builder.shuffle_vector(v, v, even), builder.shuffle_vector(v, v, odd))
            for v in sums
        ]
        index = args[1]
        for block in _transposed(builder, blocks):
            at, align = _vector(context, builder, signature.args[0], args[0], index)
            builder.store(block, at, align=align)
            index = builder.add(index, ir.Constant(index.type, LANES))
        return context.get_dummy_value()

    return types.void(out, start, pixels, first, stride), codegen


@intrinsic
def add_pairs_lanes(typingctx, total, start, numbers, at, rows, first, stride):
    """``total[start:start + 32] += numbers[at:at + 8] @ matrix``, of int32, int16 and int8.

    The matrix lies in `rows` with two of its rows interleaved: item r of its row ``2 * k + j`` is
    ``rows[first + k * stride + 2 * r + j]``. Processors multiply and add such pairs at once.
    """

    def codegen(context, builder, signature, args):
        def place(array, index, offset, lanes):
            index = builder.add(index, ir.Constant(index.type, offset))
            return _vector(context, builder, signature.args[array], args[array], index, lanes)

        def shuffled(vector, order):
            return builder.shuffle_vector(vector, vector, order)

        wide = ir.VectorType(_WORD, PAIRS)
        even, odd = _order(*range(0, PAIRS, 2)), _order(*range(1, PAIRS, 2))
        totals = [place(0, args[1], j * LANES, LANES) for j in range(GROUP // LANES)]
        sums = [builder.load(at, align=align) for at, align in totals]
        index = args[5]
        for k in range(0, LANES, 2):
            at, align = place(2, args[3], k, 2)
            pair = builder.bitcast(builder.load(at, align=align), _WORD)
            pair = builder.bitcast(_spread(builder, pair), _SIXTEEN)
            pair = builder.sext(pair, wide)
            for j in range(len(sums)):
                at, align = place(4, index, j * PAIRS, PAIRS)
                product = builder.mul(builder.sext(builder.load(at, align=align), wide), pair)
                both = builder.add(shuffled(product, even), shuffled(product, odd))
                sums[j] = builder.add(sums[j], both)
            index = builder.add(index, args[6])
        for (at, align), value in zip(totals, sums, strict=True):
            builder.store(value, at, align=align)
        return context.get_dummy_value()

    return types.void(total, start, numbers, at, rows, first, stride), codegen
