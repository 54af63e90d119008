"""Values that are made of several draws each, in NumPy: what csrc/kernels/composed.c does at once, step by step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fastinit.backends.generator_requests import DirichletRequest, NoncentralRequest
from fastinit.backends.reference_inversion import parameters_of_tile
from fastinit.backends.request import Fill, FillRequest

PIECE = 2**14  # values, which stay in the caches
FEW_COLUMNS = 16  # up to which operations on columns take less time than those on rows


def dirichlet_with(fill: Fill) -> Callable[[DirichletRequest], None]:
    """The function of a backend that fills by `fill`; see `fastinit.backends.generator_requests.Operations`."""

    def dirichlet(request: DirichletRequest) -> None:
        stream, parameters, start, out, _ = request
        rows = max(PIECE // out.shape[1], 1)
        for row in range(0, len(out), rows):
            some = out[row : row + rows]
            starts = np.array([start + row * out.shape[1]], np.uint64)
            fill(FillRequest("gamma_float64", stream, parameters, starts, some.size, 1, some.reshape(-1)))
            _divide_by_sums(some)

    return dirichlet


def _divide_by_sums(rows: NDArray[np.float64]) -> None:
    """Each row by its sum, which is made in one order on every machine, whatever the length."""
    if rows.shape[1] > FEW_COLUMNS:
        rows /= rows.cumsum(axis=1)[:, -1:]
        return
    total = rows[:, 0].copy()
    for column in rows.T[1:]:
        total += column
    for column in rows.T:
        column /= total


def noncentral_chisquare_with(fill: Fill) -> Callable[[NoncentralRequest], None]:
    """The function of a backend that fills by `fill`."""

    def noncentral_chisquare(request: NoncentralRequest) -> None:
        stream, parameters, start, first_normal, roots, out, _ = request
        normals, standard = np.empty(min(PIECE, len(out))), np.array([0.0, 1.0])
        for at in range(0, len(out), PIECE):
            drawn = out[at : at + PIECE]
            some, n = normals[: len(drawn)], len(drawn)
            fill(FillRequest("gamma_float64", stream, parameters, np.array([start + at], np.uint64), n, 1, drawn))
            fill(FillRequest("normal_float64", stream, standard, np.array([first_normal + at], np.uint64), n, 1, some))
            some += parameters_of_tile(roots, 1, first_normal + at, (n,))[0]
            some *= some
            drawn += some

    return noncentral_chisquare
