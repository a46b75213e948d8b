"""Pixels of eight samples compared at once; see `_lanes`."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ._float_lanes import _spread
from ._lanes import LANES, _vector


@intrinsic
def reaching_lanes(typingctx, pixels, first, second, threshold):
    """Eight bytes in one uint64: 1 where ``pixels[first + s] - pixels[second + s] >= threshold``.

    `pixels` is a flat uint8 array in which the grey levels of eight samples lie side by side, the
    two positions are uint64, the threshold is int16; sample s has byte s from below.
    """

    def codegen(context, builder, signature, args):
        wide = ir.VectorType(ir.IntType(16), LANES)
        grey = []
        for index in args[1:3]:
            at, align = _vector(context, builder, signature.args[0], args[0], index)
            grey.append(builder.zext(builder.load(at, align=align), wide))
        reaches = builder.icmp_signed(">=", builder.sub(*grey), _spread(builder, args[3]))
        return builder.bitcast(
            builder.zext(reaches, ir.VectorType(ir.IntType(8), LANES)), ir.IntType(64)
        )

    return types.uint64(pixels, first, second, types.int16), codegen
