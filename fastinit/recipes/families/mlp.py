"""A multilayer perceptron: names and shapes of its tensors, as `torch.nn.Sequential` has them, and their distributions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from fastinit.initializers import HeNormal, XavierUniform, Zeros
from fastinit.recipes.families.building import Model, Recipe, linear


def model(widths: Sequence[int]) -> Model:
    """`self.layers = torch.nn.Sequential(Linear, ReLU, Linear, ..., Linear)`.

    He normal before a ReLU (He et al. 2015, eq. 10), Xavier uniform for the last layer (Glorot and Bengio 2010, eq. 16),
    biases 0. `widths` are those of the input, of each hidden layer and of the output: (784, 512, 256, 10).
    """
    # A ReLU stands between two linear layers and takes a number of its own, so these have the even ones.
    names = [f"layers.{2 * i}" for i in range(len(widths) - 1)]
    tensors = tuple(
        tensor
        for name, (fan_in, fan_out) in zip(names, pairwise(widths), strict=True)
        for tensor in linear(name, fan_in, fan_out)
    )
    recipe = Recipe((
        (f"{names[-1]}.weight", XavierUniform(convention="torch")),
        ("*.weight", HeNormal(convention="torch")),
        ("*.bias", Zeros()),
    ))  # fmt: skip
    return Model(tensors, recipe)


MODELS = {"mlp": partial(model, widths=(784, 512, 256, 10))}
