"""NumPy arrays for Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastinit.core.fill import fill
from fastinit.distributions import Distribution
from fastinit.keras.seeds import Source
from fastinit.keras.tensors import check_no_layout


def tensor(
    distribution: Distribution, shape: tuple[int, ...], dtype: str, next_source: Callable[[], Source], layout: Any
) -> np.ndarray:
    check_no_layout(layout)
    return fill(distribution, shape, seed=next_source().stream(), dtype=dtype)


def placed(tensor: np.ndarray, layout: Any) -> np.ndarray:
    check_no_layout(layout)
    return tensor
