"""`fastinit.keras.audit` measures a model's variables against its layers' initializers, Keras' own too."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import random
from contextlib import nullcontext

import numpy as np
import pytest

pytest.importorskip("keras")

import keras

import fastinit
import fastinit.keras

layers = keras.layers


def a_model(**options):
    inputs = keras.Input((8, 16))
    hidden = layers.MultiHeadAttention(2, 16, name="attention")(inputs, inputs)
    hidden = layers.SeparableConv1D(32, 3, name="separable")(hidden)
    hidden = layers.BatchNormalization()(layers.LSTM(24, name="lstm")(hidden))
    return keras.Model(inputs, layers.Dense(200, name="dense", **options)(layers.Dropout(0.1)(hidden)))


@pytest.mark.parametrize("within", [fastinit.keras.accelerate, nullcontext], ids=["fastinit's", "Keras' own"])
def test_a_model_passes_as_it_was_built(within):
    keras.utils.set_random_seed(0)
    with within():
        report = fastinit.keras.audit(a_model())
    assert report.findings == ()
    expected = {row.name: row.distribution for row in report.tensors}
    assert expected["dense/kernel"].startswith("Uniform") and expected["attention/query/kernel"].startswith("Uniform")
    assert expected["separable/depthwise_kernel"].startswith("Uniform")
    assert expected["lstm/lstm_cell/recurrent_kernel"].startswith("Orthogonal")
    assert expected["lstm/lstm_cell/bias"] is None, "it has ones for the forget gate"
    assert not any("seed_generator" in name for name in expected)


def test_what_is_wrong_is_found_by_the_path():
    keras.utils.set_random_seed(0)
    model = a_model(kernel_initializer="he_normal")
    kernel = next(variable for variable in model.variables if variable.path == "dense/kernel")
    kernel.assign(keras.ops.convert_to_numpy(kernel.value) * 0.9)
    assert [(f.name, f.kind) for f in fastinit.keras.audit(model).findings] == [("dense/kernel", "std")]


def test_auditing_leaves_pythons_random_numbers_alone():
    model = a_model()
    random.seed(5)
    before = random.getstate()
    fastinit.keras.audit(model)
    assert random.getstate() == before


@pytest.mark.parametrize("expected", ["he_normal", fastinit.keras.HeNormal(), keras.initializers.HeNormal()])
def test_expectations_may_be_given(expected):
    keras.utils.set_random_seed(0)
    layer = layers.Dense(200, kernel_initializer=fastinit.keras.HeNormal(seed=1), name="d")
    layer.build((None, 100))
    expected = {"d/kernel": fastinit.initializers.HeNormal(convention="keras") if expected == "he_normal" else expected}
    assert fastinit.keras.audit(layer, expected).ok
    assert not fastinit.keras.audit(layer, {"d/kernel": keras.initializers.RandomNormal(stddev=1.0)}).ok


def test_an_array_as_a_constant_is_not_compared():
    layer = layers.Dense(3, kernel_initializer=fastinit.keras.Constant(np.arange(3.0)), name="d")
    layer.build((None, 2))
    assert fastinit.keras.audit(layer).ok


@pytest.mark.parametrize(
    ("make", "expected", "error", "message"),
    [
        (lambda: {"w": np.ones(3)}, None, TypeError, "model must be a Keras model or layer, got dict"),
        (lambda: layers.Dense(3, name="d"), None, ValueError, "model 'd' has no variables: build it first"),
        (a_model, ["he_normal"], TypeError, "expected must be a mapping from paths to initializers, got list"),
        (a_model, {"dense/kernel": 3}, TypeError, r"expected\['dense/kernel'\] must be a name, an initializer"),
    ],
)
def test_what_cannot_be_audited_is_refused(make, expected, error, message):
    with pytest.raises(error, match=message):
        fastinit.keras.audit(make(), expected)
