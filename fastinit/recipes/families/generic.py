"""A recipe for models of which nothing is known but names and shapes."""

from __future__ import annotations

from fastinit.initializers import Normal, Ones, Zeros
from fastinit.recipes.families.building import Recipe, Rule


def generic(std: float = 0.02) -> Recipe:
    """Any model: biases 0, other vectors (the scales of norms) and the scales of quantized weights 1, matrices N(0, std).

    Source: what transformers falls back on, `PreTrainedModel._init_weights`.

    >>> from fastinit import recipes
    >>> print(recipes.generic().plan({"a.weight": (64, 64), "a.bias": (64,), "norm.weight": (64,)}))
    tensor       shape     action  values
    a.weight     (64, 64)  draw    Normal(std=0.02)
    a.bias       (64,)     draw    Constant(0.0)
    norm.weight  (64,)     draw    Constant(1.0)
    3 tensors: 3 draw
    """
    return Recipe((
        Rule("*bias", Zeros(), optional=True),
        Rule("*running_mean", Zeros(), optional=True),
        Rule("*num_batches_tracked", Zeros(), optional=True),
        Rule("*_scale", Ones(), optional=True),
        Rule("*_scale_inv", Ones(), optional=True),
        Rule("*", Ones(), ndim=0, optional=True),
        Rule("*", Ones(), ndim=1, optional=True),
        Rule("*", Normal(0.0, std), optional=True),
    ))  # fmt: skip
