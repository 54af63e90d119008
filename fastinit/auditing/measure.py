"""Measures tensors in pieces, each piece twice, on all threads: what is held does not grow with a tensor's size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from fastinit.auditing.expected import Nominal
from fastinit.auditing.measured import Measured
from fastinit.auditing.passes import Looks, Narrow, Wide
from fastinit.auditing.patterns import is_narrow
from fastinit.auditing.sources import Source, size_of
from fastinit.runtime import threads

BATCH_BYTES, BATCH_TENSORS = 2**28, 64  # looked at together: the second look finds a file's pages in memory

Progress = Callable[[int], None]


def measure(
    sources: Sequence[Source], nominals: Sequence[Nominal | None], progress: Progress = lambda nbytes: None
) -> list[Measured]:
    """In the order of the sources. `progress` is told, from any thread, how many bytes have just been dealt with."""
    found: list[Measured] = []
    for batch in _batches(list(zip(sources, nominals))):
        tensors: list[Looks] = [(Narrow if is_narrow(source.dtype) else Wide)(source, nominal) for source, nominal in batch]
        _each_piece(tensors, lambda tensor, i: tensor.first_look(i))
        for tensor in tensors:
            tensor.choose_sigma()
        _each_piece(tensors, lambda tensor, i: progress(tensor.second_look(i)))
        found += [tensor.measured() for tensor in tensors]
    return found


def _each_piece(tensors: Sequence[Looks], look: Callable[[Looks, int], None]) -> None:
    tasks = (partial(look, tensor, i) for tensor in tensors for i in range(len(tensor.pieces)))
    threads.run(tasks, threads.get_num_threads())


def _batches(work: Sequence[tuple[Source, Nominal | None]]) -> Iterator[Sequence[tuple[Source, Nominal | None]]]:
    first, nbytes = 0, 0
    for i, (source, _) in enumerate(work, 1):
        nbytes += size_of(source) * source.dtype.itemsize
        if nbytes >= BATCH_BYTES or i - first == BATCH_TENSORS or i == len(work):
            yield work[first:i]
            first, nbytes = i, 0
