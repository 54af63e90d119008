"""Operations that Numba lacks, the decorators of the functions that it compiles, and types for their annotations.

Numba promotes: uint32 + uint32 is uint64, so results are cast back where they could exceed 32 bits, and in loops that should
work on 32 bits; uint64 + int64 is float64, so constants are given a type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.extending import register_jitable
from numpy.typing import NDArray

from fastinit.backends import coefficients

P = ParamSpec("P")
R = TypeVar("R")
Real = TypeVar("Real", np.float32, float)  # float64 is float to Numba
Untyped = Any  # objects of Numba and llvmlite, which have no types
Generated = tuple[Untyped, Callable[..., Untyped]]  # an intrinsic's signature, and what writes its LLVM code
Index = int | np.int64
Word = np.uint32
Words = NDArray[np.uint32]
Pair32 = tuple[np.float32, np.float32]
Pair64 = tuple[float, float]
intrinsic: Untyped = extending.intrinsic  # Numba's annotation of what it returns is not callable


_WITHIN: Untyped = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options of functions that compiled code alone calls: no entries for Python and C, which take time to compile."""


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator of functions that compiled code calls: always inlined; divisions do not test for zero."""
    jitable: Callable[P, R] = register_jitable(**_WITHIN, forceinline=True)(function)
    return jitable


def called(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator of functions that compiled code calls: inlined where the compiler decides so."""
    jitable: Callable[P, R] = register_jitable(**_WITHIN)(function)
    return jitable


class Fma(Protocol):
    """x y + z, rounded once; where the CPU has no such instruction, by libm, which rounds the same."""

    def __call__(self, x: Real, y: Real, z: Real, /) -> Real: ...


class Sqrt(Protocol):
    """The square root, rounded once."""

    def __call__(self, x: Real, /) -> Real: ...


def _fma(typing_context: Untyped, x: Untyped, y: Untyped, z: Untyped) -> Generated:
    if not x == y == z:
        raise numba.TypingError(f"fma needs one type, got {x}, {y}, {z}")
    return x(x, y, z), lambda context, builder, signature, arguments: builder.fma(*arguments)


def _sqrt(typing_context: Untyped, x: Untyped) -> Generated:
    def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
        real = arguments[0].type
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [real]), arguments)

    return x(x), generate


def _wide_product(typing_context: Untyped, word: Untyped, factor: Untyped) -> Generated:
    if not word == factor == types.uint64:
        raise numba.TypingError(f"wide_product needs uint64, got {word}, {factor}")

    def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
        i64, i128 = ir.IntType(64), ir.IntType(128)
        product = builder.mul(*(builder.zext(x, i128) for x in arguments))
        high = builder.trunc(builder.lshr(product, i128(64)), i64)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, i64)))

    pair: Untyped = types.UniTuple
    return pair(types.uint64, 2)(word, factor), generate


def _call_c(typing_context: Untyped, address: Untyped, arguments: Untyped) -> Generated:
    def generate(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        i64 = ir.IntType(64)
        kinds = signature.args[1]
        integers = [
            context.cast(builder, builder.extract_value(values[1], k), kind, types.int64) for k, kind in enumerate(kinds)
        ]
        function = ir.FunctionType(ir.VoidType(), [i64] * len(integers))
        builder.call(builder.inttoptr(values[0], function.as_pointer()), integers)
        return context.get_dummy_value()

    return types.void(address, arguments), generate


def _address(typing_context: Untyped, pointer: Untyped) -> Generated:
    def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
        return builder.ptrtoint(arguments[0], ir.IntType(64))

    return types.int64(pointer), generate


def _reinterpreted(source: Untyped, target: Untyped) -> Untyped:
    """A function that reinterprets the bits of a `source` as a `target`."""

    def reinterpret(typing_context: Untyped, x: Untyped) -> Generated:
        if x != source:
            raise numba.TypingError(f"needs {source}, got {x}")
        return target(source), lambda context, builder, signature, arguments: builder.bitcast(
            arguments[0], context.get_value_type(target)
        )

    return intrinsic(reinterpret)


fma: Fma = intrinsic(_fma)
sqrt: Sqrt = intrinsic(_sqrt)
wide_product: Callable[[np.uint64, np.uint64], tuple[np.uint64, np.uint64]] = intrinsic(_wide_product)
"""word * factor as its high half and its low half."""
call_c: Callable[[int, tuple[Index | np.uint64, ...]], None] = intrinsic(_call_c)
"""Call the C function at an address with integers or pointers, all of 64 bits; it returns nothing."""
address: Callable[[Words], int] = intrinsic(_address)
"""Where a pointer points to."""
bits_f32: Callable[[np.float32], np.uint32] = _reinterpreted(types.float32, types.uint32)
from_bits_f32: Callable[[np.uint32], np.float32] = _reinterpreted(types.uint32, types.float32)
bits_f64: Callable[[float], np.uint64] = _reinterpreted(types.float64, types.uint64)
from_bits_f64: Callable[[np.uint64], float] = _reinterpreted(types.uint64, types.float64)


def polynomial_f32(name: str) -> Callable[[np.float32], np.float32]:
    """Horner's rule with a table of coefficients, lowest first, as a function of x, always unrolled."""
    polynomial: Callable[[np.float32], np.float32] = _polynomial(f"{name}_F32")
    return polynomial


def polynomial_f64(name: str, skipped: int = 0) -> Callable[[float], float]:
    """The same for float64, without the first `skipped` coefficients."""
    polynomial: Callable[[float], float] = _polynomial(f"{name}_F64", skipped)
    return polynomial


def two_chains_f64(name: str) -> Callable[[float], float]:
    """The same in two chains, of the even and of the odd powers of x, for an even number of coefficients."""
    table = getattr(coefficients, f"{name}_F64")

    def two_chains(typing_context: Untyped, x: Untyped) -> Generated:
        if x != types.float64:
            raise numba.TypingError(f"{name} is a polynomial in float64, got {x}")

        def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
            (x,) = arguments
            z = builder.fmul(x, x)
            *lower, even, odd = (context.get_constant(types.float64, float(c)) for c in table)
            for i in range(len(lower) - 2, -1, -2):
                even, odd = builder.fma(even, z, lower[i]), builder.fma(odd, z, lower[i + 1])
            return builder.fma(odd, x, even)

        return x(x), generate

    polynomial: Callable[[float], float] = intrinsic(two_chains)
    return polynomial


def _polynomial(name: str, skipped: int = 0) -> Untyped:
    table = getattr(coefficients, name)[skipped:]
    real = numba.from_dtype(table.dtype)

    def horner(typing_context: Untyped, x: Untyped) -> Generated:
        if x != real:
            raise numba.TypingError(f"{name} is a polynomial in {real}, got {x}")

        def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
            *lower, total = [context.get_constant(real, float(c)) for c in table]
            for c in reversed(lower):
                total = builder.fma(total, *arguments, c)
            return total

        return real(real), generate

    return intrinsic(horner)
