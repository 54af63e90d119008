"""JAX arrays for Keras: the memory that was filled, each device's shard of it, or in traced code the host's fill to come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, Sharding

from fastinit.distributions import Distribution
from fastinit.jax.arrays import element_dtype, filled, sharded, traced
from fastinit.keras.seeds import Source


def tensor(
    distribution: Distribution, shape: tuple[int, ...], dtype: str, next_source: Callable[[], Source], layout: Any
) -> jax.Array:
    sharding, element = _sharding(layout), element_dtype(dtype)
    if isinstance(_traced_in_traced_code(np.uint32(0)), jax.core.Tracer):
        source = next_source()
        return traced(distribution, shape, _traced_in_traced_code(source.words), element, source.stream_of, sharding)
    if sharding is None:
        return jax.device_put(filled(distribution, shape, next_source().stream(), None, element))
    if isinstance(getattr(sharding, "mesh", None), jax.sharding.AbstractMesh):
        with jax.set_mesh(jax.sharding.get_mesh()):  # Keras has made its axes explicit: no generator's state is laid out so
            return sharded(distribution, shape, next_source().stream(), None, element, _on_devices(sharding))
    return sharded(distribution, shape, next_source().stream(), None, element, sharding)


def placed(tensor: jax.Array, layout: Any) -> jax.Array:
    return jax.device_put(tensor, _on_devices(_sharding(layout)))


def _traced_in_traced_code(words: Any) -> jax.Array:
    return jnp.bitwise_or(words, np.uint32(0))


def _sharding(layout: Any) -> Sharding | None:
    layout = getattr(layout, "backend_layout", layout)
    if layout is not None and not isinstance(layout, Sharding):
        raise TypeError(f"layout must be a keras.distribution.TensorLayout, a jax.sharding.Sharding or None, got {layout!r}")
    return layout


def _on_devices(sharding: Sharding) -> Sharding:
    """With the devices of the mesh in use, where Keras leaves them open (`JaxVariable._initialize_with_initializer`)."""
    if isinstance(getattr(sharding, "mesh", None), jax.sharding.AbstractMesh):
        return NamedSharding(jax.sharding.get_mesh(), sharding.spec)
    return sharding
