"""Two steps that the compiler does not find by itself: adding 32 bytes times a number onto 32 sums, and asking memory ahead.

Written out as a loop it becomes 32 steps of one number each, four times as slow. Each lane is multiplied, then added, and
rounded after both: the outcome is that of the loop, whatever the width of the processor's registers.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 32
"""So many sums are added to at once."""

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_BYTES = ir.VectorType(ir.IntType(8), LANES)
_POINTER = ir.IntType(8).as_pointer()
_FETCH = ir.FunctionType(ir.VoidType(), [_POINTER, *[ir.IntType(32)] * 3])
_PLACES = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)


@intrinsic  # type: ignore[untyped-decorator]
def add_lines(
    _typing: Any, sums: Any, into: Any, lines: Any, at: Any, width: Any, rows: Any, steps: Any, first: Any, last: Any
) -> Any:
    """Add `steps[i] * lines[rows[i] * width + at + lane]` to `sums[into + lane]`, for 32 lanes and each `i` of a range.

    For compiled code only, and unchecked. The sums stay in registers for all of the range.

    Args:
        sums: float32, one dimension, in one piece.
        into: Where the lanes begin in it.
        lines: int8, one dimension, in one piece.
        at: Where the lanes begin in a row of it.
        width: Bytes from one row to the next.
        rows: int32, which rows.
        steps: float32, what each row is multiplied by.
        first: The first `i`.
        last: Past the last `i`.
    """
    del into, at, width, first, last

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start, begin, stride, low, high = args[1], args[3], args[4], args[7], args[8]
        held, bytes_, places, factors = (
            context.make_array(signature.args[at])(context, builder, args[at]).data for at in (0, 2, 5, 6)
        )
        target = builder.bitcast(builder.gep(held, [start]), _FLOATS.as_pointer())
        # A variable of the function, which the compiler turns into registers.
        running = cgutils.alloca_once(builder, _FLOATS)
        builder.store(builder.load(target, align=4), running, align=4)
        with cgutils.for_range_slice(builder, low, high, low.type(1)) as (turn, _):
            place = builder.sext(builder.load(builder.gep(places, [turn])), stride.type)
            byte = builder.add(builder.mul(place, stride), begin)
            line = builder.load(builder.bitcast(builder.gep(bytes_, [byte]), _BYTES.as_pointer()), align=1)
            nothing = ir.Constant(_FLOATS, ir.Undefined)
            factor = builder.insert_element(
                nothing, builder.load(builder.gep(factors, [turn])), ir.Constant(ir.IntType(32), 0)
            )
            factor = builder.shuffle_vector(factor, nothing, _PLACES)
            added = builder.fmul(builder.sitofp(line, _FLOATS), factor)
            builder.store(builder.fadd(builder.load(running, align=4), added), running, align=4)
        builder.store(builder.load(running, align=4), target, align=4)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(sums, whole, lines, whole, whole, rows, steps, whole, whole), emit


@intrinsic  # type: ignore[untyped-decorator]
def fetch(_typing: Any, array: Any, at: Any) -> Any:
    """Ask memory for the cache line of `array[at]`, without waiting for it; for compiled code only, and unchecked.

    Args:
        array: Anything, one dimension, in one piece.
        at: A place in it.
    """
    del at

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.bitcast(builder.gep(held, [args[1]]), _POINTER)
        function = cgutils.get_or_insert_function(builder.module, _FETCH, "llvm.prefetch.p0")
        # To read, and to be kept in every cache.
        builder.call(function, [place, *(ir.Constant(ir.IntType(32), number) for number in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.intp), emit
