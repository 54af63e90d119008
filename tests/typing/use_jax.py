"""What users write with JAX, and the types that checkers must see in it."""

import jax
import jax.numpy as jnp
from typing_extensions import assert_type

import fastinit.jax

key = jax.random.key(0)
init = fastinit.jax.he_normal()
assert_type(init, fastinit.jax.JaxInitializer)
assert_type(init(key, (256, 128), jnp.bfloat16), jax.Array)
assert_type(fastinit.jax.variance_scaling(2.0, "fan_in", "truncated_normal"), fastinit.jax.JaxInitializer)
assert_type(fastinit.jax.initializer("spectral"), fastinit.jax.JaxInitializer)
fastinit.he_normal((3, 4), seed=fastinit.jax.seed_of(key), convention="jax")
