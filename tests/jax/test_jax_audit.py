"""`fastinit.jax.audit` measures the leaves of a pytree by their names, against initializers, recipes and plans."""

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

import fastinit
import fastinit.jax

EXPECTED = {"layers.0.kernel": fastinit.jax.he_normal(), "layers.0.bias": "zeros", "layers.1": fastinit.jax.orthogonal()}
RECIPE = fastinit.Recipe([("*.kernel", "he_normal", {"convention": "jax"}), ("*.bias", "zeros"), ("*", "orthogonal")])


def params(factor=1.0):
    first, second = jax.random.split(jax.random.key(0))
    dense = {"kernel": factor * fastinit.jax.he_normal()(first, (256, 64)), "bias": jnp.zeros(64)}
    return {"layers": [dense, fastinit.jax.orthogonal()(second, (64, 32), jnp.bfloat16)], "key": jax.random.key(1)}


@pytest.mark.parametrize("expected", [None, EXPECTED, RECIPE], ids=["none", "initializers", "recipe"])
def test_right_parameters_pass(expected):
    report = fastinit.jax.audit(params(), expected)
    assert report.findings == ()
    assert [row.name for row in report.tensors] == ["layers.0.bias", "layers.0.kernel", "layers.1"]


@pytest.mark.parametrize("expected", [EXPECTED, RECIPE], ids=["initializers", "recipe"])
def test_wrong_parameters_are_found(expected):
    report = fastinit.jax.audit(params(2.0), expected)
    assert [(finding.name, finding.kind) for finding in report.findings] == [
        ("layers.0.kernel", "std"),
        ("layers.0.kernel", "outside"),
    ]


def test_axes_of_an_initializer_are_read_as_it_reads_them():
    init = fastinit.jax.he_normal(in_axis=0, out_axis=1)
    values = {"w": fastinit.jax.he_normal(in_axis=0, out_axis=1)(jax.random.key(0), (40, 300, 8))}
    assert fastinit.jax.audit(values, {"w": init}).ok
    assert not fastinit.jax.audit(values, {"w": fastinit.jax.he_normal()}).ok


def test_expectations_may_be_nested():
    assert not fastinit.jax.audit({"a": {"w": jnp.ones((8, 8))}}, {"a": {"w": fastinit.jax.he_normal()}}).ok


def test_linen_and_nnx_are_audited():
    linen, nnx = pytest.importorskip("flax.linen"), pytest.importorskip("flax.nnx")
    variables = linen.Dense(64, kernel_init=fastinit.jax.he_normal()).init(jax.random.key(0), jnp.ones((1, 128)))
    assert fastinit.jax.audit(variables, {"params.kernel": fastinit.jax.he_normal(), "params.bias": "zeros"}).ok
    layer = nnx.Linear(128, 64, kernel_init=fastinit.jax.he_normal(), rngs=nnx.Rngs(0))
    assert not fastinit.jax.audit(nnx.state(layer), {"kernel": fastinit.jax.normal(0.02)}).ok
    assert fastinit.jax.audit(nnx.state(layer), {"kernel": fastinit.jax.he_normal()}).ok


@pytest.mark.parametrize(
    ("model", "expected", "error", "message"),
    [
        ({"w": jax.ShapeDtypeStruct((3,), "float32")}, None, ValueError, "w is abstract, and has no values"),
        ({"a.b": np.ones(3), "a": {"b": np.ones(3)}}, None, ValueError, "model has several leaves of the same name: a.b"),
        ({"w": np.ones(3)}, {"w": jax.nn.initializers.normal()}, TypeError, r"expected\['w'\] must be a name, an "),
        ({"w": np.ones(3)}, [1], TypeError, "expected must be a mapping from names to distributions or initializers"),
        ({}, None, ValueError, "tensors is empty"),
    ],
)
def test_what_cannot_be_audited_is_refused(model, expected, error, message):
    with pytest.raises(error, match=message):
        fastinit.jax.audit(model, expected)
