"""From a request (distribution, shape, index, dtype, out) to pieces of memory, each filled by the backend on some thread."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.random import SeedSequence

from fastinit.backends import Backend, FillRequest, current
from fastinit.backends.elements import ELEMENT_TYPES, ElementType
from fastinit.core import positions
from fastinit.core.positions import Positions
from fastinit.core.stream import Stream, stream_of
from fastinit.distributions import Constant, Distribution, Normal, Uniform, WholeTensor
from fastinit.runtime import threads

DTYPES = ELEMENT_TYPES  # by name

TILE = 2048  # elements; whole tiles of every dtype
# More elements than these, 250 microseconds of normals, are for several threads: to wake one and to pass the interpreter's
# lock back and forth takes 120 microseconds on a virtual machine.
LEAST_FOR_THREADS = 256 * TILE
LEAST_CHUNK = 64 * TILE
# The most elements that a thread takes at a time: 32 MiB of float32, some milliseconds. Handing out costs 20 microseconds,
# which pieces of 2 MiB would make a seventh of the time.
CHUNK = 4096 * TILE
SCRATCH = 32 * TILE  # elements of a thread's buffer for an `out` that is not contiguous: 512 KiB at 8 bytes
# From this size on, an array that existed before is larger than the caches and is written past them.
STREAMING_BYTES = 32 * 2**20


def fill(
    distribution: Distribution,
    shape: int | tuple[int, ...],
    *,
    seed: int | SeedSequence | None = None,
    name: str | None = None,
    dtype: Any = np.float32,
    out: np.ndarray | None = None,
    index: Any = None,
) -> np.ndarray:
    """The values of `distribution` for a tensor of this shape, or the part `index` of them; into `out` or a new array.

    The options are those of every initializer: see `fastinit.initializers`. All is checked before anything is written.
    """
    element = element_type(dtype)
    whole_shape = checked_shape(shape)
    wanted = positions.whole(whole_shape) if index is None else positions.indexed(whole_shape, index)
    stream = stream_of(seed, name)
    if isinstance(distribution, WholeTensor):
        return _fill_by_whole(distribution, stream, element, wanted.shape, out, index)
    parameters = distribution.parameters(element.real)
    fresh = out is None
    if out is None:
        out = np.empty(wanted.shape, element.dtype)
    else:
        check_out(out, wanted.shape, element.dtype)
    if isinstance(distribution, Constant):
        out[...] = parameters[0]
    elif out.size:
        backend = current()
        request = _Request(backend, f"{distribution.kernel}_{element.name}", stream, parameters, wanted)
        array = np.asarray(out)
        is_plain = array.flags.aligned and array.dtype.isnative
        if is_plain and array.flags.c_contiguous:
            past_cache = not fresh and out.nbytes >= STREAMING_BYTES
            _fill_contiguous(request.write, array.reshape(-1).view(element.storage), past_cache)
        elif is_plain and backend.takes_rows and _has_rows(array, wanted):
            _fill_rows(request.write_rows, array, element)
        else:
            _fill_strided(request.write, array, element)
    return out[()] if fresh and index is not None else out


def _has_rows(out: np.ndarray, wanted: Positions) -> bool:
    """Whether `out` is one of contiguous rows along its first axis, each a part of a run of positions."""
    return out.ndim > 1 and out[0].flags.c_contiguous and wanted.has_rows(out[0].size)


def _fill_by_whole(
    distribution: WholeTensor, stream: Stream, element: ElementType, shape: tuple[int, ...], out: np.ndarray | None, index: Any
) -> np.ndarray:
    if out is not None:
        check_out(out, shape, element.dtype)
    values = distribution.values(Draws(stream, element.real))
    wanted = values if index is None else values[index]
    if out is None:
        return wanted.astype(element.dtype, copy=wanted is not values)
    out[...] = wanted
    return out


def whole_values(distribution: WholeTensor, stream: Stream, dtype: np.dtype) -> np.ndarray:
    """All values of a tensor, flat."""
    element = element_type(dtype)
    return distribution.values(Draws(stream, element.real)).astype(element.dtype, copy=False).reshape(-1)


def fill_piece(distribution: Distribution, stream: Stream, first: int, out: np.ndarray) -> None:
    """Write elements `first`, first + 1, ... of a tensor into `out`, 1-D and contiguous, on the calling thread alone.

    Not for `WholeTensor`, whose values are not made in pieces.
    """
    if isinstance(distribution, Constant):
        is_whole = out.dtype.kind in "iub"
        out[...] = distribution.value if is_whole else distribution.parameters(element_type(out.dtype).real)[0]
        return
    element = element_type(out.dtype)
    kernel, parameters = f"{distribution.kernel}_{element.name}", distribution.parameters(element.real)
    current().fill(FillRequest(kernel, stream, parameters, _start(first), out.size, 1, out.view(element.storage)))


def fill_run(
    kernel: str, stream: Stream, parameters: np.ndarray, start: int, flat: np.ndarray, streaming: bool = False
) -> None:
    """Write the values at `start`, start + 1, ... into `flat`, 1-D, contiguous and of the storage type, on all threads."""
    backend = current()

    def write(first: int, out: np.ndarray, streaming: bool) -> None:
        backend.fill(FillRequest(kernel, stream, parameters, _start(start + first), out.size, 1, out, streaming))

    _fill_contiguous(write, flat, streaming)


class Draws:
    """Random arrays, one after the other from a stream: each begins at the next tile. For values that are made together."""

    def __init__(self, stream: Stream, real: type[np.floating]) -> None:
        self.stream = stream
        self.real = real  # the type that values are computed in: float32, or float64 for float64 tensors
        self._next_tile = 0

    def normal(self, shape: int | tuple[int, ...], mean: float = 0.0, std: float = 1.0) -> np.ndarray:
        return self.of(Normal(mean, std), shape)

    def uniform(self, shape: int | tuple[int, ...], low: float = 0.0, high: float = 1.0) -> np.ndarray:
        return self.of(Uniform(low, high), shape)

    def child(self, key: str) -> Draws:
        """Draws from a stream of its own, which the key alone decides: not what was drawn before."""
        return Draws(stream_of(SeedSequence(list(self.stream)), key), self.real)

    def of(self, distribution: Distribution, shape: int | tuple[int, ...], out: np.ndarray | None = None) -> np.ndarray:
        """An array of any distribution's values, in `real`: a new one, or `out`, C-contiguous."""
        if isinstance(distribution, WholeTensor):
            values = distribution.values(self)
            if out is None:
                return values
            out[...] = values
            return out
        element = element_type(self.real)
        values = np.empty(checked_shape(shape), self.real) if out is None else out
        parameters = distribution.parameters(self.real)
        if isinstance(distribution, Constant):
            values[...] = parameters[0]
        elif values.size:
            tile_elements = TILE * 4 // values.itemsize
            start, self._next_tile = self._next_tile * tile_elements, self._next_tile - (-values.size // tile_elements)
            fill_run(f"{distribution.kernel}_{element.name}", self.stream, parameters, start, values.reshape(-1))
        return values


def stream_words(stream: Stream, first: int, out: np.ndarray) -> None:
    """Write words `first`, first + 1, ... of a stream into `out`, 1-D and contiguous uint32."""
    current().fill(FillRequest("words_uint32", stream, np.empty(0), _start(first), out.size, 1, out))


def _start(position: int) -> np.ndarray:
    return np.array([position], np.uint64)


def element_type(dtype: Any) -> ElementType:
    """The element type for a dtype or its name. TypeError naming those there are for any other."""
    try:
        return _element_type(dtype)
    except (TypeError, KeyError, SyntaxError):  # NumPy parses some strings
        raise TypeError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}") from None


@lru_cache(maxsize=64)
def _element_type(dtype: Any) -> ElementType:
    if dtype is None:  # float64 to NumPy, the default of float32 to most who write it
        raise TypeError
    name = dtype if isinstance(dtype, str) and dtype in DTYPES else np.dtype(dtype).name
    return DTYPES[name]


def checked_shape(shape: Any) -> tuple[int, ...]:
    """The shape as a tuple of ints. TypeError or ValueError for what is none."""
    try:
        is_length = hasattr(shape, "__index__") and not isinstance(shape, np.ndarray)
        lengths = (operator.index(shape),) if is_length else tuple(map(operator.index, shape))
    except TypeError:
        raise TypeError(f"shape must be an int or a sequence of ints, got {shape!r}") from None
    if lengths and min(lengths) < 0:
        raise ValueError(f"shape must have no negative length, got {shape!r}")
    if math.prod(lengths) > positions.MOST_ELEMENTS:
        raise ValueError(f"shape must have at most 2**63 - 1 elements, got {shape!r}")
    return lengths


def check_out(out: Any, shape: tuple[int, ...], element: np.dtype) -> None:
    """TypeError or ValueError where values of this shape and dtype cannot be written to `out`."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy array, got {type(out).__name__}")
    if out.dtype.newbyteorder("=") != element:
        raise TypeError(f"out has dtype {out.dtype}, but dtype is {element}: pass dtype=out.dtype")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}, but the values asked for have shape {shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only: pass an array that may be written")
    if out.size and not out.flags.c_contiguous and _may_overlap_itself(out):
        raise ValueError(f"out has elements that share memory (strides {out.strides}): pass an array without overlap")


def _may_overlap_itself(out: np.ndarray) -> bool:
    """Whether two elements may share memory: an axis steps less far than the axes of smaller steps reach."""
    reach = out.itemsize
    for stride, n in sorted((abs(stride), n) for stride, n in zip(out.strides, out.shape) if n > 1):
        if stride < reach:
            return True
        reach += stride * (n - 1)
    return False


class _Request(NamedTuple):
    """Which values of what: all that a backend is told but where they go."""

    backend: Backend
    kernel: str
    stream: Stream
    parameters: np.ndarray
    wanted: Positions

    def write(self, first: int, out: np.ndarray, streaming: bool = False) -> None:
        """Elements `first`, first + 1, ... of the result into `out`, 1-D, contiguous and of the storage type."""
        at = 0
        for starts, count, step in self.wanted.runs(first, first + out.size):
            n = starts.size * count
            self._fill(starts, count, step, out[at : at + n], streaming)
            at += n

    def write_rows(self, first: int, out: np.ndarray, streaming: bool) -> None:
        """Elements `first`, first + 1, ... into the contiguous rows of `out`, 2-D and of the storage type.

        For a backend that takes rows, where each is a part of a run of positions.
        """
        at = 0
        for starts, step in self.wanted.rows(first, first + out.size, out.shape[1]):
            self._fill(starts, out.shape[1], step, out[at : at + starts.size], streaming)
            at += starts.size

    def _fill(self, starts: np.ndarray, count: int, step: int, out: np.ndarray, streaming: bool) -> None:
        self.backend.fill(FillRequest(self.kernel, self.stream, self.parameters, starts, count, step, out, streaming))


def _fill_contiguous(write: Callable[[int, np.ndarray, bool], None], flat: np.ndarray, streaming: bool) -> None:
    num_threads, chunk = _threads_and_chunk(flat.size)
    if flat.size <= chunk:
        write(0, flat, streaming)
        return
    tasks = (partial(write, at, flat[at : at + chunk], streaming) for at in range(0, flat.size, chunk))
    threads.run(tasks, num_threads)


def _threads_and_chunk(size: int) -> tuple[int, int]:
    """How many threads so many elements are worth, and how many a thread takes at a time."""
    num_threads = threads.get_num_threads()
    if size <= LEAST_FOR_THREADS or num_threads == 1:
        return 1, CHUNK
    # a few pieces for each thread, so that none waits long for the last
    return num_threads, min(CHUNK, max(LEAST_CHUNK, -(-size // (4 * num_threads * TILE)) * TILE))


def _fill_rows(write: Callable[[int, np.ndarray, bool], None], out: np.ndarray, element: ElementType) -> None:
    """An `out` whose rows are contiguous, but do not follow each other, in place."""
    num_threads, chunk = _threads_and_chunk(out.size)
    streaming = out.nbytes >= STREAMING_BYTES
    blocks = ((first, _as_rows(block).view(element.storage)) for first, block in _blocks(out, chunk))
    threads.run((partial(write, first, rows, streaming) for first, rows in blocks), num_threads)


def _as_rows(block: np.ndarray) -> np.ndarray:
    """2-D: some of the rows, or a part of one."""
    return block.reshape(1 if block.flags.c_contiguous else len(block), -1)


def _fill_strided(write: Callable[[int, np.ndarray], None], out: np.ndarray, element: ElementType) -> None:
    """By way of a small buffer; NumPy copies it to where `out` lies, whatever the strides, alignment and byte order."""

    def fill_block(first: int, block: np.ndarray) -> None:
        scratch = np.empty(block.size, element.storage)
        write(first, scratch)
        block[...] = scratch.view(element.dtype).reshape(block.shape)

    tasks = (partial(fill_block, first, block) for first, block in _blocks(out, SCRATCH))
    num_threads, _ = _threads_and_chunk(out.size)
    threads.run(tasks, num_threads)


def _blocks(out: np.ndarray, most: int) -> Iterator[tuple[int, np.ndarray]]:
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
