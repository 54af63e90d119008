"""Models of keras.applications have, within `accelerate`, the distributions that Keras gives them (bench.zoo).

Each test alone is false once in 10^7 runs (bench/zoo/statistical.py). test_keras_backends.py runs this on every backend.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import pytest

pytest.importorskip("keras")
pytest.importorskip("torch")
pytest.importorskip("scipy")

import keras

from bench.zoo.examine import examine
from bench.zoo.libraries.applications import LAYERS, TOO_LARGE, factories

MODELS = [name for name in factories() if name not in TOO_LARGE]
FAST = ["layers.MultiHeadAttention", "layers.Embedding"]
if keras.backend.backend() != "jax":  # which compiles a draw for each shape, a minute in all
    FAST.append("MobileNetV3Small")


def outcome(name):
    result = examine(factories()[name], ["accelerate"])
    if "cannot be built" in result:
        pytest.skip(result["cannot be built"])
    assert result["random"] > 0
    return result["ways"]["accelerate"]


@pytest.mark.parametrize("name", FAST)
def test_a_handful_of_models_is_as_keras_makes_them(name):
    assert outcome(name)["wrong"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if name not in FAST])
def test_a_model_is_as_keras_makes_it(name):
    assert outcome(name)["wrong"] == {}


def test_within_accelerate_nothing_of_a_model_is_drawn_by_keras(monkeypatch):
    keras_random = sys.modules[keras.initializers.HeNormal.__module__].random
    for name in ("normal", "truncated_normal", "uniform"):
        monkeypatch.setattr(keras_random, name, None)
    factory = factories()["MobileNetV3Small"]
    assert len(factory.accelerated()) > 100
    with pytest.raises(TypeError, match="not callable"):
        factory()


def test_layers_and_applications_are_found():
    assert {"MobileNetV3Small", "ResNet50", "EfficientNetB0", *(f"layers.{name}" for name in LAYERS)} <= set(MODELS)
