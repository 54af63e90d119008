"""Random orthogonal matrices as weights, of matrices and of convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastinit.distributions import Normal
from fastinit.distributions.base import Draws
from fastinit.initializers.base import WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.haar import haar
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.weights import at_tap, convolution_of, finite, rounded, weight_of
from fastinit.runtime.types import Array

STANDARD_NORMAL = Normal(0.0, 1.0)


@initializer
class Orthogonal(WholeTensorInitializer):
    """`gain` times a random orthogonal matrix, uniform among all of them (Haar distribution).

    The matrix is (out, in * kernel), as in torch, Keras and JAX: its rows are orthonormal where it has no more rows than
    columns, else its columns. Several axes of outputs or of inputs count as one; each place on a stack and each group of the
    layout has a matrix of its own. Computed in float32, or in float64 for float64: distributed as Q of the QR decomposition
    of a matrix of normals with R's diagonal positive. Any part of a tensor takes the time of the whole; machines with
    another BLAS may round otherwise. Weights of at least 2 axes. ValueError for a gain that is not finite.
    Source: Saxe, McClelland and Ganguli 2014, arXiv 1312.6120; Mezzadri 2007, arXiv math-ph/0609050, section 5.

        >>> import fastinit
        >>> w = fastinit.orthogonal((3, 3), seed=0)
        >>> (w @ w.T).round(5) + 0.0
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.]], dtype=float32)
    """

    gain: float = 1.0
    convention: str = "math"

    def check(self) -> None:
        self.check_parameter(finite, "gain")

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        weight_of(shape, layout, "orthogonal")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, layout, "orthogonal")
        matrices = weight.zeros(draws.real).reshape(weight.n, weight.outputs, weight.connections)
        _orthogonal(matrices, draws, rounded(draws.real, "gain", self.gain))
        return weight.restored(matrices.reshape(weight.shape))

    def multiplications(self, shape: Lengths, layout: Layout) -> int:
        weight = weight_of(shape, layout, "orthogonal")
        return weight.n * _multiplications(weight.outputs, weight.connections)


@initializer
class DeltaOrthogonal(WholeTensorInitializer):
    """A convolution that keeps norms: `gain` times orthonormal columns, (out, in), at tap (k - 1) // 2, 0 elsewhere.

    As JAX's and TensorFlow's `delta_orthogonal`; for kernels of even length `dirac`, as torch's, has the next tap. Weights
    with at least one kernel axis and no fewer outputs than inputs, else ValueError.
    Source: Xiao et al. 2018, "Dynamical Isometry and a Mean Field Theory of CNNs", arXiv 1806.05393, algorithm 1.

        >>> from fastinit.initializers import delta_orthogonal
        >>> delta_orthogonal((3, 2, 2), layout="io", seed=0)[1].round(3)
        array([[ 0.653,  0.757],
               [-0.757,  0.653]], dtype=float32)
    """

    gain: float = 1.0
    convention: str = "math"

    def check(self) -> None:
        self.check_parameter(finite, "gain")

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        weight = convolution_of(shape, layout, "delta_orthogonal", "orthogonal")
        if weight.outputs < weight.inputs:
            given = f"shape {shape} has {weight.outputs} outputs of {weight.inputs} inputs"
            raise ValueError(f"{given}: delta_orthogonal needs at least as many")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, layout, "delta_orthogonal")
        matrices = np.empty((weight.n, weight.outputs, weight.inputs), draws.real)
        _orthogonal(matrices, draws, rounded(draws.real, "gain", self.gain))
        return at_tap(weight, matrices, tuple((k - 1) // 2 for k in weight.kernel))

    def multiplications(self, shape: Lengths, layout: Layout) -> int:
        weight = weight_of(shape, layout, "delta_orthogonal")
        return weight.n * _multiplications(weight.outputs, weight.inputs)


def _orthogonal(matrices: Array, draws: Draws, gain: np.floating[Any]) -> None:
    """Random orthogonal matrices times `gain`, one after the other from the draws, into (n, out, columns)."""
    for matrix in matrices if matrices.size else ():
        tall = matrix if len(matrix) >= len(matrix.T) else matrix.T
        columns = tall if tall.flags.c_contiguous else np.empty(tall.shape, tall.dtype)
        haar(draws.of(STANDARD_NORMAL, columns.shape, out=columns))
        np.multiply(columns, gain, out=tall)


def _multiplications(rows: int, columns: int) -> int:
    """Those of `haar`, up to a factor between 1 and 2."""
    return rows * columns * min(rows, columns)
