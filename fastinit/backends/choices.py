"""Items of an array by their numbers, in NumPy: what csrc/kernels/choices.c does at once, step by step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fastinit.backends.generator_requests import ChoiceRequest
from fastinit.backends.request import Fill, FillRequest

DRAWN_AT_ONCE = 2**16  # numbers, into memory that stays in the caches, before their items are taken


def take(items: NDArray[np.generic], numbers: NDArray[np.int64], out: NDArray[np.generic], num_threads: int) -> None:
    """See `fastinit.backends.generator_requests.Operations`."""
    items.take(numbers, 0, out=out, mode="clip")  # other modes copy


def choose_with(fill: Fill) -> Callable[[ChoiceRequest], None]:
    """The function of a backend that fills by `fill`."""

    def choose(request: ChoiceRequest) -> None:
        kernel, stream, parameters, start, items, out, num_threads = request
        numbers = np.empty(min(len(out), DRAWN_AT_ONCE), np.int64)
        for at in range(0, len(out), DRAWN_AT_ONCE):
            taken = out[at : at + DRAWN_AT_ONCE]
            drawn, starts = numbers[: len(taken)], np.array([start + at], np.uint64)
            fill(FillRequest(kernel, stream, parameters, starts, len(drawn), 1, drawn.view(np.uint64)))
            take(items, drawn, taken, num_threads)

    return choose
