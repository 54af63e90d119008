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
    deviations[np.isnan(deviations)] = 0.0
    return np.asarray(deviations)


def is_informative(head: Float64Array) -> bool:
    """Whether a repetition of these values is suspicious: not if they are few distinct ones, or a monotone sequence."""
    if len(head) < LEAST_LEADING or len(set(head.tolist())) < LEAST_DISTINCT:
        return False
    earlier, later = head[:-1], head[1:]
    monotone = bool((later >= earlier).all() or (later <= earlier).all())
    return not monotone and bool(np.isfinite(head).all())
