"""For tensors of which nothing is known but names and shapes."""

from __future__ import annotations

from fastinit.initializers import Normal, Ones, Zeros
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rules import Rule


def generic(std: float = 0.02) -> Recipe:
    """Biases 0, other vectors (the scales of norms) 1, and matrices N(0, std).

    The distribution that transformers falls back on (`PreTrainedModel._init_weights`).
    """
    return Recipe((
        Rule("*bias", Zeros(), optional=True),
        Rule("*running_mean", Zeros(), optional=True),
        Rule("*num_batches_tracked", Zeros(), optional=True),
        Rule("*", Ones(), ndim=0, optional=True),
        Rule("*", Ones(), ndim=1, optional=True),
        Rule("*", Normal(0.0, std), optional=True),
    ))  # fmt: skip
