"""One step of adding up that the compiler does not find by itself: 32 bytes times a number, onto 32 sums at once.

Written out as a loop it becomes 32 steps of one number each, four times as slow. Each lane is multiplied, then added, and
rounded after both: the outcome is that of the loop, whatever the width of the processor's registers.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 32
"""So many sums are added to at once."""

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_BYTES = ir.VectorType(ir.IntType(8), LANES)
_PLACES = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)


@intrinsic  # type: ignore[untyped-decorator]
def add_lanes(_typing: Any, sums: Any, first: Any, lines: Any, at: Any, step: Any) -> Any:
    """Add `step * lines[at + lane]` to `sums[first + lane]` for each of 32 lanes; for compiled code only, and unchecked.

    Args:
        sums: float32, one dimension, in one piece.
        first: Where the lanes begin in it.
        lines: int8, one dimension, in one piece.
        at: Where they begin in it.
        step: What each is multiplied by, float32.
    """
    del first, at, step

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        into, start, of, begin, factor = args
        held = context.make_array(signature.args[0])(context, builder, into).data
        bytes_ = context.make_array(signature.args[2])(context, builder, of).data
        target = builder.bitcast(builder.gep(held, [start]), _FLOATS.as_pointer())
        line = builder.load(builder.bitcast(builder.gep(bytes_, [begin]), _BYTES.as_pointer()), align=1)
        nothing = ir.Constant(_FLOATS, ir.Undefined)
        factors = builder.insert_element(nothing, factor, ir.Constant(ir.IntType(32), 0))
        factors = builder.shuffle_vector(factors, nothing, _PLACES)
        added = builder.fmul(builder.sitofp(line, _FLOATS), factors)
        builder.store(builder.fadd(builder.load(target, align=4), added), target, align=4)
        return context.get_dummy_value()

    return types.void(sums, types.intp, lines, types.intp, types.float32), emit
