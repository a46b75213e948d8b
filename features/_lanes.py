"""Rows of integers combined eight lanes at a time.

Histograms, leaf sums and predictions all add short rows of small integers to wider totals. LLVM
does not vectorise such adds by itself, because the rows may overlap for all it knows; these
intrinsics state the vector operation, and LLVM lowers it to whatever the processor has.

All work on flat arrays of signed integers, `add_lanes` on floats as well. Indices are unsigned and
unchecked: callers make sure that every range lies inside. Under ``NUMBA_BOUNDSCHECK=1``, which
checks numba's own indices, these are checked, too.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

LANES = 8
# Lanes of `add_wide_rows`: eight rows of int8 add up in 16 bits, twice as many to a register.
WIDE = 16


def _vector(context, builder, array_type, array, index, lanes=LANES):
    """Address of items as a vector, and their alignment: numpy aligns items, not vectors."""
    array = cgutils.create_struct_proxy(array_type)(context, builder, array)
    if config.BOUNDSCHECK:
        _refuse_outside(context, builder, array, index, lanes)
    item = context.get_data_type(array_type.dtype)
    pointer = ir.VectorType(item, lanes).as_pointer()
    data = builder.gep(array.data, [index])
    return builder.bitcast(data, pointer), array_type.dtype.bitwidth // 8


def _refuse_outside(context, builder, array, index, lanes):
    """Raise IndexError unless `lanes` items from `index` on lie inside."""
    room = builder.sub(array.nitems, ir.Constant(array.nitems.type, lanes))
    if index.type.width < room.type.width:
        index = builder.zext(index, room.type)
    outside = builder.or_(
        builder.icmp_signed("<", room, ir.Constant(room.type, 0)),
        builder.icmp_unsigned(">", index, room),
    )
    with builder.if_then(outside, likely=False):
        context.call_conv.return_user_exc(builder, IndexError, ("lanes outside of the array",))


def _eight_from(context, builder, array_type, array, index):
    """Address of the first of eight items."""
    array = cgutils.create_struct_proxy(array_type)(context, builder, array)
    if config.BOUNDSCHECK:
        _refuse_outside(context, builder, array, index, LANES)
    return builder.gep(array.data, [index])


def _saturated(builder, operation, left, right):
    """LLVM's saturating vector add ("sadd") or subtract ("ssub")."""
    name = f"llvm.{operation}.sat.v{LANES}i{left.type.element.width}"
    kind = ir.FunctionType(left.type, [left.type, left.type])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [left, right])


@intrinsic
def add_lanes(typingctx, total, start, row, first):
    """``total[start:start + 8] += row[first:first + 8]``; integers in `total` may be wider."""

    def codegen(context, builder, signature, args):
        wide, _, narrow, _ = signature.args
        total_at, total_align = _vector(context, builder, wide, args[0], args[1])
        row_at, row_align = _vector(context, builder, narrow, args[2], args[3])
        value = builder.load(row_at, align=row_align)
        if wide.dtype.bitwidth > narrow.dtype.bitwidth:
            item = context.get_data_type(wide.dtype)
            value = builder.sext(value, ir.VectorType(item, LANES))
        add = builder.fadd if isinstance(wide.dtype, types.Float) else builder.add
        value = add(builder.load(total_at, align=total_align), value)
        builder.store(value, total_at, align=total_align)
        return context.get_dummy_value()

    return types.void(total, start, row, first), codegen


@intrinsic
def subtract_lanes(typingctx, total, start, row, first):
    """``total[start:start + 8] -= row[first:first + 8]``, one dtype, saturating."""

    def codegen(context, builder, signature, args):
        kind = signature.args[0]
        total_at, align = _vector(context, builder, kind, args[0], args[1])
        row_at, _ = _vector(context, builder, kind, args[2], args[3])
        value = builder.load(total_at, align=align)
        value = _saturated(builder, "ssub", value, builder.load(row_at, align=align))
        builder.store(value, total_at, align=align)
        return context.get_dummy_value()

    return types.void(total, start, row, first), codegen


@intrinsic
def fold_lanes(typingctx, total, start, row, first, sign, at):
    """``total[start:start + 8] += row[first:first + 8] * sign[at:at + 8]``, one dtype, saturating.

    `sign` holds 1 and -1, so the product does not overflow.
    """

    def codegen(context, builder, signature, args):
        kind = signature.args[0]
        total_at, align = _vector(context, builder, kind, args[0], args[1])
        row_at, _ = _vector(context, builder, kind, args[2], args[3])
        sign_at, _ = _vector(context, builder, kind, args[4], args[5])
        value = builder.mul(builder.load(row_at, align=align), builder.load(sign_at, align=align))
        value = _saturated(builder, "sadd", builder.load(total_at, align=align), value)
        builder.store(value, total_at, align=align)
        return context.get_dummy_value()

    return types.void(total, start, row, first, sign, at), codegen


@intrinsic
def add_rows(typingctx, total, start, row, firsts, at):
    """``total[start:start + 8] += row[f + start:f + start + 8]`` for f in ``firsts[at:at + 8]``.

    `firsts` holds unsigned integers. The eight rows are added in registers first.
    """

    def codegen(context, builder, signature, args):
        wide, _, narrow, index_type, _ = signature.args
        total_at, total_align = _vector(context, builder, wide, args[0], args[1])
        firsts = _eight_from(context, builder, index_type, args[3], args[4])
        kind = ir.VectorType(context.get_data_type(wide.dtype), LANES)
        value = builder.load(total_at, align=total_align)
        for k in range(LANES):
            first = builder.load(builder.gep(firsts, [ir.Constant(ir.IntType(64), k)]))
            first = builder.add(builder.zext(first, args[1].type), args[1])
            row_at, row_align = _vector(context, builder, narrow, args[2], first)
            value = builder.add(value, builder.sext(builder.load(row_at, align=row_align), kind))
        builder.store(value, total_at, align=total_align)
        return context.get_dummy_value()

    return types.void(total, start, row, firsts, at), codegen


@intrinsic
def add_wide_rows(typingctx, total, start, row, firsts, at):
    """`add_rows` for 16 lanes, int8 rows and an int32 total."""

    def codegen(context, builder, signature, args):
        wide, _, narrow, index_type, _ = signature.args
        total_at, total_align = _vector(context, builder, wide, args[0], args[1], WIDE)
        firsts = _eight_from(context, builder, index_type, args[3], args[4])
        kind = ir.VectorType(ir.IntType(16), WIDE)
        value = None
        for k in range(8):  # 8 * 128 fits 16 bits by far
            first = builder.load(builder.gep(firsts, [ir.Constant(ir.IntType(64), k)]))
            first = builder.add(builder.zext(first, args[1].type), args[1])
            row_at, row_align = _vector(context, builder, narrow, args[2], first, WIDE)
            one = builder.sext(builder.load(row_at, align=row_align), kind)
            value = one if value is None else builder.add(value, one)
        value = builder.sext(value, ir.VectorType(ir.IntType(32), WIDE))
        value = builder.add(builder.load(total_at, align=total_align), value)
        builder.store(value, total_at, align=total_align)
        return context.get_dummy_value()

    return types.void(total, start, row, firsts, at), codegen
