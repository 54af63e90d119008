"""The identity as a weight: of matrices, of convolutions, and ZerO, which widens it with Hadamard matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fastinit.core.fill import Draws
from fastinit.initializers.base import Structured, function
from fastinit.initializers.layouts import Layout
from fastinit.initializers.weights import (
    at_tap,
    check_finite,
    check_int_at_least,
    convolution_of,
    on_diagonal,
    rounded,
    weight_of,
)


@dataclass(frozen=True, repr=False)
class Identity(Structured):
    """`gain` where the number of the output is that of the input, 0 elsewhere; for recurrent ReLU networks (Le et al. 2015).

    Matrices, square or not, and stacks of them. Several axes of outputs or of inputs count as one. "A Simple Way to
    Initialize Recurrent Networks of Rectified Linear Units", arXiv 1504.00941, section 2. Not convolutions: `dirac`.
    """

    gain: float = 1.0

    def check(self) -> None:
        check_finite(self, "gain")

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        if weight_of(shape, layout, "identity").kernel:
            raise ValueError(f"shape {shape} has axes of a kernel: identity is for matrices; for a convolution use dirac")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        weight = weight_of(shape, layout, "identity")
        return on_diagonal(weight, rounded(draws.real, "gain", self.gain), ())


@dataclass(frozen=True, repr=False)
class Dirac(Structured):
    """A convolution that passes on as many channels as it can: `gain` from channel c to c at tap k // 2, 0 elsewhere.

    As torch's `dirac_`, in any layout with a kernel. With `groups`, or those of the layout, each group passes on its own
    inputs, from the first one on. For kernels of odd lengths, padded to keep the size, it is the identity times `gain`.
    """

    groups: int = 1
    gain: float = 1.0
    convention: str = "math"

    def check(self) -> None:
        check_int_at_least(self, "groups", 1)
        check_finite(self, "gain")

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        convolution_of(shape, self._grouped(layout), "dirac", "identity")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        weight = weight_of(shape, self._grouped(layout), "dirac")
        return on_diagonal(weight, rounded(draws.real, "gain", self.gain), tuple(k // 2 for k in weight.kernel))

    def _grouped(self, layout: Layout) -> Layout:
        if self.groups == 1 or self.groups == layout.groups:
            return layout
        if layout.groups != 1:
            raise ValueError(f"groups={self.groups} is not that of the layout, which has groups={layout.groups}")
        return replace(layout, groups=self.groups)


@dataclass(frozen=True, repr=False)
class ZerOHadamard(Structured):
    """ZerO: the identity, and where a layer widens, c I* H I* of a Hadamard matrix H; nothing is random (Zhao et al. 2022).

    For P outputs and Q inputs: P <= Q, ones on the diagonal (P = Q the identity, P < Q the first P inputs); P > Q, the first
    P rows and Q columns of Sylvester's H of 2^m rows, times c = 2^(-(m - 1) / 2), m = ceil(log2 P). Convolutions have it at
    tap k // 2 and 0 elsewhere. arXiv 2110.12661, algorithms 1 and 2; their example code has c = 2^(-m / 2).
    """

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        weight_of(shape, layout, "zero_hadamard")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        weight = weight_of(shape, layout, "zero_hadamard")
        tap = tuple(k // 2 for k in weight.kernel)
        if weight.out <= weight.into:
            return on_diagonal(weight, draws.real(1), tap)
        m = (weight.out - 1).bit_length()
        return at_tap(weight, _hadamard(weight.out, weight.into, draws.real(math.sqrt(2.0 ** (1 - m)))), tap)


def _hadamard(rows: int, columns: int, value: np.floating) -> np.ndarray:
    """The first rows and columns of `value` times Sylvester's Hadamard matrix, which doubles as [[H, H], [H, -H]]."""
    matrix = np.full((rows, columns), value)
    size = 1
    while size < rows:
        below, right = min(2 * size, rows), min(2 * size, columns)
        matrix[size:below, :size] = matrix[: below - size, :size]
        matrix[:size, size:right] = matrix[:size, : max(right - size, 0)]
        matrix[size:below, size:right] = -matrix[: below - size, : max(right - size, 0)]
        size *= 2
    return matrix


identity = function(Identity)
dirac = function(Dirac)
zero_hadamard = function(ZerOHadamard, "zero_hadamard")
