"""Operations that Numba lacks, and how its functions here are made.

Numba promotes: uint32 + uint32 is uint64, so it is cast back where a bit could leave the 32, and in loops that shall work on
32 bits; uint64 + int64 is float64, so constants are typed.
"""

from __future__ import annotations

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, register_jitable

from fastinit.backends import coefficients

inlined = register_jitable(error_model="numpy", forceinline=True)  # always_inline; a division is no branch


@intrinsic
def fma(typing_context, x, y, z):
    """x y + z, rounded once; a libm call that rounds as exactly where the CPU has none."""
    if not x == y == z:
        raise numba.TypingError(f"fma needs one type, got {x}, {y}, {z}")
    return x(x, y, z), lambda context, builder, signature, arguments: builder.fma(*arguments)


@intrinsic
def sqrt(typing_context, x):
    def generate(context, builder, signature, arguments):
        real = arguments[0].type
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [real]), arguments)

    return x(x), generate


def reinterpreted(source, target):
    """A function that takes the bits of a `source` for a `target`."""

    @intrinsic
    def reinterpret(typing_context, x):
        if x != source:
            raise numba.TypingError(f"needs {source}, got {x}")
        return target(source), lambda context, builder, signature, arguments: builder.bitcast(
            arguments[0], context.get_value_type(target)
        )

    return reinterpret


@intrinsic
def wide_product(typing_context, word, factor):
    """word * factor as its high half and its low half, for uint64."""
    if not word == factor == types.uint64:
        raise numba.TypingError(f"wide_product needs uint64, got {word}, {factor}")

    def generate(context, builder, signature, arguments):
        i64, i128 = ir.IntType(64), ir.IntType(128)
        product = builder.mul(*(builder.zext(x, i128) for x in arguments))
        high = builder.trunc(builder.lshr(product, i128(64)), i64)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, i64)))

    return types.UniTuple(types.uint64, 2)(word, factor), generate


bits_f32, from_bits_f32 = reinterpreted(types.float32, types.uint32), reinterpreted(types.uint32, types.float32)
bits_f64, from_bits_f64 = reinterpreted(types.float64, types.uint64), reinterpreted(types.uint64, types.float64)


def polynomial(name):
    """Horner's rule with a table of coefficients, lowest first, as a function of x that is unrolled in any case."""
    table = getattr(coefficients, name)
    real = numba.from_dtype(table.dtype)

    @intrinsic
    def horner(typing_context, x):
        if x != real:
            raise numba.TypingError(f"{name} is a polynomial in {real}, got {x}")

        def generate(context, builder, signature, arguments):
            *lower, total = [context.get_constant(real, float(c)) for c in table]
            for c in reversed(lower):
                total = builder.fma(total, *arguments, c)
            return total

        return real(real), generate

    return horner
