"""How the memory of a fill is divided into pieces, and who writes each: threads, memory layouts, non-temporal stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from fastinit.backends import Backend
from fastinit.backends.elements import ElementType
from fastinit.runtime import threads
from fastinit.runtime.types import Array

TILE = 2048  # elements; whole tiles of every dtype
# Above so many elements (250 microseconds of normals) several of Python's threads share the work: to wake one and to pass
# the interpreter's lock back and forth takes 120 microseconds on a virtual machine.
LEAST_FOR_THREADS = 256 * TILE
# Above so many elements those do that a backend has of its own: two take 0.75 of the time of one where cores are free
# (`python -m bench.threads`).
LEAST_FOR_NATIVE_THREADS = 32 * TILE
LEAST_PIECE = 64 * TILE
# The most elements that a thread takes at a time: 32 MiB of float32, some milliseconds. To hand out a piece costs 20
# microseconds: with pieces of 2 MiB that would be a seventh of the time.
PIECE = 4096 * TILE
SCRATCH = 32 * TILE  # elements of a thread's buffer for an `out` that is not contiguous: 512 KiB at 8 bytes
# From this size on, an array that existed before is larger than the caches and is written by non-temporal stores.
NONTEMPORAL_BYTES = 32 * 2**20
# The same for arrays of any strides: beyond the second-level cache an ordinary store waits for its line, since the one
# before is elsewhere. Two cores transpose 16 MiB of float32 in half the time.
NONTEMPORAL_BYTES_OF_AXES = 4 * 2**20

Write = Callable[[int, Array, bool, int], None]
"""write(first, out, nontemporal, num_threads): elements `first`, first + 1, ... of the result into `out`, of the storage
type, by so many threads of the backend's own."""


def fill_contiguous(write: Write, flat: Array, nontemporal: bool, has_threads: bool) -> None:
    """Fill a 1-D array whose elements follow each other in memory, by the backend's own threads if it `has_threads`."""
    if has_threads:
        write(0, flat, nontemporal, native_threads(flat.size))
    else:
        share(lambda first, out: write(first, out, nontemporal, 1), flat)


def share(write: Callable[[int, Array], None], flat: Array) -> None:
    """Have Python's threads write the pieces of a 1-D array."""
    num_threads, piece = threads_and_piece(flat.size)
    if flat.size <= piece:
        write(0, flat)
        return
    threads.run((partial(write, at, flat[at : at + piece]) for at in range(0, flat.size, piece)), num_threads)


def fill_rows(backend: Backend, write: Write, out: Array, element: ElementType) -> None:
    """Fill, in place, an array whose rows are contiguous but do not follow each other in memory."""
    num_threads, piece = threads_and_piece(out.size)
    of_backend = 1
    if backend.has_threads and out.ndim == 2:  # one block, whose rows are equally far apart
        num_threads, piece, of_backend = 1, out.size, native_threads(out.size)
    nontemporal = out.nbytes >= NONTEMPORAL_BYTES
    blocks = ((first, _as_rows(block).view(element.storage)) for first, block in _blocks(out, piece))
    threads.run((partial(write, first, rows, nontemporal, of_backend) for first, rows in blocks), num_threads)


def fill_strided(write: Write, out: Array, storage: type[np.generic]) -> None:
    """Fill any array through a small buffer; NumPy copies it to `out`, whatever its strides, alignment and byte order."""
    native = out.dtype.newbyteorder("=")

    def fill_block(first: int, block: Array) -> None:
        scratch = np.empty(block.size, storage)
        write(first, scratch, False, 1)
        block[...] = scratch.view(native).reshape(block.shape)

    tasks = (partial(fill_block, first, block) for first, block in _blocks(out, SCRATCH))
    num_threads, _ = threads_and_piece(out.size)
    threads.run(tasks, num_threads)


def repeat(value: Array, out: Array) -> None:
    """Write one value, an array without axes, everywhere; on all threads where the memory is one block of its dtype."""
    array = np.asarray(out)
    if array.flags.c_contiguous and array.flags.aligned and array.dtype == value.dtype:
        bits = np.dtype(f"u{array.itemsize}")  # NumPy writes plain integers faster than the types of ml_dtypes
        pattern = value.view(bits)
        share(lambda first, piece: piece.fill(pattern), array.reshape(-1).view(bits))
    else:
        out[...] = value


def native_threads(size: int) -> int:
    """How many threads of a backend's own so many elements are worth."""
    num_threads = threads.get_num_threads()  # of any size, so that the first fill refuses a wrong setting
    return num_threads if size > LEAST_FOR_NATIVE_THREADS else 1


def threads_and_piece(size: int) -> tuple[int, int]:
    """How many of Python's threads so many elements are worth, and how many elements a thread takes at a time."""
    num_threads = threads.get_num_threads()
    if size <= LEAST_FOR_THREADS or num_threads == 1:
        return 1, PIECE
    # a few pieces for each thread, so that none waits long for the last
    return num_threads, min(PIECE, max(LEAST_PIECE, -(-size // (4 * num_threads * TILE)) * TILE))


def _as_rows(block: Array) -> Array:
    """The block as a 2-D array: some of the rows, or a part of one."""
    return block.reshape(1 if block.flags.c_contiguous else len(block), -1)


def _blocks(out: Array, most: int) -> Iterator[tuple[int, Array]]:
    """Views of `out` of at most `most` elements, each with the row-major number of its first element."""
    if out.size <= most:
        yield 0, out
        return
    below = out.size // len(out)
    if below <= most:
        rows = most // below
        for row in range(0, len(out), rows):
            yield row * below, out[row : row + rows]
        return
    for row, part in enumerate(out):
        for first, block in _blocks(part, most):
            yield row * below + first, block
