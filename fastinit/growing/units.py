"""Widening by copies of units: Net2WiderNet's map from new units to old ones."""

from __future__ import annotations

import numpy as np

from fastinit.core.fill import fill
from fastinit.distributions import Uniform
from fastinit.runtime import checks
from fastinit.runtime.types import Int64Array, Seed


def widened_units(units: int, width: int, *, seed: Seed = None, name: str | None = None) -> Int64Array:
    """Which of `units` each of `width` is: the first ones themselves, the others copies of ones that are drawn uniformly.

    With g this map and c_j how often g has j, the layer that gives the units gets the rows W[g], and one that takes them
    the columns V[:, g] / c[g]: the function stays. int64 of shape (width,). ValueError where `width` is below `units`.

    Chen, Goodfellow and Shlens 2016, "Net2Net", arXiv 1511.05641, section 2.3 and algorithm 1.

    >>> import fastinit.growing
    >>> fastinit.growing.widened_units(3, 7, seed=0, name="fc1").tolist()[:3]
    [0, 1, 2]
    """
    checks.integer("units", units, least=1)
    if checks.integer("width", width, least=1) < units:
        raise ValueError(f"width must be at least the {units} units that there are, got {width}")
    drawn = np.asarray(fill(Uniform(0.0, float(units)), (width,), seed=seed, name=name, dtype=np.float64))
    copied = np.minimum(drawn.astype(np.int64), units - 1)
    copied[:units] = np.arange(units)
    return copied
