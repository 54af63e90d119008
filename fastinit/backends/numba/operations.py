"""Operations that Numba lacks, the decorators of the functions that it compiles, and types for their annotations.

Numba promotes: uint32 + uint32 is uint64, so results are cast back where they could exceed 32 bits, and in loops that should
work on 32 bits; uint64 + int64 is float64, so constants are given a type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import register_jitable
from numpy.typing import NDArray

from fastinit.backends.numba.traced import Value, first_value, traced

P = ParamSpec("P")
R = TypeVar("R")
Untyped = Any  # objects of Numba and llvmlite, which have no types
Index = int | np.int64
Word = np.uint32
Words = NDArray[np.uint32]


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


@traced
def fma(x: Value, y: Value, z: Value) -> Value:
    """x y + z, rounded once; where the CPU has no such instruction, by libm, which rounds the same."""
    known = first_value(x, y, z)
    return known.made(known.builder.fma(*map(known.constant, (x, y, z))))


def _of_llvm(name: str) -> Untyped:
    """A function of a number that LLVM knows."""

    def function(x: Untyped) -> Untyped:
        return x.made(x.builder.call(x.builder.module.declare_intrinsic(f"llvm.{name}", [x.code.type]), [x.code]))

    return traced(function)


sqrt: Untyped = _of_llvm("sqrt")
"""The square root, rounded once."""
ceil: Untyped = _of_llvm("ceil")
floor: Untyped = _of_llvm("floor")


def _reinterpreted(dtype: type[np.generic]) -> Untyped:
    """A function that reads the bits of a number, or of a constant, as this type."""
    kind: Untyped = np.dtype(dtype)

    def function(x: Untyped) -> Untyped:
        return x.reinterpreted(numba.from_dtype(kind)) if isinstance(x, Value) else np.asarray(x).view(dtype)[()]

    return traced(function)


bits_f32, bits_f64 = _reinterpreted(np.uint32), _reinterpreted(np.uint64)
from_bits_f32, from_bits_f64 = _reinterpreted(np.float32), _reinterpreted(np.float64)


@traced
def wide_product(word: Value, factor: Value) -> tuple[Value, Value]:
    """The product of uint64 numbers as its high half and its low half."""
    builder, i64, i128 = word.builder, ir.IntType(64), ir.IntType(128)
    product = builder.mul(*(builder.zext(x.code, i128) for x in (word, factor)))
    return word.made(builder.trunc(builder.lshr(product, i128(64)), i64)), word.made(builder.trunc(product, i64))


@traced
def call_c(function: Value, arguments: tuple[Value, ...]) -> None:
    """Call the C function at an address with integers or addresses, all of 64 bits; it returns nothing."""
    of_integers = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * len(arguments))
    called_at = function.builder.inttoptr(function.code, of_integers.as_pointer())
    function.builder.call(called_at, [argument.to(types.int64).code for argument in arguments])


@traced
def address(pointer: Value) -> Value:
    """Where a pointer points to."""
    return pointer.made(pointer.builder.ptrtoint(pointer.code, ir.IntType(64)), types.int64)


def polynomial(table: NDArray[np.floating[Any]]) -> Callable[[Untyped], Untyped]:
    """Horner's rule with coefficients, lowest first, as a function of x, always unrolled."""

    @traced
    def horner(x: Value) -> Value:
        *lower, total = table
        for c in reversed(lower):
            total = fma(total, x, c)
        return total

    return horner


def two_chains(table: NDArray[np.floating[Any]]) -> Callable[[Untyped], Untyped]:
    """The same in two chains, of the even and of the odd powers of x, for an even number of coefficients."""

    @traced
    def chains(x: Value) -> Value:
        z = x * x
        *lower, even, odd = table
        for i in range(len(lower) - 2, -1, -2):
            even, odd = fma(even, z, lower[i]), fma(odd, z, lower[i + 1])
        return fma(odd, x, even)

    return chains
