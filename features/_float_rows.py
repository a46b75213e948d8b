"""Rows of float32 added eight lanes at a time, in order; see `_lanes`."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._lanes import LANES, _eight_from, _vector


@intrinsic
def add_float_rows(typingctx, total, start, row, lane, firsts, at):
    """``total[start:start + 8] += row[f + lane:f + lane + 8]`` for f in ``firsts[at:at + 8]``.

    All float32, `firsts` unsigned integers. The rows are added one after the other, so that the
    sum is that of a plain loop, bit for bit.
    """

    def codegen(context, builder, signature, args):
        kind, _, row_type, _, index_type, _ = signature.args
        total_at, align = _vector(context, builder, kind, args[0], args[1])
        firsts = _eight_from(context, builder, index_type, args[4], args[5])
        value = builder.load(total_at, align=align)
        for k in range(LANES):
            first = builder.load(builder.gep(firsts, [ir.Constant(ir.IntType(64), k)]))
            first = builder.add(builder.zext(first, args[3].type), args[3])
            row_at, row_align = _vector(context, builder, row_type, args[2], first)
            value = builder.fadd(value, builder.load(row_at, align=row_align))
        builder.store(value, total_at, align=align)
        return context.get_dummy_value()

    return types.void(total, start, row, lane, firsts, at), codegen


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of ``array[index]``; nothing is read, so any index is safe."""

    def codegen(context, builder, signature, args):
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [address, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, index), codegen
