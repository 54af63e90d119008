"""Initializers for the projections of self-attention that imitate trained networks."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fastinit.distributions import Normal
from fastinit.distributions.base import Draws
from fastinit.initializers.base import WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.weights import Weight, finite, weight_of
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Float64Array


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


@initializer
class MimeticAttention(WholeTensorInitializer):
    """Self-attention's projections, with the products of query and key and of value and output that trained ones have.

    For each head, U S V^T is the singular value decomposition of alpha Z + beta I, Z being normal of variance 1 / width.
    With as many of its first singular vectors as the head is wide, the query is U sqrt(S) and the key V sqrt(S), each of
    shape (width, head width): their product is the closest of that rank. For value and output there is one decomposition,
    of alpha Z - beta I, for all heads: the value is U sqrt(S) and the output sqrt(S) V^T.
    `part`: "query", "key", "value" or "output"; `heads` is their number, for the first two. alpha and beta are 0.7 for
    query and key and 0.4 for value and output where not given (the paper's for vision).

    Give both parts of a pair the same `seed` and the same `name`, as "layers.0.attention", and the same alpha, beta and
    heads: both draw the same Z. Parts of one fused tensor (`parts`) match without that. The decomposition is LAPACK's, in
    float64: last bits may differ between machines. For matrices of shape (width, width of all heads), for the output
    (width of all heads, width). ValueError for another part, for heads that do not divide the width, and for kernels.
    Source: Trockman and Kolter 2023, "Mimetic Initialization of Self-Attention Layers", arXiv 2305.09828.

        >>> from fastinit.initializers import mimetic_attention
        >>> pair = [mimetic_attention((8, 8), part=part, seed=0, name="attention") for part in ("value", "output")]
        >>> round(float((pair[0] @ pair[1]).trace()), 2)
        -3.39
    """

    part: str
    heads: int | None = None
    alpha: float | None = None
    beta: float | None = None

    @property
    def shares_stream(self) -> bool:
        return True

    def check(self) -> None:
        checks.one_of("part", self.part, PARTS)
        if self.heads is not None or self.part in ("query", "key"):
            self.check_parameter(checks.integer, "heads", least=1)
        for field in ("alpha", "beta"):
            value = getattr(self, field)
            self._set(field, finite(field, PARTS[self.part].default if value is None else value))

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        weight = weight_of(shape, layout, "mimetic_attention")
        if weight.kernel:
            raise ValueError(f"shape {shape} has axes of a kernel: mimetic_attention is for matrices")
        width, inner, heads = self._sizes(weight)
        if inner % heads:
            raise ValueError(f"heads={heads} does not divide the {inner} of the {self.part}'s shape {shape}")
        if inner // heads > width:
            raise ValueError(f"a head must not be wider than the {width} of shape {shape}, got {inner // heads}")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, layout, "mimetic_attention")
        width, inner, heads = self._sizes(weight)
        draws = draws.child(PARTS[self.part].pair)
        values: Array = np.empty((weight.n, heads, inner // heads, width), draws.real)
        for factors in values.reshape(-1, inner // heads, width):
            factors[...] = self._factor(draws, width)[: inner // heads]
        values = values.reshape(weight.n, inner, width)
        return weight.restored(values.swapaxes(1, 2) if self.part == "output" else values)

    def multiplications(self, shape: Lengths, layout: Layout) -> int:
        weight = weight_of(shape, layout, "mimetic_attention")
        width, _, heads = self._sizes(weight)
        return weight.n * heads * 10 * width**3  # of a singular value decomposition with both factors

    def _sizes(self, weight: Weight) -> tuple[int, int, int]:
        """The width of the model, that of all heads together, and the number of products."""
        width, inner = (weight.outputs, weight.inputs) if self.part == "output" else (weight.inputs, weight.outputs)
        return width, inner, self.heads or 1 if self.part in ("query", "key") else 1

    def _factor(self, draws: Draws, width: int) -> Float64Array:
        """sqrt(S) U^T or sqrt(S) V^T of the next product, (width, width)."""
        part = PARTS[self.part]
        assert self.alpha is not None and self.beta is not None  # `check` sets them
        product = self.alpha * draws.of(Normal(0.0, 1 / math.sqrt(width)), (width, width)).astype(np.float64)
        product[np.diag_indices(width)] += part.sign * self.beta
        u, s, vt = np.linalg.svd(product)
        largest = u[np.argmax(np.abs(u), axis=0), np.arange(width)]  # made positive: LAPACK may return either sign
        vectors = u.T if part.is_left else vt
        factor: Float64Array = vectors * (np.copysign(1.0, largest) * np.sqrt(s))[:, None]
        return factor
