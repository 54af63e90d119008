"""Weights of which most are zero: a given number of connections for each unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fastinit import distributions
from fastinit.core.fill import Draws
from fastinit.initializers.base import Structured, function
from fastinit.initializers.layouts import Layout
from fastinit.initializers.weights import Weight, weight_of

BLOCK = 2**20  # elements whose zeros are chosen at a time; of another size the values would be others


@dataclass(frozen=True, repr=False)
class Sparse(Structured):
    """Normal with this std; of each unit's fan_in connections, exactly ceil(sparsity fan_in) are 0, any as likely (Martens).

    "Deep learning via Hessian-free optimization", ICML 2010, section 5. In the convention of torch, as in its `sparse_`, it is
    ceil(sparsity fan_out) of the connections that each input has to outputs: of each column of an (out, in) matrix.
    At most the tensor, a byte for each of its elements and about 10 MiB are in memory (20 MiB in float64).
    """

    sparsity: float
    std: float = 0.01
    convention: str = "math"

    def check(self) -> None:
        if not 0 <= self.sparsity <= 1:
            raise ValueError(f"sparsity must be a share between 0 and 1, got {self.sparsity!r}")
        distributions.Normal(0.0, self.std)

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        weight_of(shape, layout, "sparse")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        weight = weight_of(shape, layout, "sparse")
        values = draws.normal(shape, 0.0, self.std)
        np.copyto(values, 0, where=weight.restored(self._zeros(weight, draws)))
        return values

    def _zeros(self, weight: Weight, draws: Draws) -> np.ndarray:
        """Where the zeros are, in the weight's shape."""
        of_inputs = self.convention == "torch"
        n, out, into, *kernel = weight.shape
        units, others = (into, out) if of_inputs else (out, into)
        connections = others * math.prod(kernel)
        zeros = chosen(draws, n * units, connections, math.ceil(self.sparsity * connections))
        zeros = zeros.reshape(n, units, others, *kernel)
        return zeros.swapaxes(1, 2) if of_inputs else zeros


def chosen(draws: Draws, rows: int, n: int, m: int) -> np.ndarray:
    """m of n in each row, every choice as likely: those of the m least of n uniform values."""
    mask = np.full((rows, n), m == n)
    if 0 < m < n:
        step = max(1, BLOCK // n)
        for first in range(0, rows, step):
            block = mask[first : first + step]
            block[...] = least(draws.uniform(block.shape), m)
    return mask


def least(values: np.ndarray, m: int) -> np.ndarray:
    """Where the m least values of each row are; of equal ones, the first."""
    mask = values <= np.partition(values, m - 1, axis=1)[:, m - 1 : m]
    for row in np.flatnonzero(np.count_nonzero(mask, axis=1) != m):
        mask[row] = False
        mask[row, np.argsort(values[row], kind="stable")[:m]] = True
    return mask


sparse = function(Sparse)
