"""Projections of self-attention that start as those of trained networks look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastinit import distributions
from fastinit.core.fill import Draws
from fastinit.initializers.base import Structured, function
from fastinit.initializers.layouts import Layout
from fastinit.initializers.weights import Weight, check_finite, check_int_at_least, weight_of


class Part(NamedTuple):
    pair: str  # the parts of a pair are factors of the same matrices
    is_left: bool
    sign: float
    default: float  # of alpha and beta


PARTS = {
    "query": Part("query and key", True, 1.0, 0.7),
    "key": Part("query and key", False, 1.0, 0.7),
    "value": Part("value and output", True, -1.0, 0.4),
    "output": Part("value and output", False, -1.0, 0.4),
}


@dataclass(frozen=True, repr=False)
class MimeticAttention(Structured):
    """Self-attention's projections by the products that trained ones have (Trockman and Kolter 2023).

    With Z normal of variance 1 / width, alpha Z + beta I is U S V^T for each head; of its first singular vectors, as many as
    the head is wide, the query is U sqrt(S) and the key V sqrt(S), (width, head width) each. Likewise alpha Z - beta I, once
    for all heads, gives the value U sqrt(S) and the output sqrt(S) V^T. So key and value product, the closest of that rank.
    `part`: "query", "key", "value" or "output"; `heads` is looked at for the first two. alpha and beta are 0.7 for query and
    key, 0.4 for value and output where not given (the paper's for vision). arXiv 2305.09828.

    Give both parts of a pair the same `seed` and the same `name`, as "layers.0.attention", and the same alpha, beta and
    heads: each draws Z anew from a stream of the pair's. Parts of one fused tensor (`parts`) match as they are. The
    decomposition is LAPACK's, in float64: last bits may differ between machines.
    """

    part: str
    heads: int | None = None
    alpha: float | None = None
    beta: float | None = None

    def check(self) -> None:
        self.check_one_of("part", PARTS)
        if self.heads is not None or self.part in ("query", "key"):
            check_int_at_least(self, "heads", 1)
        for field in ("alpha", "beta"):
            value = getattr(self, field)
            self._set(field, distributions.number(field, PARTS[self.part].default if value is None else value))
            check_finite(self, field)

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        weight = weight_of(shape, layout, "mimetic_attention")
        if weight.kernel:
            raise ValueError(f"shape {shape} has axes of a kernel: mimetic_attention is for matrices")
        width, inner, heads = self._sizes(weight)
        if inner % heads:
            raise ValueError(f"heads={heads} does not divide the {inner} of the {self.part}'s shape {shape}")
        if inner // heads > width:
            raise ValueError(f"a head must not be wider than the {width} of shape {shape}, got {inner // heads}")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        weight = weight_of(shape, layout, "mimetic_attention")
        width, inner, heads = self._sizes(weight)
        draws = draws.child(PARTS[self.part].pair)
        values = np.empty((weight.n, heads, inner // heads, width), draws.real)
        for factors in values.reshape(-1, inner // heads, width):
            factors[...] = self._factor(draws, width)[: inner // heads]
        values = values.reshape(weight.n, inner, width)
        return weight.restored(values.swapaxes(1, 2) if self.part == "output" else values)

    def _sizes(self, weight: Weight) -> tuple[int, int, int]:
        """The width of the model, that of all heads, and the number of products."""
        width, inner = (weight.out, weight.into) if self.part == "output" else (weight.into, weight.out)
        return width, inner, self.heads if self.part in ("query", "key") else 1

    def _factor(self, draws: Draws, width: int) -> np.ndarray:
        """sqrt(S) U^T or sqrt(S) V^T of the next product, (width, width)."""
        part = PARTS[self.part]
        product = self.alpha * draws.normal((width, width), 0.0, 1 / math.sqrt(width)).astype(np.float64)
        product[np.diag_indices(width)] += part.sign * self.beta
        u, s, vt = np.linalg.svd(product)
        largest = u[np.argmax(np.abs(u), axis=0), np.arange(width)]  # made positive: the signs are not LAPACK's choice
        vectors = u.T if part.is_left else vt
        return vectors * (np.copysign(1.0, largest) * np.sqrt(s))[:, None]


mimetic_attention = function(MimeticAttention)
