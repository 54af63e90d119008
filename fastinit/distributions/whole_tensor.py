"""Distributions whose values depend on the whole tensor, such as random orthogonal matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from fastinit.distributions.base import Distribution, Draws, Request
from fastinit.distributions.boxes import Box
from fastinit.runtime.types import Array, Float64Array, FloatArray, Real
from fastinit.runtime.values import value_class

L = TypeVar("L")
L_contra = TypeVar("L_contra", contravariant=True)


class OrthogonalMatrices(NamedTuple):
    """A tensor of small orthogonal matrices and zeros: where they are, and what they are made of.

    Each is `gain` times what `fastinit.initializers.haar.haar` makes of the next draws. `offset` and `strides`: of the first
    one, and from one matrix, row and column to the next, in elements of the tensor.
    """

    normal: Distribution
    shape: tuple[int, ...]  # (matrices, rows, columns), no fewer rows than columns
    offset: int
    strides: tuple[int, ...]
    gain: float


class WholeTensorMaker(Protocol[L_contra]):
    """What makes all values of a tensor at once: `fastinit.initializers.WholeTensorInitializer`."""

    def values(self, shape: tuple[int, ...], layout: L_contra, draws: Draws) -> Array:
        """All values, exact in `draws.real` or to be rounded to it."""
        ...

    def multiplications(self, shape: tuple[int, ...], layout: L_contra) -> int:
        """About how many multiplications that takes; 0 where they are few for each value."""
        ...


@value_class
class WholeTensor(Distribution, Generic[L]):
    """Values that `initializer.values(shape, layout, draws)` makes for the whole tensor at once.

    A part of the tensor costs the time and memory of the whole. Its repr is that of the initializer.

    >>> import fastinit
    >>> fastinit.orthogonal.distribution_for((4, 4))
    Orthogonal()
    """

    initializer: WholeTensorMaker[L]
    shape: tuple[int, ...]
    layout: L

    @property
    def is_elementwise(self) -> bool:
        return False

    @property
    def multiplications(self) -> int:
        return self.initializer.multiplications(self.shape, self.layout)

    @property
    def only_shape(self) -> tuple[int, ...]:
        return self.shape

    def whole_boxes(self, shape: tuple[int, ...]) -> Iterator[Box]:
        yield Box.whole(shape)

    def values(self, draws: Draws) -> FloatArray:
        """All values, of type `draws.real`: they depend on the stream of `draws` and on nothing else."""
        return np.asarray(self.initializer.values(self.shape, self.layout, draws), draws.real, order="C")

    def parameters(self, real: Real) -> Float64Array:
        return np.empty(0)  # there is no kernel

    def orthogonal_matrices(self, real: Real) -> OrthogonalMatrices | None:
        """What the values are, where they are small orthogonal matrices, which C makes too; None for all else."""
        return None

    def write(self, request: Request) -> None:
        request.select(self)

    def __repr__(self) -> str:
        return repr(self.initializer)
