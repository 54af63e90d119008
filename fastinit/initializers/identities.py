"""The identity as a weight: of matrices, of convolutions, and ZerO, which widens it with Hadamard matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastinit.distributions.base import Draws
from fastinit.initializers.base import WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.weights import at_tap, convolution_of, finite, on_diagonal, rounded, weight_of
from fastinit.runtime import checks
from fastinit.runtime.types import Array
from fastinit.runtime.values import replace


@initializer
class Identity(WholeTensorInitializer):
    """`gain` where output and input have the same number, 0 elsewhere: for recurrent ReLU networks; nothing is random.

    Matrices, square or not, and stacks of them; several axes of outputs or of inputs count as one. ValueError for a gain
    that is not finite, and for a convolution's shape, for which `dirac` is the identity.
    Source: Le, Jaitly and Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", arXiv
    1504.00941, section 2.

        >>> import fastinit
        >>> fastinit.identity((2, 3))
        array([[1., 0., 0.],
               [0., 1., 0.]], dtype=float32)
    """

    gain: float = 1.0

    def check(self) -> None:
        self.check_parameter(finite, "gain")

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        if weight_of(shape, layout, "identity").kernel:
            raise ValueError(f"shape {shape} has axes of a kernel: identity is for matrices; for a convolution use dirac")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, layout, "identity")
        return on_diagonal(weight, rounded(draws.real, "gain", self.gain), ())


@initializer
class Dirac(WholeTensorInitializer):
    """A convolution that passes on as many channels as it can: `gain` from channel c to c at tap k // 2, 0 elsewhere.

    With `groups`, or those of the layout, each group passes on its own inputs, from the first one on. With kernels of odd
    lengths, padded to keep the size, it is the identity times `gain`. Weights with at least one kernel axis; nothing is
    random. ValueError for matrices (use `identity`), and for groups that do not divide the channels.
    Source: torch's `dirac_`.

        >>> from fastinit.initializers import dirac
        >>> dirac((2, 2, 3), layout="oi")[0]
        array([[0., 1., 0.],
               [0., 0., 0.]], dtype=float32)
    """

    groups: int = 1
    gain: float = 1.0
    convention: str = "math"

    def check(self) -> None:
        self.check_parameter(checks.integer, "groups", least=1)
        self.check_parameter(finite, "gain")

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        convolution_of(shape, self._grouped(layout), "dirac", "identity")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, self._grouped(layout), "dirac")
        return on_diagonal(weight, rounded(draws.real, "gain", self.gain), tuple(k // 2 for k in weight.kernel))

    def _grouped(self, layout: Layout) -> Layout:
        if self.groups == 1 or self.groups == layout.groups:
            return layout
        if layout.groups != 1:
            raise ValueError(f"groups={self.groups} is not that of the layout, which has groups={layout.groups}")
        return replace(layout, groups=self.groups)


@initializer
class ZerOHadamard(WholeTensorInitializer):
    """ZerO: the identity, and where a layer widens, part of a Hadamard matrix; nothing is random.

    For P outputs and Q inputs: P <= Q, ones on the diagonal (P = Q the identity, P < Q the first P inputs); P > Q, the first
    P rows and Q columns of Sylvester's Hadamard matrix of 2^m rows, times c = 2^(-(m - 1) / 2), m = ceil(log2 P).
    Convolutions have it at tap k // 2 and 0 elsewhere. Weights of at least 2 axes.
    Source: Zhao, Schäfer and Anandkumar 2022, "ZerO Initialization", arXiv 2110.12661, algorithms 1 and 2; their example
    code has c = 2^(-m / 2).

        >>> from fastinit.initializers import zero_hadamard
        >>> zero_hadamard((2, 4))
        array([[ 0.70710677,  0.70710677,  0.70710677,  0.70710677],
               [ 0.70710677, -0.70710677,  0.70710677, -0.70710677]],
              dtype=float32)
    """

    function_name = "zero_hadamard"

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        weight_of(shape, layout, "zero_hadamard")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, layout, "zero_hadamard")
        tap = tuple(k // 2 for k in weight.kernel)
        if weight.outputs <= weight.inputs:
            return on_diagonal(weight, draws.real(1), tap)
        m = (weight.outputs - 1).bit_length()
        value = draws.real(math.sqrt(2.0 ** (1 - m)))
        return at_tap(weight, _hadamard(weight.outputs, weight.inputs, value), tap)


def _hadamard(rows: int, columns: int, value: np.floating[Any]) -> Array:
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
