"""From a JAX key to the seed of a stream."""

from __future__ import annotations

from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.random import SeedSequence

from fastinit.core.stream import Stream, stream_of
from fastinit.runtime.types import Array

JAX = int.from_bytes(b"jax", "big")


def seed_of(key: jax.Array) -> SeedSequence:
    """The seed with which fastinit's NumPy functions give the values that the initializers here give for `key`.

    It is `SeedSequence(words, spawn_key=(0x6A6178, n))`, n being the number of the key's words, `jax.random.key_data(key)`,
    and 0x6A6178 "jax" in ASCII: every word counts, and no int and no tensor's name gives the same seed. Keys of the same
    words are the same key, typed or not, whatever generator they are for.
    `key`: a typed key (`jax.random.key`) of any implementation, or the uint32 words of an old one (`jax.random.PRNGKey`);
    TypeError or ValueError for anything else, and for a key whose value is not known because it is traced.

    >>> import fastinit.jax, jax, numpy as np
    >>> key = jax.random.key(0)
    >>> weight = fastinit.he_normal((256, 128), seed=fastinit.jax.seed_of(key), convention="jax")
    >>> np.array_equal(weight, fastinit.jax.he_normal()(key, (256, 128)))
    True
    """
    words = key_words(key)
    if isinstance(words, Tracer):
        raise TypeError("key is traced, so its value is not known here: call seed_of outside of jit and vmap")
    return seed_of_words(np.asarray(words))


def seed_of_words(words: Array) -> SeedSequence:
    """As `seed_of`, of the key's words."""
    return SeedSequence(words.reshape(-1).tolist(), spawn_key=(JAX, words.size))


def stream_of_words(words: Array) -> Stream:
    """The stream of the values for the key of these words."""
    return stream_of(seed_of_words(words))


def is_key(value: Any) -> TypeGuard[jax.Array]:
    """Whether the value is an array of typed keys or, as old keys are, of uint32; a scalar of uint32 is a number."""
    dtype = getattr(value, "dtype", None)
    return dtype is not None and (jnp.issubdtype(dtype, jax.dtypes.prng_key) or (dtype == np.uint32 and value.ndim > 0))


def key_words(key: Any) -> jax.Array:
    """The words of one key, uint32; traced where the key or the code around it is."""
    if not is_key(key):
        raise TypeError(f"key must be made by jax.random.key or PRNGKey, got {key!r}")
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        if key.ndim != 1:
            raise ValueError(f"key must be one key, got an array of shape {key.shape}: use jax.vmap for several")
        key = jax.random.wrap_key_data(key)  # what is wrapped and unwrapped in traced code is traced, constants too
    if key.ndim:
        raise ValueError(f"key must be one key, got {key.shape} keys: use jax.vmap for several")
    return jax.random.key_data(key)
