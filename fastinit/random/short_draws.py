"""Methods of the Generator that draw a few values past the interpreter, where csrc/short_draws.c was built."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import update_wrapper

import numpy as np

from fastinit.backends import available_backends

MOST = 2048  # values: 10 microseconds, for which the interpreter is not given up


class Form(IntEnum):
    """What a method takes before `size`; the numbers are those of csrc/short_draws.c."""

    STANDARD = 0
    SCALE = 1
    LOC_SCALE = 2
    LOW_HIGH = 3
    INTEGER_RANGE = 4


def short_draw(form: Form, distribution: str, defaults: tuple[float, float] = (0.0, 0.0)) -> Callable[[Callable], Callable]:
    """For a method of the Generator: draw up to `MOST` values of plain numbers, an int `size` and, where the method takes it
    as its next argument, a plain `dtype` at once from the kernels of `distribution`; give one value by NumPy's method; else call the
    method. `defaults` are the kernel's parameters where no numbers are given. The values are the same either way.
    """

    def decorated(method: Callable) -> Callable:
        made = _maker()
        if made is None:
            return method
        single = getattr(np.random.Generator, method.__name__)
        return update_wrapper(made(method, single, form, *_kernels_of(distribution), *defaults), method)

    return decorated


def _maker() -> Callable | None:
    """The type of csrc/short_draws.c, knowing the kernels; None where one of the two was not built."""
    if "c" not in available_backends():
        return None
    try:
        from fastinit import _short_draws
        from fastinit._kernels import ffi, lib
    except ImportError:
        return None
    addresses = (int(ffi.cast("uintptr_t", ffi.addressof(lib, name))) for name in ("fi_draw", "fi_draw_integers"))
    _short_draws.bind(*addresses, MOST)
    return _short_draws.short_draw


def _kernels_of(distribution: str) -> tuple[int, int]:
    """The numbers of the float32 and the float64 kernel; of `integers` those of one and of two words a value."""
    from fastinit.backends.c import KERNELS

    names = (
        ("integers_uint64", "wideintegers_uint64")
        if distribution == "integers"
        else (f"{distribution}_float32", f"{distribution}_float64")
    )
    return tuple(KERNELS.get(name, -1) for name in names)
