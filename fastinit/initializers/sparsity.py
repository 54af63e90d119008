"""Sparse weights: all but a given number of each unit's connections are zero."""

from __future__ import annotations

import math

import numpy as np

from fastinit.distributions import Normal
from fastinit.distributions.base import Draws
from fastinit.initializers.base import WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.weights import UNIT_UNIFORM, Weight, weight_of
from fastinit.runtime import checks
from fastinit.runtime.types import Array

BLOCK = 2**20  # elements whose zeros are chosen at a time; another number would change the values


@initializer
class Sparse(WholeTensorInitializer):
    """Normal with this std, but of each unit's fan_in connections exactly ceil(sparsity fan_in) are 0, at random places.

    Under torch's convention, as in its `sparse_`, exactly ceil(sparsity fan_out) of each input's connections are 0, those of
    each column of an (out, in) matrix. At most the tensor, a byte for each of its elements and about 10 MiB are in memory
    (20 MiB in float64). Weights of at least 2 axes. ValueError for a share outside 0 to 1, and for a negative std.
    Source: Martens 2010, "Deep learning via Hessian-free optimization", ICML, section 5.

        >>> from fastinit.initializers import sparse
        >>> sparse((4, 2), sparsity=0.5, seed=0)
        array([[ 0.        , -0.00551703],
               [ 0.        ,  0.        ],
               [-0.00504447,  0.0026667 ],
               [ 0.01122572,  0.        ]], dtype=float32)
    """

    sparsity: float
    std: float = 0.01
    convention: str = "math"

    def check(self) -> None:
        checks.share("sparsity", self.sparsity)
        Normal(0.0, self.std)

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        weight_of(shape, layout, "sparse")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, layout, "sparse")
        values = draws.of(Normal(0.0, self.std), shape)
        np.copyto(values, 0, where=weight.restored(self._zeros(weight, draws)))
        return values

    def _zeros(self, weight: Weight, draws: Draws) -> Array:
        """Where the zeros are, in the weight's shape."""
        of_inputs = self.convention == "torch"
        n, outputs, inputs, *kernel = weight.shape
        units, others = (inputs, outputs) if of_inputs else (outputs, inputs)
        connections = others * math.prod(kernel)
        zeros = chosen(draws, n * units, connections, math.ceil(self.sparsity * connections))
        zeros = zeros.reshape(n, units, others, *kernel)
        return zeros.swapaxes(1, 2) if of_inputs else zeros


def chosen(draws: Draws, rows: int, n: int, m: int) -> Array:
    """A mask of m of the n places in each row, uniform among all choices: those of the m least of n uniform values."""
    mask = np.full((rows, n), m == n)
    if 0 < m < n:
        step = max(1, BLOCK // n)
        for first in range(0, rows, step):
            block = mask[first : first + step]
            block[...] = least(draws.of(UNIT_UNIFORM, block.shape), m)
    return mask


def least(values: Array, m: int) -> Array:
    """Where the m least values of each row are; of equal ones, the first."""
    mask = values <= np.partition(values, m - 1, axis=1)[:, m - 1 : m]
    for row in np.flatnonzero(np.count_nonzero(mask, axis=1) != m):
        mask[row] = False
        mask[row, np.argsort(values[row], kind="stable")[:m]] = True
    return mask
