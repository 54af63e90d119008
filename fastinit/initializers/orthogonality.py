"""Random orthogonal matrices as weights, of matrices and of convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastinit.distributions import Distribution, Normal, WholeTensor
from fastinit.distributions.base import Draws
from fastinit.distributions.whole_tensor import OrthogonalMatrices
from fastinit.initializers.base import WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.haar import haar, is_one_block
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.weights import Weight, convolution_of, finite, rounded, tap_of, weight_of
from fastinit.runtime.types import Array, FloatArray, Real
from fastinit.runtime.values import value_class

STANDARD_NORMAL = Normal(0.0, 1.0)


@value_class
class OrthogonalTensor(WholeTensor[Layout]):
    """The distribution of a tensor of random orthogonal matrices and zeros."""

    initializer: OfOrthogonalMatrices

    def values(self, draws: Draws) -> FloatArray:
        made = draws.of_matrices(self)
        return super().values(draws) if made is None else made

    def orthogonal_matrices(self, real: Real) -> OrthogonalMatrices | None:
        weight = weight_of(self.shape, self.layout, self.initializer.function_name)
        m, n = sorted(self.initializer.sides(weight), reverse=True)
        if not is_one_block(m, n):
            return None
        tensor = weight.zeros(real)
        matrices = self.initializer.matrices(weight, tensor)
        tall = matrices if matrices.shape[1] == m else matrices.swapaxes(1, 2)
        if not np.may_share_memory(tall, tensor):
            return None
        offset, *strides = (nbytes // tensor.itemsize for nbytes in (_address(tall) - _address(tensor), *tall.strides))
        gain = float(rounded(real, "gain", self.initializer.gain))
        return OrthogonalMatrices(STANDARD_NORMAL, tall.shape, offset, tuple(strides), gain)


@value_class
class OfOrthogonalMatrices(WholeTensorInitializer):
    """Base of the initializers whose tensors consist of random orthogonal matrices times `gain`, and of zeros."""

    gain: float = 1.0
    convention: str = "math"

    def check(self) -> None:
        self.check_parameter(finite, "gain")

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        self.check_shape(shape, layout)
        return OrthogonalTensor(self, shape, layout)

    def sides(self, weight: Weight) -> tuple[int, int]:
        """Rows and columns of the matrices; subclasses override it."""
        raise NotImplementedError

    def matrices(self, weight: Weight, tensor: Array) -> Array:
        """The matrices within a tensor of `weight.shape`, a view where they can be; subclasses override it."""
        raise NotImplementedError

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, layout, self.function_name)
        tensor, gain = weight.zeros(draws.real), rounded(draws.real, "gain", self.gain)
        if tensor.size:
            matrices = self.matrices(weight, tensor)
            _orthogonal(matrices, draws, gain)
            if not np.may_share_memory(matrices, tensor):
                tensor[...] = matrices.reshape(tensor.shape)
        return weight.restored(tensor)

    def multiplications(self, shape: Lengths, layout: Layout) -> int:
        """Those of `haar`, up to a factor between 1 and 2."""
        weight = weight_of(shape, layout, self.function_name)
        rows, columns = self.sides(weight)
        return weight.n * rows * columns * min(rows, columns)


@initializer
class Orthogonal(OfOrthogonalMatrices):
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

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        weight_of(shape, layout, "orthogonal")

    def sides(self, weight: Weight) -> tuple[int, int]:
        return weight.outputs, weight.connections

    def matrices(self, weight: Weight, tensor: Array) -> Array:
        return tensor.reshape(weight.n, weight.outputs, weight.connections)


@initializer
class DeltaOrthogonal(OfOrthogonalMatrices):
    """A convolution that keeps norms: `gain` times orthonormal columns, (out, in), at tap (k - 1) // 2, 0 elsewhere.

    As JAX's and TensorFlow's `delta_orthogonal`; for kernels of even length `dirac`, as torch's, has the next tap. Weights
    with at least one kernel axis and no fewer outputs than inputs, else ValueError.
    Source: Xiao et al. 2018, "Dynamical Isometry and a Mean Field Theory of CNNs", arXiv 1806.05393, algorithm 1.

        >>> from fastinit.initializers import delta_orthogonal
        >>> delta_orthogonal((3, 2, 2), layout="io", seed=0)[1].round(3)
        array([[ 0.653,  0.757],
               [-0.757,  0.653]], dtype=float32)
    """

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        weight = convolution_of(shape, layout, "delta_orthogonal", "orthogonal")
        if weight.outputs < weight.inputs:
            given = f"shape {shape} has {weight.outputs} outputs of {weight.inputs} inputs"
            raise ValueError(f"{given}: delta_orthogonal needs at least as many")

    def sides(self, weight: Weight) -> tuple[int, int]:
        return weight.outputs, weight.inputs

    def matrices(self, weight: Weight, tensor: Array) -> Array:
        return tap_of(tensor, tuple((k - 1) // 2 for k in weight.kernel))


def _orthogonal(matrices: Array, draws: Draws, gain: np.floating[Any]) -> None:
    """Random orthogonal matrices times `gain`, one after the other from the draws, into (n, out, columns)."""
    for matrix in matrices:
        tall = matrix if len(matrix) >= len(matrix.T) else matrix.T
        columns = tall if tall.flags.c_contiguous else np.empty(tall.shape, tall.dtype)
        haar(draws.of(STANDARD_NORMAL, columns.shape, out=columns))
        np.multiply(columns, gain, out=tall)


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
