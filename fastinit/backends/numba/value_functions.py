"""The functions that the fill calls by their addresses: of values, of their rounding, of copies of every step-th one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fastinit.backends.catalogue import Kernel
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.numba import counts, distributions, integers, inversion, rejection
from fastinit.backends.numba import narrow as rounding
from fastinit.backends.numba.compiling import compiled_for_c, compiled_once, pointer_to
from fastinit.backends.numba.operations import Untyped

Pointer = Any  # to Numba, which indexes one like an array


def storage_of(element: str) -> np.dtype[Any]:
    """The type that Numba stores elements as."""
    return np.dtype(ELEMENT_TYPES[element].storage if element in ELEMENT_TYPES else element)


def values_function(kernel: Kernel) -> Untyped:
    """(words, rows, parameters, stream, position of the first word, values): values of a kernel's distribution.

    They are elements, or, where the kernel rounds, floats to be rounded: kernels of one distribution share the function.
    """
    name, is_placed = kernel.distribution.name, kernel.c_template in ("PLACED", "REJECTED")
    function = f"{name}_values{'_' + kernel.real.replace('float', 'f') if kernel.real else ''}"
    rooms = (counts, distributions, integers, inversion, rejection)
    values_of = next(getattr(room, function) for room in rooms if hasattr(room, function))
    written = np.dtype(kernel.real) if kernel.real else storage_of(kernel.element)

    def values(words: Pointer, rows: int, parameters: Pointer, stream: Pointer, position: np.uint64, out: Pointer) -> None:
        if is_placed:
            values_of(words, rows, parameters, stream, position, out)
        else:
            values_of(words, rows, parameters, out)

    words, reals, out_of = pointer_to(np.uint32), pointer_to(np.float64), pointer_to(written)
    called, types_of = f"{function}_{written}", (words, types.int64, reals, words, types.uint64, out_of)
    return compiled_once(called, lambda: compiled_for_c(values, called, types_of))


def rounding_function(element: str) -> Untyped:
    """(values, count, elements): float32 values rounded once to elements."""
    narrow = getattr(rounding, f"narrow_{element}")

    def round_all(values: Pointer, count: int, elements: Pointer) -> None:
        for i in range(count):
            elements[i] = narrow(values[i])

    called, types_of = f"narrow_{element}", (pointer_to(np.float32), types.int64, pointer_to(storage_of(element)))
    return compiled_once(called, lambda: compiled_for_c(round_all, called, types_of))


def copying_function(element_bytes: int) -> Untyped:
    """(elements, source, step, count): every step-th element from `source` on, forwards or backwards."""
    of = pointer_to(f"uint{8 * element_bytes}")

    def copy_steps(elements: Pointer, source: Pointer, step: int, count: int) -> None:
        for i in range(count):
            elements[i] = source[i * step]

    called, types_of = f"copy_steps_{element_bytes}", (of, of, types.int64, types.int64)
    return compiled_once(called, lambda: compiled_for_c(copy_steps, called, types_of))
