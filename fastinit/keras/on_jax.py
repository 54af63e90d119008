"""JAX arrays for Keras: the memory that was filled, each device's shard of it, or in traced code the host's fill to come."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import NamedSharding, Sharding

from fastinit.jax.arrays import element_dtype, filled, on_device, sharded, traced
from fastinit.keras.tensors import Request


def tensor(request: Request, layout: Any) -> jax.Array:
    distribution, shape, dtype, next_source = request
    sharding, element = None if layout is None else _sharding(layout), element_dtype(dtype)
    if isinstance(_traced_in_traced_code(np.uint32(0)), Tracer):
        source = next_source()
        return traced(distribution, shape, _traced_in_traced_code(source.words), element, source.stream_of, sharding)
    if sharding is None:
        return on_device(filled(distribution, shape, next_source().stream(), element))
    # Keras makes the axes of an abstract mesh explicit, but does not lay out generators' states on it
    with jax.set_mesh(jax.sharding.get_mesh()) if _is_abstract(sharding) else nullcontext():
        return sharded(distribution, shape, next_source().stream(), element, _on_devices(sharding))


def placed(tensor: jax.Array, layout: Any) -> jax.Array:
    """The same tensor with this layout."""
    return on_device(tensor, _on_devices(_sharding(layout)))


def _traced_in_traced_code(words: Any) -> jax.Array:
    return jnp.bitwise_or(words, np.uint32(0))


def _sharding(layout: Any) -> Sharding:
    sharding = getattr(layout, "backend_layout", layout)
    if not isinstance(sharding, Sharding):
        raise TypeError(f"layout must be a keras.distribution.TensorLayout, a jax.sharding.Sharding or None, got {layout!r}")
    return sharding


def _is_abstract(sharding: Sharding) -> TypeGuard[NamedSharding]:
    return isinstance(sharding, NamedSharding) and isinstance(sharding.mesh, jax.sharding.AbstractMesh)


def _on_devices(sharding: Sharding) -> Sharding:
    """With the devices of the mesh in use, where Keras leaves them open (`JaxVariable._initialize_with_initializer`)."""
    return NamedSharding(jax.sharding.get_mesh(), sharding.spec) if _is_abstract(sharding) else sharding
