"""Whole models on a mesh: each device's part of each tensor filled where it is, by the tensor's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding
from jax.tree_util import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey, tree_flatten_with_path
from numpy.random import SeedSequence

from fastinit.core.stream import stream_of
from fastinit.jax.arrays import on_device, sharded
from fastinit.jax.keys import is_key, seed_of
from fastinit.recipes import Recipe

_TEXT_OF = {DictKey: "key", FlattenedIndexKey: "key", GetAttrKey: "name", SequenceKey: "idx"}

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastinit.recipes.plan import PlannedTensor
    from fastinit.runtime.types import Seed

    Path: TypeAlias = tuple[Any, ...]  # of a leaf in a pytree


def init_sharded(
    abstract_model: Any, mesh_or_shardings: Mesh | Sharding | Any, recipe: Recipe, seed: Seed | jax.Array = 0
) -> Any:
    """The model with its tensors filled by a recipe, each device's shard where it lies.

    Values depend on the seed, the tensor's name and its distribution, and not on the mesh: they are those that
    `recipe.materialize` gives a tensor of this name, shape and dtype.

    - `abstract_model`: a pytree whose leaves have a shape and a dtype: the state of an abstract nnx model, or linen's
      variables from `jax.eval_shape(model.init, ...)`. A leaf's name is its path with dots, "layers.0.kernel", without the
      boxes that nnx and linen put around arrays.
    - `mesh_or_shardings`: a Mesh, on which a tensor lies as the annotations of nnx and linen or the leaf's own sharding say,
      else on every device in full; a Sharding for all; or a tree like the model, of Shardings.
    - `recipe`: a `fastinit.recipes.Recipe` for these names. What it skips is returned as it is, abstract. Tensors that it
      ties get equal values.
    - `seed`: an int, a SeedSequence, a JAX key (`seed_of`), or None for fresh entropy, in which several processes differ.
      The default is 0: a model made again is the same.

    Returns a tree like `abstract_model`. Whole-tensor distributions, orthogonal ones for instance, take the memory of the
    whole tensor on each host while it is filled. ValueError where the recipe (`Recipe.plan`) or a sharding does not fit the
    model and TypeError for anything but a recipe, before anything is filled.

    >>> import fastinit.jax, jax, jax.numpy as jnp
    >>> abstract = {"kernel": jax.ShapeDtypeStruct((4, 8), jnp.bfloat16), "bias": jax.ShapeDtypeStruct((8,), jnp.float32)}
    >>> recipe = fastinit.Recipe([("kernel", "he_normal"), ("bias", "zeros")])
    >>> model = fastinit.jax.init_sharded(abstract, jax.make_mesh((1,), ("data",)), recipe)
    >>> jax.tree.map(lambda array: (array.shape, array.dtype.name), model)
    {'bias': ((8,), 'float32'), 'kernel': ((4, 8), 'bfloat16')}
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a fastinit.recipes.Recipe, got {recipe!r}")
    tensors, tree = by_name(abstract_model, "abstract_model"), jax.tree.structure(abstract_model)
    plan, shardings = recipe.plan(tensors), _shardings(abstract_model, tensors, mesh_or_shardings)
    for planned, sharding in zip(plan, shardings):
        if planned.action != "skip":
            _check_no_key(planned.name, tensors[planned.name])
            _check_fits(planned.name, planned.spec.shape, sharding)
    sequence = _sequence(seed)
    made = [
        tensor if planned.action == "skip" else _filled(plan[planned.stream_name], tensor, sequence, sharding)
        for planned, tensor, sharding in zip(plan, tensors.values(), shardings)
    ]
    return jax.tree.unflatten(tree, made)


def _filled(source: PlannedTensor, tensor: Any, seed: Seed, sharding: Sharding) -> jax.Array:
    """The values planned for `source`, in the dtype of `tensor`, which is that one or tied to it."""
    dtype = jax.dtypes.canonicalize_dtype(tensor.dtype)
    if source.distribution is None or source.value is not None:
        return on_device(np.full(source.spec.shape, source.value, dtype), sharding)
    return sharded(source.distribution, source.spec.shape, stream_of(seed, source.name), dtype, sharding)


def _sequence(seed: Any) -> Seed:
    if is_key(seed):
        return seed_of(seed)
    sequence: Seed = SeedSequence() if seed is None else seed  # one for all tensors
    return sequence


def by_name(model: Any, argument: str) -> dict[str, Any]:
    """The leaves by their names, in the tree's order. ValueError where two are the same: of {"a.b": x, "a": {"b": y}}."""
    leaves, _ = tree_flatten_with_path(model)
    names = [_name(path) for path, _ in leaves]
    if len(set(names)) < len(names):
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        raise ValueError(f"{argument} has several leaves of the same name: {', '.join(twice)}")
    return dict(zip(names, (leaf for _, leaf in leaves)))


def _name(path: Path) -> str:
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
            f"{name!r} is a random key, which no recipe fills: skip it in the recipe, or leave it out of the model by "
            "nnx.split(model, nnx.RngState, ...)"
        )


def _check_fits(name: str, shape: tuple[int, ...], sharding: Sharding) -> None:
    if isinstance(sharding, NamedSharding) and len(sharding.spec) > len(shape):
        raise ValueError(f"the sharding of {name!r}, {sharding.spec}, has more axes than its shape {shape}")
    try:
        sharding.shard_shape(shape)
    except ValueError as error:
        raise ValueError(f"the sharding of {name!r} does not fit: {error}") from None
