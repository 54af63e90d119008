"""Rows of numbers times a matrix, in NumPy: what csrc/kernels/products.c does, in the same order of additions."""

from __future__ import annotations

import numpy as np

ROWS = 512  # whose products are added together, in the caches


def product(x: np.ndarray, factor: np.ndarray, added: np.ndarray, num_threads: int) -> np.ndarray:
    """See `fastinit.backends.generator_requests.Operations`."""
    products = np.zeros(x.shape)
    for first in range(0, len(x), ROWS):
        some, sums = x[first : first + ROWS], products[first : first + ROWS]
        for k, row in enumerate(factor):
            sums += some[:, k : k + 1] * row
    products += added
    return products
