"""The audit of a model's parameters in JAX: the values of a tree of arrays, by the paths of its leaves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fastinit import auditing
from fastinit.auditing.sources import by_path
from fastinit.jax.initializers import JaxInitializer
from fastinit.jax.sharded import by_name
from fastinit.recipes import Recipe

if TYPE_CHECKING:
    from fastinit.auditing import Report
    from fastinit.initializers.names import InitializerLike
    from fastinit.recipes.plan import Plan


def audit(
    model: Any,
    expected: Mapping[str, InitializerLike | JaxInitializer] | Recipe | Plan | None = None,
    *,
    copies: Mapping[str, str] | None = None,
    computed: Collection[str] = (),
) -> Report:
    """Measure the arrays of a pytree, and say what is wrong with them: see `fastinit.audit`.

    `model`: a pytree of arrays, as linen's variables or the state of an nnx model. A leaf is named as in `init_sharded`, by
    its path with dots, "layers.0.kernel", and read as JAX lays it out, (*kernel, in, out). Random keys are left out.
    `expected`: by name, or nested, what a leaf was filled with, an initializer of this module too; or the recipe or plan of
    the model.
    `copies`, `computed`: as in `fastinit.audit`.

    An array on several processes is a ValueError: audit the shards that each has. Else as `fastinit.audit`.

    >>> import fastinit.jax, jax
    >>> init = fastinit.jax.he_normal()
    >>> params = {"dense": {"kernel": init(jax.random.key(0), (256, 64))}}
    >>> fastinit.jax.audit(params, {"dense.kernel": init}).ok
    True
    """
    leaves = {name: leaf for name, leaf in by_name(model, "model").items() if not _is_key(leaf)}
    arrays = {name: _array(name, leaf) for name, leaf in leaves.items()}
    given: Any = expected.plan(leaves, layout="io") if isinstance(expected, Recipe) else expected
    if isinstance(given, Mapping):
        given = {name: _of_jax(value, leaves.get(name)) for name, value in by_path(given).items()}
    return auditing.audit(arrays, given, layout="io", copies=copies, computed=computed)


def _is_key(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _array(name: str, leaf: Any) -> Any:
    if isinstance(leaf, jax.ShapeDtypeStruct):
        raise ValueError(f"{name} is abstract, and has no values")
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        raise ValueError(f"{name} is on several processes: audit its addressable_shards")
    return np.asarray(leaf)


def _of_jax(value: Any, leaf: Any) -> Any:
    """The distribution of one of this package's initializers for the leaf; what else is given, as it is."""
    if not isinstance(value, JaxInitializer) or leaf is None:
        return value
    shape = tuple(leaf.shape)
    return value.initializer.distribution_for(shape, layout=value.layout_for(shape))
