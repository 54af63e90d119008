"""JAX and Flax: initializers under the names and arguments of `jax.nn.initializers`, and sharded models filled by name.

    fastinit.jax.he_normal()(jax.random.key(0), (256, 128), jnp.bfloat16)

A factory's initializer is called `init(key, shape, dtype=None, out_sharding=None)`, eagerly or under any of JAX's
transformations, and gives the same values each way: those of fastinit's NumPy function of the same name, in JAX's convention,
for `seed=fastinit.jax.seed_of(key)`. `zeros`, `ones` and `constant` draw nothing and are JAX's own.
"""

try:
    from jax.nn.initializers import constant, ones, zeros
except ModuleNotFoundError as error:
    if (error.name or "jax").partition(".")[0] not in ("jax", "jaxlib"):  # no name: JAX's own word on a missing jaxlib
        raise
    raise ImportError("fastinit.jax needs JAX: pip install 'fastinit[jax]'") from None

from fastinit.jax.initializers import (
    JaxInitializer,
    delta_orthogonal,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    initializer,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    ones_init,
    orthogonal,
    truncated_normal,
    uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
    zeros_init,
)
from fastinit.jax.keys import seed_of
from fastinit.jax.sharded import init_sharded

__all__ = [
    "JaxInitializer",
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "init_sharded",
    "initializer",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "ones_init",
    "orthogonal",
    "seed_of",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
    "zeros_init",
]
