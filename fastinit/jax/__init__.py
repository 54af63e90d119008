"""JAX and Flax: initializers under the names and arguments of `jax.nn.initializers`, and sharded models filled by name.

A factory's initializer is called `init(key, shape, dtype=None, out_sharding=None)`, eagerly or under any of JAX's
transformations, and gives the same values each way: those of fastinit's NumPy function of the same name, with
`convention="jax"` and `seed=fastinit.jax.seed_of(key)`. `zeros`, `ones` and `constant` draw nothing and are JAX's own,
which also draws complex numbers.

>>> import jax, jax.numpy as jnp, fastinit.jax
>>> weight = fastinit.jax.he_normal()(jax.random.key(0), (256, 128), jnp.bfloat16)
>>> weight.shape, weight.dtype.name
((256, 128), 'bfloat16')
"""

try:
    import jax  # noqa: F401
except ModuleNotFoundError as error:
    if (error.name or "jax").partition(".")[0] not in ("jax", "jaxlib"):  # no name: JAX's own word on a missing jaxlib
        raise
    from fastinit.runtime.installation import install_hint

    raise ImportError(f"fastinit.jax needs JAX: {install_hint('jax')}") from None

from fastinit.jax import initializers
from fastinit.jax.auditing import audit
from fastinit.jax.initializers import *  # noqa: F403  # the names of its __all__
from fastinit.jax.keys import seed_of
from fastinit.jax.sharded import init_sharded

__all__ = ["audit", "init_sharded", "seed_of"]
__all__ += initializers.__all__
