"""Rows of float32 combined eight lanes at a time; see `_lanes`."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ._lanes import LANES, _vector


def _spread(builder, value):
    """A vector of `value` in every lane."""
    nothing = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    one = builder.insert_element(nothing, value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, nothing, zeros)


@intrinsic
def add_scaled_lanes(typingctx, total, start, row, first, scale):
    """``total[start:start + 8] += scale * row[first:first + 8]``."""

    def codegen(context, builder, signature, args):
        total_at, align = _vector(context, builder, signature.args[0], args[0], args[1])
        row_at, _ = _vector(context, builder, signature.args[2], args[2], args[3])
        value = builder.fmul(builder.load(row_at, align=align), _spread(builder, args[4]))
        value = builder.fadd(builder.load(total_at, align=align), value)
        builder.store(value, total_at, align=align)
        return context.get_dummy_value()

    return types.void(total, start, row, first, types.float32), codegen


@intrinsic
def add_product_lanes(typingctx, total, start, numbers, at, rows, first, stride):
    """``total[start:start + 8] += numbers[at:at + 8] @ rows``.

    Row k of the matrix is ``rows[first + k * stride:][:8]``, of int8. Sums stay in registers.
    """

    def codegen(context, builder, signature, args):
        total_at, align = _vector(context, builder, signature.args[0], args[0], args[1])
        numbers_at, _ = _vector(context, builder, signature.args[2], args[2], args[3])
        lanes = total_at.type.pointee
        eight = builder.load(numbers_at, align=align)
        # Two sums, because each addition waits for the one before it.
        sums = [builder.load(total_at, align=align), ir.Constant(lanes, [0.0] * LANES)]
        index = args[5]
        for k in range(LANES):
            row_at, row_align = _vector(context, builder, signature.args[4], args[4], index)
            row = builder.sitofp(builder.load(row_at, align=row_align), lanes)
            number = builder.extract_element(eight, ir.IntType(32)(k))
            product = builder.fmul(row, _spread(builder, number), flags=["contract"])
            sums[k % 2] = builder.fadd(sums[k % 2], product, flags=["contract"])
            index = builder.add(index, args[6])
        builder.store(builder.fadd(*sums), total_at, align=align)
        return context.get_dummy_value()

    return types.void(total, start, numbers, at, rows, first, stride), codegen
