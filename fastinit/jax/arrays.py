"""JAX arrays from filled memory: handed over without a copy when eager, written in place when traced."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from fastinit.backends import current
from fastinit.core.division import may_be_cut
from fastinit.core.dtypes import element_type
from fastinit.core.fill import fill
from fastinit.jax import native
from fastinit.jax.keys import key_words, stream_of_words
from fastinit.runtime import huge_pages
from fastinit.runtime.forks import without_forks

ALIGNMENT = 64  # what XLA asks of memory that it takes as it is (xla/cpu_function_runtime.h, MinAlign)

if TYPE_CHECKING:
    from collections.abc import Callable

    from jax.typing import DTypeLike

    from fastinit.core.stream import Stream
    from fastinit.distributions import Distribution
    from fastinit.runtime.types import Array

    DType: TypeAlias = np.dtype[Any]
    Index: TypeAlias = tuple[slice, ...]
    StreamOf: TypeAlias = Callable[[Array], Stream]  # makes a stream of a key's words
    Computation: TypeAlias = Callable[[jax.Array], jax.Array]  # from the words of a key, or of several, to the values


def element_dtype(dtype: DTypeLike | None) -> DType:
    """The dtype that JAX makes of this one: without `jax_enable_x64` float32 of float64. None is JAX's default float."""
    return element_type(jax.dtypes.canonicalize_dtype(float if dtype is None else dtype)).dtype


def drawn(
    distribution: Distribution, key: jax.Array, shape: tuple[int, ...], dtype: DType, out_sharding: object = None
) -> jax.Array:
    """The values of `distribution` for this key, with this sharding (None: on the context's mesh or default device)."""
    words = key_words(key)
    if isinstance(words, Tracer):
        return traced(distribution, shape, words, dtype, stream_of_words, _named(out_sharding, "get_abstract_mesh"))
    stream, sharding = stream_of_words(np.asarray(words)), _named(out_sharding, "get_mesh")
    if sharding is None and (mesh := _mesh("get_mesh")) is not None:
        sharding = NamedSharding(mesh, PartitionSpec())  # where JAX puts what it makes under jax.set_mesh
    if sharding is not None:
        return sharded(distribution, shape, stream, dtype, sharding)
    return on_device(filled(distribution, shape, stream, dtype))


def on_device(array: Array | jax.Array, sharding: Sharding | None = None) -> jax.Array:
    """The array with this sharding (None: on the default device), in the memory that it has where that can be."""
    return cast(jax.Array, jax.device_put(array, sharding))


def traced(
    distribution: Distribution,
    shape: tuple[int, ...],
    words: jax.Array,
    dtype: DType,
    stream_of: StreamOf,
    sharding: Sharding | None = None,
) -> jax.Array:
    """An array that the host fills when traced code runs; `stream_of` then makes a stream of the key's words."""
    return _placed(_computation(distribution, shape, dtype, stream_of, current().name)(words), sharding)


def filled(
    distribution: Distribution, shape: tuple[int, ...], stream: Stream, dtype: DType, index: Index | None = None
) -> Array:
    """A new read-only array, so aligned that JAX on a CPU takes over its memory, which nothing else may then write to."""
    lengths = shape if index is None else tuple(len(range(*part.indices(n))) for part, n in zip(index, shape))
    out = _aligned(lengths, dtype)
    fill(distribution, shape, seed=stream, dtype=dtype, out=out, index=index)
    out.flags.writeable = False
    return out


def sharded(
    distribution: Distribution, shape: tuple[int, ...], stream: Stream, dtype: DType, sharding: Sharding
) -> jax.Array:
    """An array of which each device's shard is filled by its place in the whole; devices with the same shard share it.

    Where shards divide values that are made together, the whole tensor is filled once.
    """
    part: Callable[[Index], Array] = partial(filled, distribution, shape, stream, dtype)
    ends = [index for index in sharding.addressable_devices_indices_map(shape).values() if index is not None]
    borders = [[end for index in ends for end in index[axis].indices(n)[:2]] for axis, n in enumerate(shape)]
    if not may_be_cut(distribution, shape, borders):
        part = filled(distribution, shape, stream, dtype).__getitem__
    shards: dict[tuple[tuple[int, int, int], ...], Array] = {}

    def shard(index: Index | None) -> Array:
        index = index or ()
        bounds = tuple(along.indices(n) for along, n in zip(index, shape))
        if bounds not in shards:
            shards[bounds] = part(index)
        return shards[bounds]

    return jax.make_array_from_callback(shape, sharding, shard)


def _aligned(shape: tuple[int, ...], dtype: DType) -> Array:
    """An uninitialized array that begins at a multiple of 64. NumPy itself asks for huge pages where it is large."""
    nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + nbytes].view(dtype).reshape(shape)


@lru_cache(maxsize=1024)
def _computation(
    distribution: Distribution, shape: tuple[int, ...], dtype: DType, stream_of: StreamOf, backend: str
) -> Computation:
    """The computation of these values, which the host runs. Over several keys (vmap) it is called once.

    On a CPU it is the first of these that is available: the handler in C, which is of backend "c" and makes streams as
    `stream_of_words`; a callback that fills XLA's buffer; a callback that returns an array.

    Cached, so that what is traced again is the same computation to JAX and is not compiled again.
    """
    result = jax.ShapeDtypeStruct(shape, dtype)

    def write(out: Array, keys: Array) -> None:
        huge_pages.advise(out)
        for at in np.ndindex(keys.shape[:-1]):
            place = (*at, ...)
            fill(distribution, shape, seed=stream_of(keys[at]), dtype=dtype, out=out[place])

    def make(keys: jax.Array) -> Array:
        out = np.empty((*keys.shape[:-1], *shape), dtype)
        write(out, np.asarray(keys))
        return out

    on_host: Computation = partial(jax.pure_callback, make, result, vmap_method="expand_dims")
    by_handler = native.computation(distribution, result) if backend == "c" and stream_of is stream_of_words else None
    in_place = by_handler or _in_place(write, result)
    if in_place is None:
        return on_host
    return cast("Computation", partial(jax.lax.platform_dependent, cpu=in_place, default=on_host))


def _in_place(write: Callable[[Array, Array], None], result: jax.ShapeDtypeStruct) -> Computation | None:
    """The computation that has `write` fill XLA's own buffer, on a CPU. None where this JAX is too old for it."""
    try:
        with without_forks():
            from jax.experimental.buffer_callback import buffer_callback
    except ImportError:
        return None

    def in_place(context: object, out: Any, keys: Any) -> None:
        write(np.asarray(out), np.asarray(keys))

    return cast("Computation", buffer_callback(in_place, result, vmap_method="expand_dims"))


def _named(sharding: object, get_mesh: str) -> Sharding | None:
    """The sharding; for a PartitionSpec, on the context's mesh, which `get_mesh` of `jax.sharding` gives."""
    if sharding is None or isinstance(sharding, Sharding):
        return sharding
    if not isinstance(sharding, PartitionSpec):
        raise TypeError(f"out_sharding must be a Sharding, a PartitionSpec or None, got {sharding!r}")
    mesh = _mesh(get_mesh)
    if mesh is None:
        raise ValueError(f"out_sharding={sharding} needs a mesh: pass a NamedSharding, or use jax.set_mesh")
    return NamedSharding(mesh, sharding)


def _mesh(get_mesh: str) -> Any:
    """The context's mesh, if there is one. JAX 0.6 and older have none."""
    try:
        mesh = getattr(jax.sharding, get_mesh)() if hasattr(jax.sharding, get_mesh) else None
    except ValueError:  # "can only be used outside of jit", or of vmap
        return None
    return None if mesh is None or mesh.empty else mesh


def _placed(array: jax.Array, sharding: Sharding | None) -> jax.Array:
    if sharding is None:
        return array
    place: Any = jax.sharding.reshard if _is_explicit(sharding) else jax.lax.with_sharding_constraint
    return cast(jax.Array, place(array, sharding))


def _is_explicit(sharding: Sharding) -> bool:
    """Whether the mesh's axes are part of types, which older JAX does not have."""
    axis_types = sharding.mesh.axis_types if isinstance(sharding, NamedSharding) and hasattr(jax.sharding, "reshard") else ()
    return any(kind == jax.sharding.AxisType.Explicit for kind in axis_types)
