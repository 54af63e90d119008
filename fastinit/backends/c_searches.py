"""Searches in tables of distributions, by the C extension: csrc/kernels/searches.h."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends.c import KERNELS
from fastinit.backends.c_signals import interruptible
from fastinit.backends.generator_requests import SearchRequest


def _search(level: int, request: SearchRequest) -> None:
    stream, (cdf, first, guide), start, out, num_threads = request
    tables = _ffi.from_buffer("double[]", cdf), _ffi.from_buffer("int32_t[]", guide), len(guide).bit_length() - 1
    where = _ffi.from_buffer("int64_t[]", out), num_threads
    interruptible(
        _lib.fi_search, level, KERNELS["uniform_float64"], stream, start, len(out), *tables, first, *where
    )  # fmt: skip


def search_at(level: int) -> Callable[[SearchRequest], None]:
    """The function of a level; see `fastinit.backends.generator_requests.Operations`."""
    return partial(_search, level)
