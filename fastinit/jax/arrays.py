"""JAX arrays from filled memory: handed over without a copy when eager, written in place when traced."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec, Sharding
from numpy.random import SeedSequence

from fastinit.backends import current
from fastinit.core.fill import element_type, fill
from fastinit.core.stream import Stream
from fastinit.distributions import Distribution, WholeTensor
from fastinit.jax import native
from fastinit.jax.keys import key_words, seed_of_words
from fastinit.runtime import huge_pages

ALIGNMENT = 64  # what XLA asks of memory that it takes as it is (xla/cpu_function_runtime.h, MinAlign)

Index = tuple[slice, ...]
Seed = SeedSequence | Stream


def element_dtype(dtype: Any) -> np.dtype:
    """The dtype that JAX makes of this one: without `jax_enable_x64` float32 of float64. None is JAX's default float."""
    return element_type(jax.dtypes.canonicalize_dtype(float if dtype is None else dtype)).dtype


def drawn(
    distribution: Distribution, key: Any, shape: tuple[int, ...], dtype: np.dtype, out_sharding: Any = None
) -> jax.Array:
    """The values of `distribution` for this key, with this sharding (None: on the context's mesh or default device)."""
    words = key_words(key)
    if isinstance(words, jax.core.Tracer):
        return traced(distribution, shape, words, dtype, seed_of_words, _named(out_sharding, "get_abstract_mesh"))
    seed, sharding = seed_of_words(np.asarray(words)), _named(out_sharding, "get_mesh")
    if sharding is None and (mesh := _mesh("get_mesh")) is not None:
        sharding = NamedSharding(mesh, PartitionSpec())  # where JAX puts what it makes under jax.set_mesh
    if sharding is None:
        return jax.device_put(filled(distribution, shape, seed, None, dtype))
    return sharded(distribution, shape, seed, None, dtype, sharding)


def traced(
    distribution: Distribution,
    shape: tuple[int, ...],
    words: jax.Array,
    dtype: np.dtype,
    seed_of: Callable[[np.ndarray], Seed],
    sharding: Sharding | None = None,
) -> jax.Array:
    """What the host fills when traced code runs; `seed_of` makes a seed of the words that there are then."""
    return _placed(_computation(distribution, shape, dtype, seed_of, current().name)(words), sharding)


def filled(
    distribution: Distribution,
    shape: tuple[int, ...],
    seed: Seed,
    name: str | None,
    dtype: np.dtype,
    index: Index | None = None,
) -> np.ndarray:
    """A new read-only array, so aligned that JAX on a CPU takes its memory as it is; nobody else may write to it then."""
    part = shape if index is None else tuple(len(range(*cut.indices(n))) for cut, n in zip(index, shape))
    out = _aligned(part, dtype)
    fill(distribution, shape, seed=seed, name=name, dtype=dtype, out=out, index=index)
    out.flags.writeable = False
    return out


def sharded(
    distribution: Distribution, shape: tuple[int, ...], seed: Seed, name: str | None, dtype: np.dtype, sharding: Sharding
) -> jax.Array:
    """An array of which each device's shard is filled by its place in the whole; devices with the same shard share it."""
    shards: dict[tuple, np.ndarray] = {}

    def shard(index: Index) -> np.ndarray:
        bounds = tuple(cut.indices(n) for cut, n in zip(index, shape))
        if bounds not in shards:
            shards[bounds] = part(index)
        return shards[bounds]

    if isinstance(distribution, WholeTensor):
        whole = filled(distribution, shape, seed, name, dtype)
        part = whole.__getitem__
    else:
        part = partial(filled, distribution, shape, seed, name, dtype)
    return jax.make_array_from_callback(shape, sharding, shard)


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialized array that begins at a multiple of 64. NumPy itself asks for huge pages where it is large."""
    nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + nbytes].view(dtype).reshape(shape)


@lru_cache(maxsize=1024)
def _computation(
    distribution: Distribution, shape: tuple[int, ...], dtype: np.dtype, seed_of: Callable[[np.ndarray], Seed], backend: str
) -> Callable[[jax.Array], jax.Array]:
    """From a key's words to the values: traceable, and run by the host. Over several keys (vmap) it is called once.

    On a CPU by the first that there is: the handler in C, which is of that backend and makes seeds as `seed_of_words`; a
    callback that fills XLA's buffer; one that returns an array.

    Cached, so that what is traced again is the same computation to JAX and is not compiled again.
    """
    result = jax.ShapeDtypeStruct(shape, dtype)

    def write(out: np.ndarray, keys: np.ndarray) -> None:
        huge_pages.advise(out)
        for at in np.ndindex(keys.shape[:-1]):
            fill(distribution, shape, seed=seed_of(keys[at]), dtype=dtype, out=out[(*at, ...)])

    def make(keys: jax.Array) -> np.ndarray:
        out = np.empty((*keys.shape[:-1], *shape), dtype)
        write(out, np.asarray(keys))
        return out

    on_host = partial(jax.pure_callback, make, result, vmap_method="expand_dims")
    by_handler = native.computation(distribution, result) if backend == "c" and seed_of is seed_of_words else None
    in_place = by_handler or _in_place(write, result)
    return on_host if in_place is None else partial(jax.lax.platform_dependent, cpu=in_place, default=on_host)


def _in_place(write: Callable[[np.ndarray, np.ndarray], None], result: jax.ShapeDtypeStruct) -> Callable | None:
    """The computation that has `write` fill XLA's own buffer, on a CPU. None where this JAX is too old for it."""
    try:
        from jax.experimental.buffer_callback import buffer_callback
    except ImportError:
        return None
    return buffer_callback(
        lambda context, out, keys: write(np.asarray(out), np.asarray(keys)), result, vmap_method="expand_dims"
    )


def _named(sharding: Any, get_mesh: str) -> Sharding | None:
    """With the mesh of the context, by that function of `jax.sharding`, where a PartitionSpec leaves it open."""
    if sharding is None or isinstance(sharding, Sharding):
        return sharding
    if not isinstance(sharding, PartitionSpec):
        raise TypeError(f"out_sharding must be a Sharding, a PartitionSpec or None, got {sharding!r}")
    mesh = _mesh(get_mesh)
    if mesh is None:
        raise ValueError(f"out_sharding={sharding} needs a mesh: pass a NamedSharding, or use jax.set_mesh")
    return NamedSharding(mesh, sharding)


def _mesh(get_mesh: str) -> Any:
    """That of the context, if there is one. JAX 0.6 and older have none."""
    try:
        mesh = getattr(jax.sharding, get_mesh)() if hasattr(jax.sharding, get_mesh) else None
    except ValueError:  # "can only be used outside of jit", or of vmap
        return None
    return None if mesh is None or mesh.empty else mesh


def _placed(array: jax.Array, sharding: Sharding | None) -> jax.Array:
    if sharding is None:
        return array
    return (jax.sharding.reshard if _is_explicit(sharding) else jax.lax.with_sharding_constraint)(array, sharding)


def _is_explicit(sharding: Sharding) -> bool:
    """Whether the mesh's axes are part of types, which older JAX has not."""
    axis_types = sharding.mesh.axis_types if isinstance(sharding, NamedSharding) and hasattr(jax.sharding, "reshard") else ()
    return any(kind == jax.sharding.AxisType.Explicit for kind in axis_types)
