"""A model made on 8 devices has the values that it has on one, and each device fills its own shards only.

The number of devices is fixed when JAX starts, so this file is also a program: it prints what a run on its devices made.
"""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("flax.nnx")

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import nnx
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import fastinit
import fastinit.jax
from fastinit.initializers import Parts, Stacked
from fastinit.jax import arrays
from fastinit.recipes import Recipe, Rule

P = PartitionSpec
ONE = {"a": jax.ShapeDtypeStruct((6, 4), jnp.float32)}
RECIPE = Recipe([
    ("layers.0.kernel", "orthogonal"), ("*.kernel", "he_normal", {"convention": "jax"}), ("*.embedding", "normal"),
    ("*.scale", "ones"), Rule("*.var", "ones", optional=True), ("*", "zeros"),
], allow_unused=True)  # fmt: skip


class Net(nnx.Module):
    def __init__(self, rngs, dtype=jnp.float32):
        over_columns = nnx.with_partitioning(nnx.initializers.lecun_normal(), (None, "model"))
        over_both = nnx.with_partitioning(nnx.initializers.normal(), ("data", "model"))
        self.embed = nnx.Embed(48, 32, embedding_init=over_both, param_dtype=dtype, rngs=rngs)
        self.layers = nnx.List([
            nnx.Linear(32, 32, kernel_init=over_columns, param_dtype=dtype, rngs=rngs) for _ in range(2)
        ])  # fmt: skip
        self.norm = nnx.BatchNorm(32, rngs=rngs)


class Linen(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Dense(32, kernel_init=nn.with_partitioning(nn.initializers.lecun_normal(), (None, "model")))(x)
        return nn.LayerNorm()(nn.Dense(16)(x))


def a_mesh():
    shape = (2, 4) if jax.device_count() == 8 else (1, 1)
    return jax.make_mesh(shape, ("data", "model"), axis_types=(AxisType.Auto,) * 2)


def abstract_net(mesh, dtype=jnp.float32):
    with jax.set_mesh(mesh):
        return nnx.state(nnx.eval_shape(lambda: Net(nnx.Rngs(0), dtype)))


def abstract_linen():
    return jax.eval_shape(Linen().init, jax.random.key(0), jnp.ones((1, 8)))


def by_name(tree):
    """Arrays by what the README calls their name."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    names = (".".join(str(getattr(k, "key", getattr(k, "name", None))) for k in path) for path, _ in leaves)
    return {name.removesuffix(".value"): leaf for name, (_, leaf) in zip(names, leaves)}


CASES = {
    "nnx": lambda mesh: fastinit.jax.init_sharded(abstract_net(mesh), mesh, RECIPE, 5),
    "nnx, bfloat16": lambda mesh: fastinit.jax.init_sharded(abstract_net(mesh, jnp.bfloat16), mesh, RECIPE, 5),
    "linen": lambda mesh: fastinit.jax.init_sharded(abstract_linen(), mesh, RECIPE, 5),
    "one sharding": lambda mesh: fastinit.jax.init_sharded(
        abstract_linen()["params"]["Dense_1"], NamedSharding(mesh, P("model")), Recipe([("*", "normal")]), 5
    ),
    "slabs": lambda mesh: fastinit.jax.init_sharded(
        {"x": jax.ShapeDtypeStruct((8, 16, 32), jnp.float32)},
        NamedSharding(mesh, P("data", None, "model")),
        Recipe([Rule("*", Parts(1, ((0.5, Stacked("he_normal")), (0.5, "orthogonal"))), layout="io")]),
        5,
    ),
    "matrices of a stack": lambda mesh: fastinit.jax.init_sharded(
        {"x": jax.ShapeDtypeStruct((8, 16, 32), jnp.float32)},
        NamedSharding(mesh, P("model")),
        Recipe([("*", Stacked("orthogonal"))]),
        5,
    ),
    "tree of shardings": lambda mesh: fastinit.jax.init_sharded(
        abstract_linen(), nn.get_sharding(abstract_linen(), mesh), RECIPE, 5
    ),
    "seed from a key": lambda mesh: fastinit.jax.init_sharded(abstract_linen(), mesh, RECIPE, jax.random.key(3)),
    "eager out_sharding": lambda mesh: {
        "x": fastinit.jax.he_normal()(jax.random.key(3), (64, 32), jnp.float32, NamedSharding(mesh, P("data", "model")))
    },
    "jit out_sharding": lambda mesh: {
        "x": jax.jit(
            lambda key: fastinit.jax.he_normal()(key, (64, 32), jnp.float32, NamedSharding(mesh, P("data", "model")))
        )(jax.random.key(3))
    },
    "jit out_shardings": lambda mesh: {
        "x": jax.jit(
            lambda key: fastinit.jax.he_normal()(key, (64, 32)), out_shardings=NamedSharding(mesh, P("data", "model"))
        )(jax.random.key(3))
    },
}


def a_layer(rngs):
    """Its kernel annotated for the mesh of the context, as Flax's guide has it."""
    return nnx.Linear(64, 32, kernel_init=nnx.with_partitioning(fastinit.jax.he_normal(), ("data", "model")), rngs=rngs)


def in_context(make, kind=AxisType.Auto):
    """The kernel of the layer that is made in a mesh's context."""
    with jax.set_mesh(jax.make_mesh(a_mesh().axis_sizes, a_mesh().axis_names, axis_types=(kind,) * 2)):
        return {"x": make(nnx.Rngs(3)).kernel[...]}


def over_devices(mesh):
    """A fill on every device at a time, under `jit` and `shard_map`."""
    spec = P(("data", "model"))
    keys = jax.device_put(jax.random.split(jax.random.key(3), 8), NamedSharding(mesh, spec))
    make = jax.vmap(lambda key: fastinit.jax.normal()(key, (300, 1000)))
    return {"x": jax.jit(jax.shard_map(make, mesh=mesh, in_specs=spec, out_specs=spec))(keys)}


CASES |= {
    "annotated layer": lambda mesh: in_context(a_layer),
    "annotated layer, nnx.jit": lambda mesh: in_context(nnx.jit(a_layer)),
    "annotated layer, explicit mesh": lambda mesh: in_context(a_layer, AxisType.Explicit),
    "annotated layer, nnx.jit, explicit mesh": lambda mesh: in_context(nnx.jit(a_layer), AxisType.Explicit),
    "shard_map": over_devices,
}


def refusal():
    """What is said of 6 rows on a mesh's axis of 4 devices."""
    try:
        fastinit.jax.init_sharded(ONE, NamedSharding(a_mesh(), P("model")), Recipe([("*", "normal")]), 0)
    except ValueError as error:
        return str(error)


def report():
    """By case and tensor, a digest of the values, the spec, and the shapes of a shard and of each fill."""
    fills, original = [], arrays.fill

    def recorded(distribution, shape, **options):
        fills.append(options["out"].shape)
        return original(distribution, shape, **options)

    arrays.fill = recorded
    found = {"refused": refusal()}
    for case, make in CASES.items():
        fills.clear()
        made = by_name(make(a_mesh()))
        tensors = {
            name: (
                hashlib.sha256(np.asarray(array).tobytes()).hexdigest(),
                list(array.sharding.spec),
                array.addressable_shards[0].data.shape,
            )
            for name, array in made.items()
        }
        found[case] = {"tensors": tensors, "filled": sum(int(np.prod(shape)) for shape in fills)}
    return found


@cache
def run_on(devices):
    env = {**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    run = subprocess.run([sys.executable, __file__], env=env, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("case", CASES)
def test_values_on_8_devices_are_those_on_one(case):
    one, eight = ({name: digest for name, (digest, _, _) in run_on(devices)[case]["tensors"].items()} for devices in (1, 8))
    assert one == eight


@pytest.mark.parametrize(("case", "name", "spec", "shard"), [
    ("nnx", "embed.embedding", ["data", "model"], [24, 8]),
    ("nnx", "layers.1.kernel", [None, "model"], [32, 8]),
    ("nnx", "layers.1.bias", [], [32]),
    ("linen", "params.Dense_0.kernel", [None, "model"], [8, 8]),
    ("linen", "params.Dense_1.kernel", [], [32, 16]),
    ("one sharding", "kernel", ["model"], [8, 16]),
    ("tree of shardings", "params.Dense_0.kernel", [None, "model"], [8, 8]),
    ("eager out_sharding", "x", ["data", "model"], [32, 8]),
    ("annotated layer", "x", ["data", "model"], [32, 8]),
    ("annotated layer, nnx.jit", "x", ["data", "model"], [32, 8]),
    ("shard_map", "x", [["data", "model"]], [1, 300, 1000]),
])  # fmt: skip
def test_tensors_lie_as_annotated(case, name, spec, shard):
    assert run_on(8)[case]["tensors"][name][1:] == [spec, shard]


@pytest.mark.parametrize("case", ["nnx", "linen", "one sharding", "tree of shardings", "eager out_sharding"])
def test_every_element_is_filled_once_however_many_devices_hold_it(case):
    assert run_on(8)[case]["filled"] == run_on(1)[case]["filled"]


def test_an_annotated_layer_is_the_same_each_way():
    cases = [case for case in CASES if case.startswith("annotated")]
    assert len({run_on(8)[case]["tensors"]["x"][0] for case in cases}) == 1 < len(cases)


def test_an_axis_that_the_mesh_does_not_divide_is_refused():
    assert run_on(8)["refused"].startswith("the sharding of 'a' does not fit: ") and run_on(1)["refused"] is None


def test_values_are_those_of_the_recipe():
    abstract = abstract_net(a_mesh())
    made = by_name(fastinit.jax.init_sharded(abstract, a_mesh(), RECIPE, 5))
    expected = RECIPE.materialize(by_name(abstract), seed=5)
    assert made.keys() == expected.keys()
    assert all(np.array_equal(np.asarray(made[name]), expected[name]) for name in made)


@pytest.mark.parametrize("seed", [7, np.uint32(7), np.random.SeedSequence(7)])
def test_a_seed_is_any_that_fastinit_takes(seed):
    made = fastinit.jax.init_sharded(ONE, a_mesh(), Recipe([("*", "normal")]), seed)
    assert np.array_equal(made["a"], fastinit.normal((6, 4), seed=7, name="a"))


def test_the_model_of_the_state_runs():
    mesh = a_mesh()
    with jax.set_mesh(mesh):
        graph, abstract = nnx.split(nnx.eval_shape(lambda: nnx.Linear(4, 3, rngs=nnx.Rngs(0))))
    recipe = Recipe([("kernel", "he_normal"), ("bias", "ones")])
    model = nnx.merge(graph, fastinit.jax.init_sharded(abstract, mesh, recipe, 1))
    expected = fastinit.he_normal((4, 3), seed=1, name="kernel").sum(axis=0) + 1
    np.testing.assert_allclose(model(jnp.ones((1, 4)))[0], expected, rtol=1e-6)


def test_an_abstract_module_is_filled_as_its_state_is():
    module = nnx.eval_shape(lambda: nnx.Linear(4, 3, rngs=nnx.Rngs(0)))
    recipe = Recipe([("kernel", "he_normal"), ("bias", "ones")])
    made = fastinit.jax.init_sharded(module, a_mesh(), recipe, 1)
    assert np.array_equal(made.kernel[...], fastinit.he_normal((4, 3), seed=1, name="kernel"))


def test_what_the_recipe_skips_stays_abstract():
    recipe = Recipe([("*", "normal")], skip=("*.bias",))
    made = by_name(fastinit.jax.init_sharded(abstract_linen(), a_mesh(), recipe, 0))
    assert isinstance(made["params.Dense_0.bias"], jax.ShapeDtypeStruct)
    assert isinstance(made["params.Dense_0.kernel"], jax.Array)


def test_tied_tensors_have_equal_values():
    abstract = {name: jax.ShapeDtypeStruct((6, 4), jnp.float32) for name in ("wte", "head")}
    made = fastinit.jax.init_sharded(abstract, a_mesh(), Recipe([("wte", "normal")], tied={"head": "wte"}), 0)
    assert np.array_equal(made["head"], fastinit.normal((6, 4), seed=0, name="wte"))
    assert np.array_equal(made["head"], made["wte"])


def test_integers_are_made_of_constants():
    made = fastinit.jax.init_sharded({"count": jax.ShapeDtypeStruct((3,), jnp.int32)}, a_mesh(), Recipe([("*", "ones")]))
    assert made["count"].dtype == jnp.int32 and made["count"].tolist() == [1, 1, 1]


def test_the_seed_is_0_and_none_is_fresh_entropy():
    recipe = Recipe([("*", "normal")])
    default, fresh, other = (fastinit.jax.init_sharded(ONE, a_mesh(), recipe, **o)["a"] for o in ({}, *[{"seed": None}] * 2))
    assert np.array_equal(default, fastinit.normal((6, 4), seed=0, name="a")) and not np.array_equal(fresh, other)


def test_what_a_recipe_skips_needs_no_rule():
    tree = {"a": ONE["a"], "b": ONE["a"]}
    made = fastinit.jax.init_sharded(tree, a_mesh(), Recipe([("a", "ones")], skip=["b"]))
    assert made["b"] is tree["b"] and (made["a"] == 1).all()


@pytest.mark.parametrize(("tree", "where", "recipe", "error", "message"), [
    (ONE, None, [("*", "normal")], TypeError, "recipe must be a fastinit.recipes.Recipe, got"),
    (ONE, None, Recipe([("b", "normal")]), ValueError, "no rule matches tensor 'a'"),
    ({"a": ONE["a"], "b": ONE["a"], "c": ONE["a"]}, None, Recipe([("c", "normal")]), ValueError,
     r"^no rule matches tensor 'a' of shape \(6, 4\), nor 'b' of shape \(6, 4\)$"),
    (ONE, {"b": 1}, Recipe([("*", "normal")]), ValueError, "mesh_or_shardings must be a Mesh, .* got None for 'a'"),
    (ONE, "model", Recipe([("*", "normal")]), ValueError, "mesh_or_shardings must be a Mesh, .* got None for 'a'"),
    ({"a": {"b": ONE["a"]}, "a.b": ONE["a"]}, None, Recipe([("*", "normal")]), ValueError, "several leaves .* name: a.b"),
    ({"n": jax.ShapeDtypeStruct((2,), jnp.int32)}, None, Recipe([("*", "normal")]), ValueError, "'n' has dtype int32"),
    ({"drop": jax.eval_shape(lambda: jax.random.key(0))}, None, Recipe([("*", "zeros")]), ValueError,
     "'drop' is a random key, which no recipe fills: skip it"),
    ({"a": jax.ShapeDtypeStruct((), jnp.float32)}, lambda mesh: NamedSharding(mesh, P("model")), Recipe([("*", "normal")]),
     ValueError, "the sharding of 'a', .*, has more axes than its shape"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(tree, where, recipe, error, message):
    mesh = a_mesh()
    where = mesh if where is None else where(mesh) if callable(where) else where
    with pytest.raises(error, match=message):
        fastinit.jax.init_sharded(tree, where, recipe, 0)


if __name__ == "__main__":
    print(json.dumps(report()))
