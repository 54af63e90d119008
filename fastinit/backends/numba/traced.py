"""`@traced`: functions without branches become LLVM's code by being run once, on values that note what is done to them.

Numba compiles and optimizes each function by itself before it inlines it, which takes tens of milliseconds; these take less
than one. Unlike Numba's, their arithmetic is C's on two operands of one type, which do not change it; constants take the
other operand's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partialmethod
from importlib import import_module
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, from_dtype
from numba import types as numba_types

from fastinit.runtime.forks import without_forks

Untyped = Any  # objects of Numba and llvmlite, which have no types
types: Untyped = numba_types

CODE_TYPES: Untyped = {
    **{real: code() for real, code in ((types.float32, ir.FloatType), (types.float64, ir.DoubleType))},
    **{getattr(types, f"{sign}int{bits}"): ir.IntType(bits) for sign in ("", "u") for bits in (8, 16, 32, 64)},
    types.boolean: ir.IntType(1),
}
"""Numba's types of numbers, and LLVM's for them."""


class Value:
    """A number, a vector of numbers, or a pointer to numbers, of Numba's `type`, that compiled code will have."""

    __array_ufunc__ = None  # so that NumPy's numbers leave operations to it

    def __init__(self, builder: Untyped, type: Untyped, code: Untyped) -> None:
        self.builder, self.type, self.code = builder, type, code

    def made(self, code: Untyped, type: Untyped = None) -> Value:
        return Value(self.builder, type or self.type, code)

    def constant(self, number: Untyped) -> Untyped:
        """The code of an operand of the same type, be it a number or a value."""
        if isinstance(number, Value):
            if number.type != self.type:
                raise TypeError(f"operands must have one type, got {self.type} and {number.type}")
            return number.code
        number = float(number) if self.type in types.real_domain else int(number)
        kind = self.code.type
        return ir.Constant(kind, [number] * kind.count if isinstance(kind, ir.VectorType) else number)

    def _operation(self, name: str, other: Untyped, *, swapped: bool = False) -> Value:
        a, b = self.code, self.constant(other)
        name = f"f{name}" if self.type in types.real_domain else name
        return self.made(getattr(self.builder, name)(*((b, a) if swapped else (a, b))))

    __add__, __radd__ = partialmethod(_operation, "add"), partialmethod(_operation, "add", swapped=True)
    __sub__, __rsub__ = partialmethod(_operation, "sub"), partialmethod(_operation, "sub", swapped=True)
    __mul__, __rmul__ = partialmethod(_operation, "mul"), partialmethod(_operation, "mul", swapped=True)
    __floordiv__ = partialmethod(_operation, "udiv")  # of unsigned integers
    __truediv__, __rtruediv__ = partialmethod(_operation, "div"), partialmethod(_operation, "div", swapped=True)
    __and__ = __rand__ = partialmethod(_operation, "and_")
    __or__ = __ror__ = partialmethod(_operation, "or_")
    __xor__ = __rxor__ = partialmethod(_operation, "xor")
    __lshift__ = partialmethod(_operation, "shl")

    def __rshift__(self, other: Untyped) -> Value:
        return self._operation("ashr" if self.type.signed else "lshr", other)

    def __neg__(self) -> Value:
        return self.made(self.builder.fneg(self.code) if self.type in types.real_domain else self.builder.neg(self.code))

    def __invert__(self) -> Value:
        return self.made(self.builder.not_(self.code))

    def _comparison(self, sign: str, other: Untyped) -> Value:
        if self.type in types.real_domain:
            compare = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        else:
            compare = self.builder.icmp_signed if self.type.signed else self.builder.icmp_unsigned
        return self.made(compare(sign, self.code, self.constant(other)), types.boolean)

    __lt__, __le__ = partialmethod(_comparison, "<"), partialmethod(_comparison, "<=")
    __gt__, __ge__ = partialmethod(_comparison, ">"), partialmethod(_comparison, ">=")
    __eq__, __ne__ = partialmethod(_comparison, "=="), partialmethod(_comparison, "!=")  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]

    def to(self, type: Untyped) -> Value:
        """Converted as C does."""
        kind, b = _like(self.code.type, CODE_TYPES[type]), self.builder
        was_real, is_real = self.type in types.real_domain, type in types.real_domain
        wider = type.bitwidth > self.type.bitwidth
        if self.type == type:
            return self
        if was_real and is_real:
            convert = b.fpext if wider else b.fptrunc
        elif was_real:
            convert = b.fptosi if type.signed else b.fptoui
        elif is_real:
            convert = b.sitofp if self.type.signed else b.uitofp
        else:
            convert = (b.sext if self.type.signed else b.zext) if wider else b.trunc
        return self.made(convert(self.code, kind), type)

    def reinterpreted(self, type: Untyped) -> Value:
        return self.made(self.builder.bitcast(self.code, _like(self.code.type, CODE_TYPES[type])), type)

    def _at(self, index: Untyped) -> Untyped:
        """LLVM's pointer to the number at an index of this pointer's."""
        return self.builder.gep(self.code, [index.code if isinstance(index, Value) else ir.IntType(64)(index)])

    def __getitem__(self, index: Untyped) -> Value:
        return self.made(self.builder.load(self._at(index)), self.type.dtype)

    def __setitem__(self, index: Untyped, number: Value) -> None:
        self.builder.store(number.code, self._at(index))

    def row(self, first: Untyped, n: int) -> Untyped:
        """LLVM's pointer to the vector of n numbers from index `first` on."""
        return self.builder.bitcast(self._at(first), ir.VectorType(CODE_TYPES[self.type.dtype], n).as_pointer())

    def load_row(self, first: Untyped, n: int) -> Value:
        return self.made(self.builder.load(self.row(first, n), align=self.type.dtype.bitwidth // 8), self.type.dtype)

    def store_row(self, first: Untyped, vector: Value) -> None:
        to = self.row(first, vector.code.type.count)
        self.builder.store(vector.code, to, align=self.type.dtype.bitwidth // 8)

    def repeated(self, n: int) -> Value:
        """A vector of it alone."""
        vector, i32 = ir.VectorType(self.code.type, n), ir.IntType(32)
        one = self.builder.insert_element(ir.Constant(vector, ir.Undefined), self.code, i32(0))
        return self.made(self.builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(i32, n), [0] * n)))


def _like(kind: Untyped, element: Untyped) -> Untyped:
    """A type of such elements, a vector's where `kind` is one."""
    return ir.VectorType(element, kind.count) if isinstance(kind, ir.VectorType) else element


def _conversion(dtype: Untyped) -> Callable[[Untyped], Untyped]:
    def convert(number: Untyped) -> Untyped:
        return number.to(from_dtype(np.dtype(dtype))) if isinstance(number, Value) else dtype(number)

    return convert


uint8, uint16, uint32, uint64, int32, int64, float32, float64 = map(
    _conversion, (np.uint8, np.uint16, np.uint32, np.uint64, np.int32, np.int64, np.float32, np.float64)
)
"""Conversions of values, and of constants."""


def where(condition: Untyped, a: Untyped, b: Untyped) -> Value:
    """a or b; of two constants one has a type of NumPy's, or both are float64."""
    known = next((x for x in (a, b) if isinstance(x, Value)), None)
    if known is None:
        kind = from_dtype(np.result_type(a, b))
        known = Value(condition.builder, kind, ir.Constant(_like(condition.code.type, CODE_TYPES[kind]), None))
    return known.made(condition.builder.select(condition.code, known.constant(a), known.constant(b)))


def first_value(*operands: Untyped) -> Value:
    return next(x for x in operands if isinstance(x, Value))


Intrinsic: Untyped = type(extending.intrinsic(lambda context: None))


class Traced(Intrinsic):  # type: ignore[misc]
    """To Numba what emits the function's code; within other such functions the function itself."""

    function: Callable[..., Untyped]

    def __call__(self, *arguments: Untyped) -> Untyped:
        return self.function(*arguments)

    def __reduce__(self) -> Untyped:
        """By its name: Numba, which finds cached code by the pickles of what it refers to, would give it a random one."""
        name: str = self.function.__qualname__
        return super().__reduce__() if "<locals>" in name else (_named, (self.function.__module__, name))


def _named(module: str, name: str) -> Untyped:
    with without_forks():
        return getattr(import_module(module), name)


def traced(function: Callable[..., Untyped]) -> Untyped:
    """A decorator of functions that compiled code calls, and functions like it."""

    def typed(typing_context: Untyped, *given: Untyped) -> Untyped:
        given = tuple(types.unliteral(kind) for kind in given)
        returned = _type_of(function(*_scratch(given)))

        def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
            results = function(*(_value(builder, *one, context) for one in zip(signature.args, arguments)))
            if isinstance(results, tuple):
                return context.make_tuple(builder, signature.return_type, [result.code for result in results])
            return context.get_dummy_value() if results is None else results.code

        return returned(*given), generate

    parameters = inspect.signature(function).parameters.values()
    context = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    typed.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
    made = Traced(function.__name__, typed)
    made.function = function
    made._register()
    return made


def _value(builder: Untyped, kind: Untyped, code: Untyped, context: Untyped) -> Untyped:
    if isinstance(kind, types.BaseTuple):
        return tuple(Value(builder, of, builder.extract_value(code, k)) for k, of in enumerate(kind))
    if isinstance(kind, types.Array):  # contiguous
        return Value(builder, types.CPointer(kind.dtype), context.make_array(kind)(context, builder, code).data)
    return Value(builder, kind, code)


def _scratch(given: Untyped) -> list[Untyped]:
    """Values of these types in a function that comes to nothing."""
    function = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), []), "scratch")
    builder = ir.IRBuilder(function.append_basic_block())

    def value(kind: Untyped) -> Untyped:
        if isinstance(kind, types.BaseTuple):
            return tuple(map(value, kind))
        if isinstance(kind, (types.Array, types.CPointer)):
            return Value(builder, types.CPointer(kind.dtype), ir.Constant(CODE_TYPES[kind.dtype].as_pointer(), None))
        return Value(builder, kind, ir.Constant(CODE_TYPES[kind], ir.Undefined))

    return [*map(value, given)]


def _type_of(results: Untyped) -> Untyped:
    if results is None:
        return types.void
    if isinstance(results, tuple):
        return types.Tuple([result.type for result in results])
    return results.type
