"""Whole models on a mesh: each device's part of each tensor filled where it is, by the tensor's name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding
from jax.tree_util import DictKey, FlattenedIndexKey, GetAttrKey, KeyPath, SequenceKey, tree_flatten_with_path
from numpy.random import SeedSequence

from fastinit.core.fill import DTYPES
from fastinit.distributions import Distribution
from fastinit.jax.arrays import sharded
from fastinit.jax.keys import is_key, seed_of
from fastinit.recipes import Recipe, check_dtype
from fastinit.recipes.tensors import tensor_specs

_TEXT_OF = {DictKey: "key", FlattenedIndexKey: "key", GetAttrKey: "name", SequenceKey: "idx"}


def init_sharded(abstract_model: Any, mesh_or_shardings: Any, recipe: Recipe, seed: Any = None) -> Any:
    """The model with its tensors made, each device's shard alone, by global index: the values do not depend on the mesh.

        with jax.set_mesh(mesh):
            graph, abstract = nnx.split(nnx.eval_shape(lambda: Model(nnx.Rngs(0))))
        model = nnx.merge(graph, fastinit.jax.init_sharded(abstract, mesh, recipe, seed=0))

    - `abstract_model`: a pytree whose leaves have a shape and a dtype: the state of an abstract nnx model, or linen's
      variables from `jax.eval_shape(model.init, ...)`. A leaf's name is its path with dots, "layers.0.kernel", without the
      boxes that nnx and linen put around arrays. Its values are those that `recipe.materialize` gives a tensor of this name,
      shape and dtype.
    - `mesh_or_shardings`: a Mesh, on which a tensor lies as the annotations of nnx and linen or the leaf's own sharding say,
      else on every device in full; a Sharding for all; or a tree like the model, of Shardings.
    - `recipe`: a `fastinit.recipes.Recipe` for these names. What it leaves alone is returned as it is, abstract. Tensors
      that it ties get equal values.
    - `seed`: an int, a SeedSequence, a JAX key (`seed_of`), or None for fresh entropy, in which several processes differ.

    Returns a tree like `abstract_model`.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a fastinit.recipes.Recipe, got {recipe!r}")
    leaves, tree = tree_flatten_with_path(abstract_model)
    tensors = dict(zip(_names([path for path, _ in leaves]), (leaf for _, leaf in leaves)))
    specs, distributions = tensor_specs(tensors), recipe.distributions(tensors)
    tied = recipe.tied_in(specs)
    shardings = _shardings(abstract_model, tensors, mesh_or_shardings)
    for spec, sharding in zip(specs, shardings):
        distribution = distributions[tied.get(spec.name, spec.name)]
        if distribution is not None:
            _check_no_key(spec.name, tensors[spec.name])
            check_dtype(spec, distribution)
            _check_fits(spec.name, spec.shape, sharding)
    sequence, sources = _sequence(seed), (tied.get(name, name) for name in tensors)
    made = [
        tensor if distributions[source] is None else _made(distributions[source], tensor, sequence, source, sharding)
        for source, tensor, sharding in zip(sources, tensors.values(), shardings)
    ]
    return jax.tree.unflatten(tree, made)


def _made(distribution: Distribution, tensor: Any, seed: Any, name: str, sharding: Sharding) -> jax.Array:
    dtype = jax.dtypes.canonicalize_dtype(tensor.dtype)
    if dtype.name not in DTYPES:  # whole numbers, all the same
        return jax.device_put(np.full(tensor.shape, distribution.value, dtype), sharding)
    return sharded(distribution, tuple(tensor.shape), seed, name, dtype, sharding)


def _sequence(seed: Any) -> SeedSequence | int:
    if is_key(seed):
        return seed_of(seed)
    return SeedSequence() if seed is None else seed  # one for all tensors


def _names(paths: Sequence[KeyPath]) -> list[str]:
    """ValueError where two are the same: of {"a.b": x, "a": {"b": y}}."""
    names = [_name(path) for path in paths]
    if len(set(names)) < len(names):
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        raise ValueError(f"abstract_model has several leaves of the same name: {', '.join(twice)}")
    return names


def _name(path: KeyPath) -> str:
    if path and path[-1] == GetAttrKey("value"):  # of nnx.Variable and linen's Partitioned, the boxes
        path = path[:-1]
    return ".".join(str(getattr(key, _TEXT_OF[type(key)])) for key in path)


def _shardings(model: Any, tensors: dict[str, Any], given: Any) -> list[Sharding]:
    """One for each tensor, in their order."""
    if isinstance(given, Sharding):
        return [given] * len(tensors)
    if isinstance(given, Mesh):
        return [NamedSharding(given, spec) for spec in _specs(model)]
    leaves, _ = tree_flatten_with_path(given, is_leaf=lambda leaf: isinstance(leaf, Sharding))
    by_name = {_name(path): leaf for path, leaf in leaves}
    for name in tensors:
        if not isinstance(by_name.get(name), Sharding):
            raise ValueError(
                f"mesh_or_shardings must be a Mesh, a Sharding, or have a Sharding for each tensor, "
                f"got {by_name.get(name)!r} for {name!r}"
            )
    return [by_name[name] for name in tensors]


def _specs(model: Any) -> Iterable[PartitionSpec]:
    """What annotations say of the model's leaves: linen's of the box around a leaf, nnx's of the leaf's own sharding."""
    for leaf in jax.tree.leaves(model, is_leaf=lambda node: hasattr(node, "get_partition_spec")):
        if hasattr(leaf, "get_partition_spec"):
            yield leaf.get_partition_spec()
        else:
            sharding = getattr(leaf, "sharding", None)
            yield sharding.spec if isinstance(sharding, NamedSharding) else PartitionSpec()


def _check_no_key(name: str, tensor: Any) -> None:
    if jnp.issubdtype(tensor.dtype, jax.dtypes.extended):
        raise ValueError(
            f"{name!r} is a random key, which no recipe fills: freeze it in the recipe, or leave it out of the model by "
            "nnx.split(model, nnx.RngState, ...)"
        )


def _check_fits(name: str, shape: tuple[int, ...], sharding: Sharding) -> None:
    if isinstance(sharding, NamedSharding) and len(sharding.spec) > len(shape):
        raise ValueError(f"the sharding of {name!r}, {sharding.spec}, has more axes than its shape {shape}")
    try:
        sharding.shard_shape(shape)
    except ValueError as error:
        raise ValueError(f"the sharding of {name!r} does not fit: {error}") from None
