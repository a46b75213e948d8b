"""Pixels of eight samples compared at once; see `_lanes`."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._float_lanes import _spread
from ._lanes import LANES, _vector


@intrinsic
def bin_lanes(typingctx, pixels, first, second, threshold, start, n_tests, bins, at):
    """Bins of one fern for eight samples: ``bins[at:at + 8]``.

    Bit ``n_tests - 1 - f`` of a bin is
    ``pixels[8 * first[i] + s] - pixels[8 * second[i] + s] >= threshold[i]`` with ``i = start + f``.

    All arrays are flat: `pixels` int16, where the grey levels of eight samples at a point lie side
    by side; `first` and `second` unsigned; `threshold` int16; `bins` 16 bits wide.
    """

    def codegen(context, builder, signature, args):
        kinds = dict(zip(("pixels", "first", "second", "threshold"), signature.args, strict=False))
        values = dict(zip(kinds, args, strict=False))
        start, n_tests, bins, at = args[4:]
        lanes = ir.VectorType(ir.IntType(16), LANES)
        word = start.type

        def item(name, index):
            data = cgutils.create_struct_proxy(kinds[name])(context, builder, values[name]).data
            return builder.load(builder.gep(data, [index]))

        def grey(name, index):
            point = builder.mul(builder.zext(item(name, index), word), ir.Constant(word, LANES))
            place, align = _vector(context, builder, kinds["pixels"], values["pixels"], point)
            return builder.load(place, align=align)

        code = cgutils.alloca_once(builder, lanes)
        builder.store(ir.Constant(lanes, None), code)
        with cgutils.for_range(builder, n_tests) as loop:
            index = builder.add(start, loop.index)
            difference = builder.sub(grey("first", index), grey("second", index))
            limit = _spread(builder, item("threshold", index))
            digit = builder.zext(builder.icmp_signed(">=", difference, limit), lanes)
            old = builder.load(code)
            builder.store(builder.add(builder.add(old, old), digit), code)
        place, align = _vector(context, builder, signature.args[6], bins, at)
        builder.store(builder.load(code), place, align=align)
        return context.get_dummy_value()

    return types.void(pixels, first, second, threshold, start, n_tests, bins, at), codegen
