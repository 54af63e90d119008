"""Many arrays in one batch: no call of a kernel, and no thread woken, for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.random import SeedSequence

from fastinit.backends import Backend, current
from fastinit.backends.elements import ElementType
from fastinit.core.fill import LEAST_FOR_THREADS, TILE, check_out, fill
from fastinit.core.stream import Stream, streams_of
from fastinit.distributions import Constant, Distribution, Normal, TruncatedNormal, Uniform, WholeTensor
from fastinit.runtime import threads

PART = 64 * TILE  # elements a thread takes at a time, some hundred microseconds of small arrays
SMALL = LEAST_FOR_THREADS  # elements: above it the call is not what costs, and one array is work for several threads


def fill_batch(
    distributions: Mapping[str, Distribution],
    shapes: Mapping[str, tuple[int, ...]],
    seed: int | SeedSequence | None,
    element: ElementType,
    out: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """For each name what `fill(distributions[name], shapes[name], seed=seed, name=name, dtype=element.dtype, out=out[name])` gives.

    All is checked before anything is written; the errors are those of `fill`.
    """
    if out is not None:
        for name, shape in shapes.items():
            check_out(out[name], shape, element.dtype)
    if seed is None:
        seed = SeedSequence()  # one for all
    different = {
        id(distribution): distribution
        for distribution in distributions.values()
        if not isinstance(distribution, WholeTensor)
    }
    parameters = {key: distribution.parameters(element.real) for key, distribution in different.items()}
    arrays = {name: out[name] if out else np.empty(shape, element.dtype) for name, shape in shapes.items()}
    kernels = {
        distribution.kernel: f"{distribution.kernel}_{element.name}" for distribution in (Uniform, Normal, TruncatedNormal)
    }
    streams = dict(zip(arrays, streams_of(seed, list(arrays)).tolist()))  # which checks the names
    small = [name for name, array in arrays.items() if _is_small(distributions[name], array)]
    _fill_small(
        [kernels[distributions[name].kernel] for name in small],
        np.array([streams.pop(name) for name in small], np.uint32).reshape(-1, 4),
        [parameters[id(distributions[name])] for name in small],
        [np.asarray(arrays[name]).reshape(-1).view(element.storage) for name in small],
    )
    for name, stream in streams.items():
        fill(distributions[name], shapes[name], seed=Stream(*stream), dtype=element.dtype, out=arrays[name])
    return arrays


def _is_small(distribution: Distribution, array: np.ndarray) -> bool:
    is_plain = array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative
    return 0 < array.size <= SMALL and is_plain and not isinstance(distribution, (Constant, WholeTensor))


def _fill_small(
    kernels: Sequence[str], streams: np.ndarray, parameters: Sequence[np.ndarray], outs: Sequence[np.ndarray]
) -> None:
    num_threads = threads.get_num_threads() if sum(out.size for out in outs) > LEAST_FOR_THREADS else 1
    backend = current()
    tasks = (partial(_fill_part, backend, kernels, streams, parameters, outs, part) for part in _parts(outs, PART))
    threads.run(tasks, num_threads)


def _fill_part(
    backend: Backend,
    kernels: Sequence[str],
    streams: np.ndarray,
    parameters: Sequence[np.ndarray],
    outs: Sequence[np.ndarray],
    part: slice,
) -> None:
    backend.fill_many(kernels[part], streams[part], parameters[part], outs[part])


def _parts(outs: Sequence[np.ndarray], elements: int) -> list[slice]:
    """Cuts of the list into parts of about so many elements and at most a thousand arrays; an interrupt waits for one."""
    ends, in_part = [], 0
    for i, out in enumerate(outs, 1):
        in_part += out.size
        if in_part >= elements or i - (ends[-1] if ends else 0) >= 1000 or i == len(outs):
            ends.append(i)
            in_part = 0
    return [slice(first, last) for first, last in zip([0, *ends], ends)]
