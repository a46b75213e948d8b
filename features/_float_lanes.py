"""Rows of float32 combined eight lanes at a time; see `_lanes`."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ._lanes import LANES, _vector

_FLOATS = ir.VectorType(ir.FloatType(), LANES)


def _spread(builder, value, lanes=LANES):
    """A vector of `value` in every lane."""
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    one = builder.insert_element(nothing, value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, nothing, zeros)


@intrinsic
def blend_lanes(typingctx, out, start, rows, first, stride, right, down):
    """``out[start:start + 8]`` takes what lies between four vectors of eight int16.

    They start at ``rows[first]`` and eight items further, and both again `stride` items below;
    `right` and `down` in [0, 1] say where between them.
    """

    def codegen(context, builder, signature, args):
        def load(index):
            at, align = _vector(context, builder, signature.args[2], args[2], index)
            return builder.sitofp(builder.load(at, align=align), _FLOATS)

        def between(low, high, share):
            return builder.fadd(low, builder.fmul(share, builder.fsub(high, low)))

        right, down = (_spread(builder, share) for share in args[5:])
        eight = ir.Constant(args[3].type, LANES)
        ends = []
        for index in (args[3], builder.add(args[3], args[4])):
            ends.append(between(load(index), load(builder.add(index, eight)), right))
        at, align = _vector(context, builder, signature.args[0], args[0], args[1])
        value = between(*ends, down)
        builder.store(value, at, align=align)
        # Once more behind, so that any eight in a row are the eight from some lane on.
        again = builder.add(args[1], eight)
        at, align = _vector(context, builder, signature.args[0], args[0], again)
        builder.store(value, at, align=align)
        return context.get_dummy_value()

    return types.void(out, start, rows, first, stride, right, down), codegen


@intrinsic
def turn_lanes(typingctx, out, start, row, first, shares):
    """Eight items of `row` from `first` on, and those one further, mixed into ``out[start:]``.

    All float32. Item k is ``shares[k] * row[first + k] + shares[8 + k] * row[first + k + 1]``.
    """

    def codegen(context, builder, signature, args):
        def load(array, index):
            at, align = _vector(context, builder, signature.args[array], args[array], index)
            return builder.load(at, align=align)

        total = None
        for k in range(2):
            index = builder.add(args[3], ir.Constant(args[3].type, k))
            share = load(4, ir.Constant(args[3].type, k * LANES))
            product = builder.fmul(share, load(2, index))
            total = product if total is None else builder.fadd(total, product)
        at, align = _vector(context, builder, signature.args[0], args[0], args[1])
        builder.store(total, at, align=align)
        return context.get_dummy_value()

    return types.void(out, start, row, first, shares), codegen
