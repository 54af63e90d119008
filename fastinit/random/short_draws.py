"""Methods of the Generator that draw a few values in C, without the interpreter: csrc/bindings/short_draws.c."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import update_wrapper
from typing import Any, TypeVar, cast

import numpy as np

from fastinit.backends.catalogue import COUNTED, OF_GENERATORS, REJECTED
from fastinit.backends.extensions import bound
from fastinit.backends.table import Table
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Float64Array

Method = TypeVar("Method", bound=Callable[..., Any])

MOST_VALUES = 64 * 1024  # of a short draw: some hundred microseconds on one thread


STANDARD = {
    "normal": "standard_normal",
    "lognormal": "standard_normal",
    "uniform": "random",
    "exponential": "standard_exponential",
}
"""NumPy's methods whose values are scaled by parameters that are arrays."""


class Form(IntEnum):
    """What a method takes before `size`; the numbers are those of csrc/bindings/short_draws.c."""

    STANDARD = 0
    SCALE = 1
    LOC_SCALE = 2
    LOW_HIGH = 3
    INTEGER_RANGE = 4
    UNTYPED = 5
    POSITIVE = 6
    TRIANGLE = 7
    PROBABILITY = 8
    SHAPE_SCALE = 9
    FREEDOM = 10
    MODERATE = 11
    TWO_MODERATE = 12
    RATE = 13
    TRIALS = 14
    REAL_TRIALS = 15
    LENGTH = 16
    FEW_VALUES = 17
    FEW_VECTORS = 18
    FEW_CHOICES = 19
    FEW_ITEMS = 20


def short_draw(
    form: Form,
    distribution: str,
    defaults: tuple[float, float] = (0.0, 0.0),
    tables: Callable[..., Table | None] | None = None,
    of_normals: Callable[[Float64Array], Float64Array] | None = None,
) -> Callable[[Method], Method]:
    """A decorator for methods of the Generator, which calls the method only where the request is not a short draw.

    A short draw has plain numbers as parameters, or arrays or lists of them, and at most `MOST_VALUES` values, by a
    `size` of ints, by the arrays' shapes or into an `out` that is one block of memory: they come from the kernels of
    `distribution` at once. A single value comes from NumPy's method. `defaults` are the kernel's parameters where no numbers
    are given; `tables` gives the table in which counts are searched, and `of_normals` is what makes normals of
    array parameters, in place, the values. The values are the same either way.
    """

    def decorated(method: Method) -> Method:
        native = native_type()
        if native is None:
            return method
        single = getattr(np.random.Generator, method.__name__)
        owns = distribution in (*OF_GENERATORS, *REJECTED, *COUNTED, "geometric")
        takes_arrays = form is not Form.REAL_TRIALS  # of which two kernels draw
        kernels = _kernels_of(distribution)
        standard = _kernels_of("uniform" if tables else "normal" if of_normals else distribution)[1]
        of_kernels = kernels, *defaults, takes_arrays, owns, tables, standard, of_normals
        standard_single = None if owns else getattr(np.random.Generator, STANDARD.get(distribution, ""), None)
        drawn = native(method, single, _arguments_of(method), form, *of_kernels, 0, standard_single)
        return cast(Method, update_wrapper(drawn, method))

    return decorated


def few_by_numpy(form: Form, least: int) -> Callable[[Method], Method]:
    """A decorator for methods of the Generator that have NumPy's method of the same name and arguments draw what is fewer
    than `least` values, choices or items: C then calls that, where it sees that they are few."""

    def decorated(method: Method) -> Method:
        native = native_type()
        if native is None:
            return method
        single = getattr(np.random.Generator, method.__name__)
        without_kernels = (), 0.0, 0.0, False, False, None, -1, None
        few = native(method, single, _arguments_of(method), form, *without_kernels, least, None)
        return cast(Method, update_wrapper(few, method))

    return decorated


def native_type() -> Any:
    """The type of csrc/bindings/short_draws.c, bound to the kernels; None where one of the two is not there."""
    native = bound("_short_draws", ("fi_take_values", "fi_fill", "fi_search"), MOST_VALUES)
    return None if native is None else native.short_draw


def _arguments_of(method: Callable[..., Any]) -> tuple[str, ...]:
    code = method.__code__
    return tuple(code.co_varnames[1 : code.co_argcount])  # without self


def _kernels_of(distribution: str) -> tuple[int, ...]:
    """The numbers of the kernels, -1 for none: for float32 and float64; of `integers` for each size, of one word and two."""
    with without_forks():
        from fastinit.backends.c import KERNELS

    names = [f"{distribution}_float32", f"{distribution}_float64"]
    if distribution == "integers":
        names = [f"{kind}_uint{bits}" for kind in ("integers", "wideintegers") for bits in (8, 16, 32, 64)]
    if distribution in ("geometric", *COUNTED):
        names = ["", f"{distribution}_uint64"]
    if distribution == "words":
        names = ["", "words_uint32"]
    return tuple(KERNELS.get(name, -1) for name in names)
