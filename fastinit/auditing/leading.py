"""Whether the leading values of two tensors, or of two parts of one, are the same but for a factor and a constant."""

from __future__ import annotations

import numpy as np

from fastinit.runtime.types import Float64Array

LEADING = 64  # values that are compared
LEAST_LEADING = 16  # values that must agree
ALIKE = 0.99  # correlation, either way: rounding to 2 bits keeps 0.995; 16 independent values have it once in 10^12
LEAST_DISTINCT = 8  # of the leading values: fewer are an identity's, or zeros


def directions(heads: Float64Array) -> Float64Array:
    """Each row's values less their mean, as a vector of length 1: the same for any positive factor and any constant added.

    Zeros where all values are equal, or not all finite.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        largest = np.abs(heads).max(axis=1, keepdims=True)
        deviations = heads / largest
        deviations -= deviations.mean(axis=1, keepdims=True)
        deviations /= np.sqrt(np.einsum("ij,ij->i", deviations, deviations))[:, None]
    return np.asarray(np.nan_to_num(deviations, nan=0.0))


def is_informative(head: Float64Array) -> bool:
    """Whether a repetition of these values is suspicious: not if they are few distinct ones, or a monotone sequence."""
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.diff(head)
    monotone = bool((steps >= 0).all() or (steps <= 0).all())
    enough = len(head) >= LEAST_LEADING and len(set(head.tolist())) >= LEAST_DISTINCT
    return enough and not monotone and bool(np.isfinite(head).all())
