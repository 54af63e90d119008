"""Dask: every initializer as a function that gives a lazy array, whose values do not depend on its chunks.

    fastinit.dask.he_normal((200_000, 50_000), chunks=(2048, -1), seed=0, name="w")  # a dask.array.Array

`fastinit.dask.he_normal(shape, <its parameters>, chunks="auto", seed=None, name=None, dtype=numpy.float32, layout=None)`
has the bits of `fastinit.he_normal` for the same arguments, and so has every other function of `fastinit.initializers`,
whatever the chunks, the scheduler and the machines. `chunks` is what `dask.array` takes; the rest are the options that all
initializers share. Arguments are checked at once. Without a seed fresh entropy is taken once, when the array is made: it has
the same values each time it is computed. The same arguments give the same keys.

A task fills one chunk on its own thread alone, whole rows fastest, and of it only what slices select. Dask has a chunk made
again for every block that it is combined with, as in a matrix product, unless `persist()` keeps it. Values that are made
together, orthogonal ones for instance, are made once, by one task in the memory of one worker, and chunks are cut from them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from fastinit import initializers
from fastinit.core.fill import checked_shape, element_type, fill
from fastinit.core.stream import Stream, stream_of
from fastinit.distributions import Distribution, WholeTensor
from fastinit.recipes import Recipe, TensorSpec, check_dtype
from fastinit.recipes.tensors import tensor_specs
from fastinit.runtime import threads

try:
    import dask
    import dask.array as da
except ModuleNotFoundError:
    raise ImportError("fastinit.dask needs Dask's arrays: pip install 'fastinit[dask]'") from None

FUNCTIONS = tuple(name for name in initializers.__all__ if hasattr(getattr(initializers, name), "initializer"))
"""The names of the functions, glorot_normal and the like included."""

__all__ = ["materialize", *FUNCTIONS]


def __getattr__(name: str) -> Callable[..., da.Array]:
    if name not in FUNCTIONS:
        raise AttributeError(f"module 'fastinit.dask' has no attribute {name!r}")
    return _lazy(getattr(initializers, name))


def __dir__() -> list[str]:
    return __all__


def materialize(
    recipe: Recipe,
    shapes: Mapping[str, Any] | Iterable[TensorSpec],
    seed: int | SeedSequence | None = None,
    dtype: Any = np.float32,
    *,
    chunks: Any = "auto",
) -> dict[str, da.Array]:
    """The tensors of `recipe.materialize(shapes, seed, dtype)` as lazy arrays; `chunks` is that of every one of them."""
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a fastinit.recipes.Recipe, got {recipe!r}")
    tensors, dtype = tensor_specs(shapes), element_type(dtype).dtype
    tied, distributions, made = recipe.tied_in(tensors), recipe.distributions(tensors), {}
    for tensor in tensors:
        distribution = distributions[tensor.name]
        if distribution is None:
            continue
        check_dtype(tensor, distribution)
        if tensor.is_float():
            made[tensor.name] = _array(distribution, tensor.shape, stream_of(seed, tensor.name), dtype, chunks, tensor.name)
        else:  # whole numbers, all the same
            whole_number = np.dtype(tensor.dtype)
            blocks = _checked_chunks(chunks, tensor.shape, whole_number)
            made[tensor.name] = da.full(tensor.shape, distribution.value, chunks=blocks, dtype=whole_number)
    made |= {alias: made[name] for alias, name in tied.items() if name in made}
    return {tensor.name: made[tensor.name] for tensor in tensors if tensor.name in made}


@cache
def _lazy(eager: Callable[..., np.ndarray]) -> Callable[..., da.Array]:
    """The function of the same name and arguments that gives a lazy array."""

    def lazy(shape, *parameters, chunks="auto", seed=None, name=None, dtype=np.float32, layout=None, **named):
        lengths = checked_shape(shape)
        distribution = eager.distribution_for(lengths, *parameters, layout=layout, **named)
        return _array(distribution, lengths, stream_of(seed, name), dtype, chunks, eager.__name__)

    lazy.distribution_for, lazy.initializer = eager.distribution_for, eager.initializer
    lazy.__name__, lazy.__qualname__, lazy.__doc__ = eager.__name__, eager.__name__, eager.__doc__
    lazy.__signature__ = _signature(eager)
    return lazy


def _signature(eager: Callable[..., np.ndarray]) -> inspect.Signature:
    """With `chunks` before the options that all share, and without those that make no sense of a lazy array."""
    parameters = [p for name, p in inspect.signature(eager).parameters.items() if name not in ("out", "index")]
    first_option = next(at for at, parameter in enumerate(parameters) if parameter.kind is parameter.KEYWORD_ONLY)
    parameters.insert(first_option, inspect.Parameter("chunks", inspect.Parameter.KEYWORD_ONLY, default="auto"))
    return inspect.Signature(parameters, return_annotation=da.Array)


@dataclass(frozen=True)
class _Tensor:
    """A tensor that is not there: no larger than its distribution and stream, and an index into it fills what is asked for."""

    distribution: Distribution
    shape: tuple[int, ...]
    stream: Stream
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.filled(index)

    def filled(self, index: Any = None) -> np.ndarray:
        with threads.single_threaded():
            return fill(self.distribution, self.shape, seed=self.stream, dtype=self.dtype, index=index)

    def __dask_tokenize__(self) -> tuple:
        distribution = (
            (self.distribution.initializer, self.distribution.layout)
            if isinstance(self.distribution, WholeTensor)
            else self.distribution
        )
        return "fastinit", distribution, self.shape, tuple(self.stream), self.dtype.name  # its `str`, <V1, says little


def _array(
    distribution: Distribution, shape: tuple[int, ...], stream: Stream, dtype: Any, chunks: Any, label: str
) -> da.Array:
    """The lazy array, with what is not yet checked checked; `label` is what Dask's dashboard shows."""
    element = element_type(dtype)
    tensor = _Tensor(distribution, shape, stream, element.dtype)
    blocks = _checked_chunks(chunks, shape, element.dtype)
    token = dask.base.tokenize(tensor, blocks)
    meta = np.empty((0,) * len(shape), element.dtype)
    if isinstance(
        distribution, WholeTensor
    ):  # no Blockwise layer, which Dask may fuse with every block of what it is used for
        values = dask.delayed(tensor.filled, pure=True, traverse=False)(dask_key_name=f"{label}-whole-{token}")
        return da.from_delayed(values, shape, meta=meta, name=f"{label}-{token}").rechunk(blocks, method="tasks")
    distribution.parameters(element.real)
    return da.from_array(tensor, blocks, name=f"{label}-{token}", meta=meta, inline_array=True)


def _checked_chunks(chunks: Any, shape: tuple[int, ...], dtype: np.dtype) -> tuple[tuple[int, ...], ...]:
    """The lengths of the blocks along each axis. ValueError for what Dask does not take, or does not know the sum of."""
    try:
        blocks = da.core.normalize_chunks(chunks, shape, dtype=dtype)
        if any(sum(lengths) != n for lengths, n in zip(blocks, shape)):
            raise ValueError("the lengths do not add up to the shape")
    except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise ValueError(f"chunks must be what Dask takes for shape {shape}, got {chunks!r}: {reason}") from None
    return blocks
