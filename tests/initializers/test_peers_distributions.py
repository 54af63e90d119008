"""Under a framework's convention every initializer has that framework's distribution: equal samples are compared.

Kolmogorov-Smirnov with two samples, which of 10^6 values notices a std that is wrong by 2 %, and the variance, to 1 %;
10^5 values unless slow tests are asked for. All tests of one size together have the false-alarm rate of one.
"""

import math
import os

import numpy as np
import pytest
from scipy.stats import ks_2samp

import fastinit
from fastinit.initializers import INITIALIZERS
from tests.thresholds import FALSE_ALARM_RATE, ks_limit

FEW, MANY = 100_000, 1_000_000
SHAPES = {  # of n values in all; a kernel is (out, in, *kernel) to torch
    "matrix": lambda convention, n: (n // 1250, 1250),
    "kernel": lambda convention, n: (n // 2500, 250, 2, 5) if convention == "torch" else (2, 5, 250, n // 2500),
    "tall": lambda convention, n: (n // 100, 100),
    "delta": lambda convention, n: (1, 50, n // 50),  # one tap, else most values are 0
}

# fastinit's name, its parameters, the framework's name, its arguments, the kind of shape
CASES = {
    "torch": [
        ("uniform", {}, "uniform_", {}, "matrix"),
        ("uniform", {"a": -0.5, "b": 2.0}, "uniform_", {"a": -0.5, "b": 2.0}, "matrix"),
        ("normal", {}, "normal_", {}, "matrix"),
        ("normal", {"mean": 1.0, "std": 0.3}, "normal_", {"mean": 1.0, "std": 0.3}, "matrix"),
        ("truncated_normal", {}, "trunc_normal_", {}, "matrix"),
        ("truncated_normal", {"std": 0.02}, "trunc_normal_", {"std": 0.02}, "matrix"),  # bounds in values: hardly truncated
        ("truncated_normal", {"std": 2.0, "a": -1.0, "b": 3.0}, "trunc_normal_",
         {"std": 2.0, "a": -1.0, "b": 3.0}, "matrix"),
        ("xavier_uniform", {}, "xavier_uniform_", {}, "matrix"),
        ("xavier_uniform", {"gain": 5 / 3}, "xavier_uniform_", {"gain": 5 / 3}, "kernel"),
        ("xavier_normal", {}, "xavier_normal_", {}, "kernel"),
        ("he_uniform", {}, "kaiming_uniform_", {}, "kernel"),
        ("he_uniform", {"a": math.sqrt(5)}, "kaiming_uniform_", {"a": math.sqrt(5)}, "matrix"),
        ("he_normal", {}, "kaiming_normal_", {}, "matrix"),
        ("he_normal", {"mode": "fan_out", "nonlinearity": "relu"}, "kaiming_normal_",
         {"mode": "fan_out", "nonlinearity": "relu"}, "kernel"),
        ("he_normal", {"nonlinearity": "tanh"}, "kaiming_normal_", {"nonlinearity": "tanh"}, "kernel"),
        ("orthogonal", {}, "orthogonal_", {}, "tall"),
        ("sparse", {"sparsity": 0.3}, "sparse_", {"sparsity": 0.3}, "matrix"),
    ],
    "keras": [
        ("uniform", {}, "RandomUniform", {}, "matrix"),
        ("normal", {}, "RandomNormal", {}, "matrix"),
        ("truncated_normal", {}, "TruncatedNormal", {}, "matrix"),
        ("truncated_normal", {"mean": 1.0, "stddev": 0.5}, "TruncatedNormal", {"mean": 1.0, "stddev": 0.5}, "matrix"),
        ("xavier_uniform", {}, "GlorotUniform", {}, "kernel"),
        ("xavier_normal", {}, "GlorotNormal", {}, "kernel"),
        ("he_uniform", {}, "HeUniform", {}, "matrix"),
        ("he_normal", {}, "HeNormal", {}, "kernel"),
        ("lecun_uniform", {}, "LecunUniform", {}, "kernel"),
        ("lecun_normal", {}, "LecunNormal", {}, "matrix"),
        ("variance_scaling", {}, "VarianceScaling", {}, "kernel"),
        ("variance_scaling", {"scale": 2.0, "mode": "fan_avg", "distribution": "untruncated_normal"}, "VarianceScaling",
         {"scale": 2.0, "mode": "fan_avg", "distribution": "untruncated_normal"}, "kernel"),
        ("orthogonal", {"gain": 2.0}, "Orthogonal", {"gain": 2.0}, "tall"),
    ],
    "jax": [
        ("uniform", {}, "uniform", {}, "matrix"),
        ("normal", {}, "normal", {}, "matrix"),
        ("truncated_normal", {}, "truncated_normal", {}, "matrix"),
        ("truncated_normal", {"stddev": 2.0, "lower": -1.0, "upper": 3.0}, "truncated_normal",
         {"stddev": 2.0, "lower": -1.0, "upper": 3.0}, "matrix"),
        ("xavier_uniform", {}, "glorot_uniform", {}, "kernel"),
        ("xavier_normal", {}, "glorot_normal", {}, "kernel"),
        ("he_uniform", {}, "he_uniform", {}, "matrix"),
        ("he_normal", {}, "he_normal", {}, "kernel"),
        ("lecun_uniform", {}, "lecun_uniform", {}, "kernel"),
        ("lecun_normal", {}, "lecun_normal", {}, "matrix"),
        *(("variance_scaling", {"scale": 3.0, "mode": mode, "distribution": distribution}, "variance_scaling",
           {"scale": 3.0, "mode": mode, "distribution": distribution}, "kernel")
          for mode, distribution in (("fan_in", "truncated_normal"), ("fan_geo_avg", "normal"), ("fan_out", "uniform"))),
        ("orthogonal", {}, "orthogonal", {}, "tall"),
        ("delta_orthogonal", {}, "delta_orthogonal", {}, "delta"),
    ],
}  # fmt: skip
RATE = FALSE_ALARM_RATE / sum(map(len, CASES.values()))


def drawn_by_torch(name, arguments, shape):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return getattr(torch.nn.init, name)(torch.empty(shape), **arguments).numpy()


def drawn_by_keras(name, arguments, shape):
    os.environ.setdefault("KERAS_BACKEND", "jax")  # TensorFlow, its default, need not be there
    keras = pytest.importorskip("keras")
    initializer = getattr(keras.initializers, name)(**arguments, seed=0)
    return np.asarray(keras.ops.convert_to_numpy(initializer(shape, dtype="float32")))


def drawn_by_jax(name, arguments, shape):
    jax = pytest.importorskip("jax")
    return np.asarray(getattr(jax.nn.initializers, name)(**arguments)(jax.random.key(0), shape))


DRAWN = {"torch": drawn_by_torch, "keras": drawn_by_keras, "jax": drawn_by_jax}


@pytest.mark.parametrize("n", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("convention", "name", "parameters", "their_name", "arguments", "kind"),
    [
        pytest.param(convention, *case, id=f"{convention}-{case[2]}-{'-'.join(map(str, case[3].values()))}")
        for convention, cases in CASES.items()
        for case in cases
    ],
)
def test_an_initializer_has_the_distribution_of_its_framework(convention, name, parameters, their_name, arguments, kind, n):
    shape = SHAPES[kind](convention, n)
    theirs = DRAWN[convention](their_name, arguments, shape)
    if "convention" in INITIALIZERS[name].__signature__.parameters:
        parameters = {**parameters, "convention": convention}
    ours = fastinit.get(name, **parameters)(shape, seed=1, name=f"{convention} {their_name} {arguments}")
    assert ours.size == theirs.size == n
    found, limit = ks_2samp(ours.ravel(), theirs.ravel(), method="asymp").statistic, ks_limit(n, n, rate=RATE)
    variances = [values.var(dtype=np.float64) for values in (ours, theirs)]
    print(f"{convention} {their_name}: KS {found:.3g} of {limit:.3g}, variances' ratio {variances[0] / variances[1]:.5f}")
    assert found < limit
    assert variances[0] == pytest.approx(variances[1], rel=0.01 * math.sqrt(MANY / n))  # of 10^6 normals 5 standard errors


@pytest.mark.parametrize(("convention", "std"), [("torch", 1.0), ("keras", 0.05), ("jax", 0.01)])
def test_a_truncated_normal_reaches_its_bounds_and_no_further(convention, std):
    """Kolmogorov-Smirnov does not see one value in a million outside."""
    ours = fastinit.truncated_normal((MANY,), convention=convention, seed=0)
    assert 1.99 * std < np.abs(ours).max() <= np.float32(2 * std)
