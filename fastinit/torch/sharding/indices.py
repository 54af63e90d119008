"""The indices along each axis that a part of a tensor has, as one index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastinit.runtime.types import Array


def index_of(by_axis: Sequence[Array]) -> tuple[slice, ...] | tuple[Array, ...]:
    """The index of a part, as in whole[index], from the indices that it has along each axis."""
    if all(len(indices) == 0 or is_run(indices) for indices in by_axis):
        return tuple(slice(int(i[0]), int(i[-1]) + 1) if len(i) else slice(0, 0) for i in by_axis)
    return np.ix_(*by_axis)


def is_run(indices: Array, step: int = 1) -> bool:
    """Whether the indices are one `step` apart."""
    return bool((np.diff(indices) == step).all())
