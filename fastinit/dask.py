"""Dask: every initializer as a function that gives a lazy array, whose values do not depend on its chunks.

    fastinit.dask.he_normal((200_000, 50_000), chunks=(2048, -1), seed=0, name="w")  # a dask.array.Array

Every function of `fastinit.initializers` is here under its name, with its parameters and options but `out` and `index`, and
with `chunks="auto"`, which is what `dask.array` takes. It gives the bits of its namesake for the same arguments, whatever
the chunks, scheduler and machines. Arguments are checked at once. `seed=None` takes fresh entropy once, when the array is
created: it has the same values each time it is computed. The same arguments give the same keys.

A task fills one chunk, or what slices select of it, on its own thread alone; chunks of whole rows are fastest. Dask computes
a chunk again for every block that it is combined with, as in a matrix product, unless `persist()` keeps it. Values that need
the whole tensor, orthogonal ones for instance, are computed once, by one task in the memory of one worker, and then sliced.
Where chunks divide no such values, as between the slices of `stacked` orthogonal ones, each chunk is computed by itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import accumulate, product
from typing import Any

import numpy as np

from fastinit.core.division import may_be_cut
from fastinit.core.dtypes import element_type
from fastinit.core.fill import fill
from fastinit.core.stream import Stream, stream_of
from fastinit.distributions import Distribution
from fastinit.initializers.definition import ALIASES, INITIALIZERS
from fastinit.initializers.layouts import LayoutLike
from fastinit.recipes import Recipe, TensorSpec
from fastinit.runtime import checks, threads
from fastinit.runtime.installation import install_hint
from fastinit.runtime.types import Array, DTypeLike, Index, Seed, Shape

try:
    import dask.array as da
    from dask.array.core import normalize_chunks
    from dask.base import tokenize
    from dask.delayed import delayed
    from dask.highlevelgraph import HighLevelGraph
except ModuleNotFoundError:
    raise ImportError(f"fastinit.dask needs Dask's arrays: {install_hint('dask')}") from None

_FUNCTIONS = {**INITIALIZERS, **ALIASES}

__all__ = ["materialize", *_FUNCTIONS]


def __getattr__(name: str) -> Callable[..., da.Array]:
    if name not in _FUNCTIONS:
        raise AttributeError(f"module 'fastinit.dask' has no attribute {name!r}")
    return _lazy(_FUNCTIONS[name].__name__)


def __dir__() -> list[str]:
    return __all__


def materialize(
    recipe: Recipe,
    shapes: Mapping[str, Any] | Iterable[TensorSpec],
    seed: Seed = 0,
    dtype: DTypeLike = np.float32,
    *,
    layout: LayoutLike = None,
    chunks: Any = "auto",
) -> dict[str, da.Array]:
    """The tensors of `recipe.materialize(shapes, seed, dtype, layout=layout)` as lazy arrays, all with these `chunks`.

    The errors are those of `Recipe.plan`, and ValueError for chunks that Dask does not take.

    >>> import fastinit, fastinit.dask
    >>> recipe = fastinit.Recipe([("*.bias", "zeros"), ("*", "normal", {"std": 0.02})])
    >>> fastinit.dask.materialize(recipe, {"w": (1000, 1000), "w.bias": (1000,)}, chunks=500)["w"].chunks
    ((500, 500), (500, 500))
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a fastinit.recipes.Recipe, got {recipe!r}")
    element, made = element_type(dtype).dtype, {}
    plan = recipe.plan(shapes, layout=layout)
    for tensor in plan:
        name, shape = tensor.name, tensor.spec.shape
        if tensor.action == "draw" and tensor.distribution is not None:
            made[name] = _array(tensor.distribution, shape, stream_of(seed, name), element, chunks, name)
        elif tensor.action == "compute":
            integers = np.dtype(tensor.spec.dtype)
            made[name] = da.full(shape, tensor.value, chunks=_checked_chunks(chunks, shape, integers), dtype=integers)
    made |= {alias: made[name] for alias, name in plan.ties.items()}
    return {tensor.name: made[tensor.name] for tensor in plan if tensor.name in made}


@cache
def _lazy(of: str) -> Callable[..., da.Array]:
    """The function of this name that gives a lazy array."""
    eager = INITIALIZERS[of]

    def lazy(
        shape: Shape,
        *positional: Any,
        chunks: Any = "auto",
        seed: Seed = None,
        name: str | None = None,
        dtype: DTypeLike = np.float32,
        layout: LayoutLike = None,
        **parameters: Any,
    ) -> da.Array:
        lengths = checks.shape(shape)
        distribution = eager.distribution_for(lengths, *positional, layout=layout, **parameters)
        return _array(distribution, lengths, stream_of(seed, name), dtype, chunks, eager.__name__)

    signature = dict(inspect.signature(eager).parameters)
    del signature["out"], signature["index"]  # options that a lazy array cannot have
    chunks = inspect.Parameter("chunks", inspect.Parameter.KEYWORD_ONLY, default="auto")
    vars(lazy).update(
        distribution_for=eager.distribution_for,
        initializer=eager.initializer,
        __signature__=inspect.Signature([*signature.values(), chunks], return_annotation=da.Array),
    )
    lazy.__name__, lazy.__qualname__, lazy.__doc__ = eager.__name__, eager.__name__, eager.__doc__
    return lazy


@dataclass(frozen=True)
class _Tensor:
    """Stands for a tensor without holding its values; indexing it fills the part that is asked for."""

    distribution: Distribution
    shape: tuple[int, ...]
    stream: Stream
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getitem__(self, index: Index) -> Array:
        return self.filled(index)

    def filled(self, index: Index = None) -> Array:
        with threads.single_threaded():
            return fill(self.distribution, self.shape, seed=self.stream, dtype=self.dtype, index=index)

    def __dask_tokenize__(self) -> tuple[object, ...]:
        parameters = {field.name: getattr(self.distribution, field.name) for field in fields(self.distribution)}
        distribution = type(self.distribution).__name__, parameters
        return "fastinit", distribution, self.shape, tuple(self.stream), self.dtype.name  # the `str` of some is only "<V1"


def _array(
    distribution: Distribution, shape: tuple[int, ...], stream: Stream, dtype: DTypeLike, chunks: Any, label: str
) -> da.Array:
    """The lazy array, after the remaining checks; `label` is what Dask's dashboard shows."""
    element = element_type(dtype)
    tensor = _Tensor(distribution, shape, stream, element.dtype)
    blocks = _checked_chunks(chunks, shape, element.dtype)
    token = tokenize(tensor, blocks)
    meta = np.empty((0,) * len(shape), element.dtype)
    distribution.parameters(element.real)
    if distribution.is_elementwise:
        options: dict[str, Any] = {"chunks": blocks, "meta": meta, "inline_array": True}
        array: da.Array = da.from_array(tensor, name=f"{label}-{token}", **options)
    elif may_be_cut(distribution, shape, [[0, *accumulate(lengths)] for lengths in blocks]):
        # not a Blockwise layer, nor below: Dask may fuse that into every task that uses a block
        name = f"{label}-{token}"
        graph: dict[Any, Any] = {(name, *block): (tensor.filled, index) for block, index in _indices(blocks)}
        array = da.Array(HighLevelGraph.from_collections(name, graph), name, blocks, meta=meta)  # pyright: ignore[reportCallIssue]
    else:
        values = delayed(tensor.filled, pure=True, traverse=False)(dask_key_name=f"{label}-whole-{token}")
        array = da.from_delayed(values, shape, meta=meta, name=f"{label}-{token}").rechunk(blocks, method="tasks")
    return array


def _indices(blocks: tuple[tuple[int, ...], ...]) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """The number of each block along each axis, and the index of its elements."""
    ends = [[0, *accumulate(lengths)] for lengths in blocks]
    for block in product(*(range(len(lengths)) for lengths in blocks)):
        yield block, tuple(slice(along[i], along[i + 1]) for along, i in zip(ends, block))


def _checked_chunks(chunks: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[tuple[int, ...], ...]:
    """The lengths of the blocks along each axis. ValueError for what Dask does not take, or does not know the sum of."""
    try:
        blocks: tuple[tuple[int, ...], ...] = normalize_chunks(chunks, shape, dtype=dtype)
        if any(sum(lengths) != n for lengths, n in zip(blocks, shape, strict=True)):
            raise ValueError("the lengths do not add up to the shape")
    except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise ValueError(f"chunks must be what Dask takes for shape {shape}, got {chunks!r}: {reason}") from None
    return blocks
