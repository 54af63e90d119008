"""A plugin of pytest: what JAX's own tests find in `jax.nn.initializers` is fastinit's."""

import jax

import fastinit.jax

for _name in fastinit.jax.initializers.__all__:
    if hasattr(jax.nn.initializers, _name):
        setattr(jax.nn.initializers, _name, getattr(fastinit.jax, _name))
