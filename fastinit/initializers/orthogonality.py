"""Random orthogonal matrices as weights, of matrices and of convolutions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastinit.core.fill import Draws
from fastinit.distributions import Normal
from fastinit.initializers.base import Structured, function
from fastinit.initializers.haar import haar
from fastinit.initializers.layouts import Layout
from fastinit.initializers.weights import at_tap, check_finite, convolution_of, rounded, weight_of


@dataclass(frozen=True, repr=False)
class Orthogonal(Structured):
    """`gain` times a random orthogonal matrix, any as likely as any other (Saxe et al. 2014; Haar: Mezzadri 2007).

    The matrix is (out, in * kernel), as in torch, Keras and JAX: its rows are orthonormal where it has no more of them than
    columns, else its columns. Several axes of outputs or of inputs count as one; each place on a stack and each group of the
    layout has a matrix of its own. It is `fastinit.orthogonal.haar` of as many normals, computed in float32, or in float64
    for float64: distributed as Q of their QR decomposition with R's diagonal positive. Any part of a tensor takes the time
    of the whole; machines with another BLAS may round otherwise. arXiv 1312.6120; math-ph/0609050, section 5.
    """

    gain: float = 1.0
    convention: str = "math"

    def check(self) -> None:
        check_finite(self, "gain")

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        weight_of(shape, layout, "orthogonal")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        weight = weight_of(shape, layout, "orthogonal")
        matrices = weight.zeros(draws.real).reshape(weight.n, weight.out, weight.connections)
        _orthogonal(matrices, draws, rounded(draws.real, "gain", self.gain))
        return weight.restored(matrices.reshape(weight.shape))


@dataclass(frozen=True, repr=False)
class DeltaOrthogonal(Structured):
    """A convolution that keeps norms: `gain` times orthonormal columns, (out, in), at tap (k - 1) // 2, 0 elsewhere.

    In any layout with a kernel and with no fewer outputs than inputs. As JAX's and TensorFlow's `delta_orthogonal`; for
    kernels of even length torch's and our `dirac` have the next tap. Xiao et al. 2018, "Dynamical Isometry and a Mean Field
    Theory of CNNs", arXiv 1806.05393, algorithm 1.
    """

    gain: float = 1.0
    convention: str = "math"

    def check(self) -> None:
        check_finite(self, "gain")

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        weight = convolution_of(shape, layout, "delta_orthogonal", "orthogonal")
        if weight.out < weight.into:
            raise ValueError(
                f"shape {shape} has {weight.out} outputs of {weight.into} inputs: delta_orthogonal needs at least as many"
            )

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        weight = weight_of(shape, layout, "delta_orthogonal")
        matrices = np.empty((weight.n, weight.out, weight.into), draws.real)
        _orthogonal(matrices, draws, rounded(draws.real, "gain", self.gain))
        return at_tap(weight, matrices, tuple((k - 1) // 2 for k in weight.kernel))


def _orthogonal(matrices: np.ndarray, draws: Draws, gain: np.floating) -> None:
    """Random orthogonal matrices times `gain`, one after the other from the draws, into (n, out, columns)."""
    for matrix in matrices if matrices.size else ():
        tall = matrix if len(matrix) >= len(matrix.T) else matrix.T
        made = tall if tall.flags.c_contiguous else np.empty(tall.shape, tall.dtype)
        haar(draws.of(Normal(0.0, 1.0), made.shape, out=made))
        np.multiply(made, gain, out=tall)


orthogonal = function(Orthogonal)
delta_orthogonal = function(DeltaOrthogonal)
