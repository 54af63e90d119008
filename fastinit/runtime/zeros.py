"""Tells 0.0 from -0.0: they are equal, but not the same, so that a cache must not take the one for the other."""

from __future__ import annotations

import math
from collections.abc import Iterable


def signs_of_zeros(values: Iterable[object]) -> tuple[float, ...]:
    """1.0 or -1.0 for each zero among the floats, those in tuples included.

    >>> from fastinit.runtime.zeros import signs_of_zeros
    >>> signs_of_zeros([0.0, 2.0, (-0.0, "a")])
    (1.0, -1.0)
    """
    found: list[float] = []
    for value in values:
        if isinstance(value, tuple):
            found += signs_of_zeros(value)
        elif isinstance(value, float) and value == 0:
            found.append(math.copysign(1.0, value))
    return tuple(found)
