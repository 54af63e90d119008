"""Chooses the backend: the one that is asked for by name, else the C kernels where they were built, else Numba."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinit.backends import c_calls
from fastinit.backends.catalogue import BACKENDS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.extensions import extension, is_there, why_stale
from fastinit.backends.generator_requests import Operations
from fastinit.backends.request import Fill, FillAxes, FillMany, FillRequest, Parameters
from fastinit.runtime import settings
from fastinit.runtime.forks import without_forks
from fastinit.runtime.switches import switch


def _one_by_one(
    fill: Fill,
    kernels: Sequence[str],
    streams: bytes,
    parameters: Sequence[Parameters],
    outs: Sequence[NDArray[np.generic]],
) -> None:
    start = np.zeros(1, np.uint64)
    words = struct.iter_unpack("=4I", streams)
    for kernel, (k0, k1, s0, s1), row, out in zip(kernels, words, parameters, outs):
        flat = out.reshape(-1).view(ELEMENT_TYPES[out.dtype.name].storage)
        fill(FillRequest(kernel, (k0, k1, s0, s1), row, start, out.size, 1, flat))


class Backend(NamedTuple):
    """A backend at one instruction-set level ("" where it has none to choose).

    `takes_rows`: see `FillRequest.out`; `has_threads`: its fills use several by themselves, and let signals in meanwhile.
    """

    name: str
    level: str
    fill: Fill
    fill_many: FillMany
    takes_rows: bool
    has_threads: bool
    fill_axes: FillAxes | None = None

    @property
    def operations(self) -> Operations:
        """What generators need of it beside fills."""
        return _operations(self.name, self.level)


def _imported(name: str) -> Any:
    with without_forks():
        return import_module(f"fastinit.backends.{name}")


@cache
def _operations(name: str, level: str) -> Operations:
    operations: Operations
    if name == "c":
        operations = _imported("c_operations").operations_at(level)
    else:
        shuffle = _imported("numba.shuffles" if name == "numba" else "orders").shuffle_buckets
        operations = _imported("operations").operations_with(_imported(name).fill, shuffle)
    return operations


def available_levels() -> tuple[str, ...]:
    """The levels of the C backend that this CPU runs, slowest first; none where the kernels were not built."""
    return tuple(_imported("c").LEVELS) if _c_is_built() else ()


def available_backends() -> tuple[str, ...]:
    return tuple(name for name in BACKENDS if name != "c" or _c_is_built())


@cache
def backend(name: str | None = None, level: str | None = None) -> Backend:
    """The backend called `name`, the C one at `level`; without a name the fastest. ValueError for unknown ones."""
    if name is None:
        name = available_backends()[0]
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {name!r}")
    if name not in available_backends():
        raise ValueError(f"backend must be numba or reference here, got 'c': {why_without_c()}")
    if name != "c":
        if level is not None:
            raise ValueError(f"level is for backend 'c' alone, got level={level!r} with backend {name!r}")
        fill = _imported(name).fill
        return Backend(name, "", fill, partial(_one_by_one, fill), False, False)
    levels = available_levels()
    if level is None:
        level = levels[-1]
    if level not in levels:
        raise ValueError(f"level must be one of {', '.join(levels)} on this CPU, got {level!r}")
    c = _imported("c")
    fill = c.fill_at(level)
    return Backend(
        name, level, fill, c.fill_many_at(level) or partial(_one_by_one, fill), True, c.HAS_THREADS, c.fill_axes_at(level)
    )


def current() -> Backend:
    """The backend in use: that of the innermost `use_backend`, else of FASTINIT_BACKEND, else the fastest one available."""
    return _in_use.get() or _default()


def current_native_level() -> int | None:
    """The number of the C backend's level in use, where no block chose another; None where another backend is in use."""
    chosen = current()
    if chosen.name != "c" or chosen is not _default():
        return None
    return int(_imported("c").LEVELS[chosen.level])


def native_kernel(name: str) -> int:
    """The number of a kernel of the C backend."""
    return int(_imported("c").KERNELS[name])


@switch("fastinit.use_backend(...)")
def use_backend(name: str, level: str | None = None) -> Iterator[Backend]:
    """Within the block, and in this thread or task alone, fill with backend `name` ("c", "numba" or "reference").

    `level` picks the instruction-set level of the C backend (see `fastinit.show_config()`). The values are the same
    whatever is chosen. ValueError for a name or level that is unknown or not available here.

    >>> with fastinit.use_backend("reference") as chosen:
    ...     w = fastinit.he_normal((2, 3), seed=0)
    >>> chosen.name, bool((w == fastinit.he_normal((2, 3), seed=0)).all())
    ('reference', True)
    """
    chosen, in_c = backend(name, level), c_calls.native()
    token = _in_use.set(chosen)
    if in_c is not None:
        in_c.override(1)
    try:
        yield chosen
    finally:
        _in_use.reset(token)
        if in_c is not None:
            in_c.override(-1)


_in_use: ContextVar[Backend | None] = ContextVar("fastinit_backend", default=None)


@cache
def _default() -> Backend:
    try:
        if settings.chosen_backend() is None and not _c_is_built():
            warnings.warn(
                f"fastinit runs on its Numba backend: {why_without_c()}; {settings.BACKEND}=numba silences this",
                RuntimeWarning,
                stacklevel=2,
            )
        return backend(settings.chosen_backend(), settings.chosen_level())
    except ValueError as error:
        raise ValueError(f"{settings.BACKEND} or {settings.LEVEL}: {error}") from None


@cache
def _c_is_built() -> bool:
    return extension("_kernels") is not None


if _c_is_built():
    _imported("c")  # with the package, so that a fork during the first fill finds no import under way


def why_without_c() -> str:
    """Why the C backend is not available here."""
    if is_there("_kernels"):
        return why_stale("_kernels")
    above = Path(__file__).parents[2]
    if (above / "setup.py").exists():  # also where fastinit is installed, but Python was started in a clone
        return f"it is imported from the clone {above}, where `pip install -e .` builds its C kernels"
    if not Path(__file__).exists():
        return f"it is imported from the archive {above}, and C kernels load from folders only: `pip install` it"
    return "its C kernels were not built at installation, since no C compiler was found that could"
