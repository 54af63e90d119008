"""Measures tensors in pieces, each piece twice, on all threads: memory does not grow with a tensor's size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from fastinit.auditing.expected import Expected
from fastinit.auditing.measured import Measured
from fastinit.auditing.passes import NarrowPasses, Passes, WidePasses
from fastinit.auditing.patterns import is_narrow
from fastinit.auditing.sources import Source
from fastinit.runtime import threads

BATCH_BYTES, BATCH_TENSORS = 2**28, 64  # measured together: the second pass finds a file's pages in memory

Progress: TypeAlias = Callable[[int], None]
"""Called with the number of bytes that have just been measured."""
Work: TypeAlias = tuple[Source, Expected | None]


def measure(works: Sequence[Work], progress: Progress) -> list[Measured]:
    """Measure the tensors; results are in their order. `progress` is called from any thread."""
    found: list[Measured] = []
    for batch in _batches(works):
        tensors: list[Passes] = [(NarrowPasses if is_narrow(work[0].dtype) else WidePasses)(*work) for work in batch]
        _each_piece(tensors, lambda tensor, i: tensor.first_pass(i))
        for tensor in tensors:
            tensor.choose_sigma()
        _each_piece(tensors, lambda tensor, i: progress(tensor.second_pass(i)))
        found += [tensor.measured() for tensor in tensors]
    return found


def _each_piece(tensors: Sequence[Passes], action: Callable[[Passes, int], None]) -> None:
    tasks = (partial(action, tensor, i) for tensor in tensors for i in range(len(tensor.pieces)))
    threads.run(tasks, threads.get_num_threads())


def _batches(work: Sequence[Work]) -> Iterator[Sequence[Work]]:
    first, nbytes = 0, 0
    for i, (source, _) in enumerate(work, 1):
        nbytes += source.nbytes
        if nbytes >= BATCH_BYTES or i - first == BATCH_TENSORS or i == len(work):
            yield work[first:i]
            first, nbytes = i, 0
