"""Flax models, linen's and nnx's, take the initializers wherever they call one."""

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("flax.nnx")

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import nnx

import fastinit
import fastinit.jax

INIT = fastinit.jax.he_normal()
X = jnp.ones((2, 8))


def same(left, right):
    """Whether two trees of arrays are the same in every bit."""
    left, right = ([np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)] for tree in (left, right))
    return left == right


class Recorded:
    """An initializer that remembers the keys it was given."""

    def __init__(self):
        self.keys = []

    def __call__(self, key, shape, dtype=None):
        self.keys.append(key)
        return INIT(key, shape, dtype)


def test_linen_gives_numpys_values_for_the_key_it_passes():
    recorded = Recorded()
    kernel = nn.Dense(4, kernel_init=recorded).init(jax.random.key(0), X)["params"]["kernel"]
    expected = fastinit.he_normal((8, 4), seed=fastinit.jax.seed_of(recorded.keys[0]), convention="jax")
    assert same(kernel, expected)


def test_linens_init_under_jit_is_the_eager_one():
    model = nn.Sequential([nn.Dense(4, kernel_init=INIT), nn.Dense(3, kernel_init=INIT, param_dtype=jnp.bfloat16)])
    assert same(jax.jit(model.init)(jax.random.key(0), X), model.init(jax.random.key(0), X))


def test_linens_apply_checks_shapes_without_filling():
    model = nn.Dense(4, kernel_init=INIT)
    variables = model.init(jax.random.key(0), X)
    np.testing.assert_allclose(model.apply(variables, X), X @ variables["params"]["kernel"], rtol=1e-6)


class Layer(nn.Module):
    kernel_init: Callable

    @nn.compact
    def __call__(self, x, _):
        return nn.Dense(8, kernel_init=self.kernel_init)(x), None


def scanned_kernels(kernel_init, jitted=False):
    model = nn.scan(Layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)(kernel_init)
    init = jax.jit(model.init) if jitted else model.init
    return np.asarray(init(jax.random.key(0), X, None)["params"]["Dense_0"]["kernel"])


@pytest.mark.parametrize("jitted", [False, True])
def test_layers_of_linens_scan_are_those_of_a_loop_over_its_keys(jitted):
    words = scanned_kernels(as_words).view(np.uint32)[:, 0, :2]
    expected = np.stack([INIT(word, (8, 8)) for word in words])
    assert same(scanned_kernels(INIT, jitted), expected) and not same(expected[0], expected[1])


def as_words(key, shape, dtype):
    """A "kernel" whose first two elements are the bits of the key."""
    words = jax.lax.bitcast_convert_type(jax.random.key_data(key), jnp.float32)
    return jnp.zeros(shape, dtype).at[0, :2].set(words)


class Net(nnx.Module):
    def __init__(self, rngs):
        self.dense = nnx.Linear(8, 4, kernel_init=INIT, rngs=rngs)
        self.conv = nnx.Conv(3, 5, (3, 3), kernel_init=INIT, param_dtype=jnp.bfloat16, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(2, 8, kernel_init=fastinit.jax.orthogonal(), decode=False, rngs=rngs)
        self.embed = nnx.Embed(7, 8, embedding_init=fastinit.jax.normal(0.02), rngs=rngs)


def state(net):
    return nnx.state(net, nnx.Param)


def test_nnx_jit_is_eager():
    assert same(state(nnx.jit(lambda: Net(nnx.Rngs(0)))()), state(Net(nnx.Rngs(0))))


def test_nnx_vmap_is_the_loop():
    def make(key):
        return nnx.Linear(8, 4, kernel_init=INIT, rngs=nnx.Rngs(key))

    keys = jax.random.split(jax.random.key(5), 3)
    kernels = nnx.vmap(make)(keys).kernel[...]
    assert same(kernels, np.stack([make(key).kernel[...] for key in keys]))


def test_nnx_eval_shape_gives_the_shapes():
    net = nnx.eval_shape(lambda: Net(nnx.Rngs(0)))
    assert net.dense.kernel.shape == (8, 4) and net.conv.kernel.dtype == jnp.bfloat16


def test_an_nnx_model_made_again_under_jit_is_not_traced_again():
    traces = []

    @nnx.jit
    def forward(model, x):
        traces.append(1)
        return model(x)

    for seed in range(2):
        forward(nnx.Linear(8, 4, kernel_init=fastinit.jax.he_normal(), rngs=nnx.Rngs(seed)), X)
    assert len(traces) == 1
