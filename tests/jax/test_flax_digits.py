"""Flax models train as well as with JAX's own initializers."""

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("flax.linen")

import jax
import jax.numpy as jnp
from flax import linen as nn
from scipy.stats import mannwhitneyu

import fastinit.jax


def test_models_train_as_well_on_digits_as_with_jaxs_initializers():
    """Accuracies over 20 fixed seeds: Mann-Whitney p > 0.01, as 99 of 100 draws of seeds would have it of equal ones."""
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    x, y = jnp.asarray(digits.data[order] / 16, jnp.float32), jnp.asarray(digits.target[order])
    accuracies = [trained(of, x[:500], y[:500], x[500:], y[500:]) for of in (fastinit.jax, jax.nn.initializers)]
    assert min(map(np.median, accuracies)) > 0.85
    assert mannwhitneyu(*accuracies).pvalue > 0.01


def trained(initializers, x, y, x_test, y_test):
    """Accuracies on the test data of 20 models after 60 steps of gradient descent with momentum, by seed."""
    hidden, last = initializers.he_normal(), initializers.lecun_normal()
    model = nn.Sequential([
        nn.Dense(64, kernel_init=hidden), nn.relu, nn.Dense(64, kernel_init=hidden), nn.relu, nn.Dense(10, kernel_init=last)
    ])  # fmt: skip

    def loss(variables):
        return -jnp.take_along_axis(nn.log_softmax(model.apply(variables, x)), y[:, None], axis=1).mean()

    def step(carry, _):
        variables, velocity = carry
        velocity = jax.tree.map(lambda v, g: 0.9 * v - 0.05 * g, velocity, jax.grad(loss)(variables))
        return (jax.tree.map(jnp.add, variables, velocity), velocity), None

    def accuracy(key):
        variables = model.init(key, x[:1])
        (variables, _), _ = jax.lax.scan(step, (variables, jax.tree.map(jnp.zeros_like, variables)), length=60)
        return (model.apply(variables, x_test).argmax(axis=1) == y_test).mean()

    return np.asarray(jax.jit(jax.vmap(accuracy))(jax.random.split(jax.random.key(20), 20)))
