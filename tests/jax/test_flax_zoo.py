"""Layers and models of Flax with fastinit's initializers have the distributions that Flax gives them (bench.zoo).

Each test alone is false once in 10^7 runs (bench/zoo/statistical.py).
"""

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("flax.nnx")
pytest.importorskip("torch")
pytest.importorskip("scipy")

import ml_dtypes
import torch

from bench.zoo.examine import examine
from bench.zoo.libraries.flax import factories
from bench.zoo.table import document
from bench.zoo.weights import Weights, tensor_of

FAST = ["linen.Embed", "linen.SelfAttention", "linen.Dense.bfloat16", "nnx.Network"]


def outcome(factory):
    return examine(factory, ["accelerate"])["ways"]["accelerate"]


@pytest.mark.parametrize("name", FAST)
def test_a_handful_of_models_is_as_flax_makes_them(name):
    assert outcome(factories()[name]).get("wrong") == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in factories() if name not in FAST])
def test_a_model_is_as_flax_makes_it(name):
    assert outcome(factories()[name]).get("wrong") == {}


@pytest.mark.parametrize(("change", "found"), [
    (lambda weight: weight, {}),
    (lambda weight: 1.3 * weight, {"weight": "std"}),
    (lambda weight: np.zeros_like(weight), {"weight": "zeros"}),
    (lambda weight: weight.astype(np.float64), {"weight": "dtype"}),
    (lambda weight: weight.T, {"weight": "shape"}),
])  # fmt: skip
def test_a_weight_that_differs_is_found(change, found):
    def build(ours):
        weight = np.random.standard_normal((32, 64)).astype(np.float32)
        return [("weight", change(weight) if ours else weight, True)]

    assert {name: reason.split()[0] for name, reason in outcome(Weights(build))["wrong"].items()} == found


def test_a_weight_that_is_not_trained_is_found():
    wrong = outcome(Weights(lambda ours: [("weight", np.ones(3, np.float32), not ours)]))["wrong"]
    assert wrong == {"weight": "requires_grad False instead of True"}


def test_two_weights_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two weights have the name weight"):
        Weights(lambda ours: [("weight", np.ones(3), True)] * 2)()


def test_arrays_become_tensors_bit_for_bit():
    array = np.array([1.5, -2.0, 3e-3], ml_dtypes.bfloat16)
    assert tensor_of(array).dtype is torch.bfloat16
    assert np.array_equal(tensor_of(array).view(torch.int16).numpy(), array.view(np.int16))


def test_a_document_keeps_the_tables_of_other_packages():
    def results(library, tensors):
        return {library: {"a model": {"tensors": tensors, "ways": {"stock": {"outcome": "right"}}}}}

    jax_only = document(results("jax", 3), ["stock"])
    both = document(results("flax", 5), ["stock"], jax_only)
    again = document(results("flax", 7), ["stock"], both)
    assert both.startswith(jax_only) and "| flax | 1 | 5 |" in both
    assert again == both.replace("| flax | 1 | 5 |", "| flax | 1 | 7 |")
