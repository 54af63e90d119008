"""Searches in tables of distributions, in NumPy: what csrc/kernels/searches.c does at once, step by step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastinit.backends.generator_requests import SearchRequest
from fastinit.backends.request import Fill, FillRequest


def search_with(fill: Fill) -> Callable[[SearchRequest], None]:
    """The function of a backend that fills by `fill`; see `fastinit.backends.generator_requests.Operations`."""

    def search(request: SearchRequest) -> None:
        stream, table, start, out, _ = request
        u = np.empty(len(out))
        fill(FillRequest("uniform_float64", stream, np.array([0.0, 1.0]), np.array([start], np.uint64), len(u), 1, u))
        np.add(np.searchsorted(table.cdf, u, "right"), table.first, out=out)

    return search
