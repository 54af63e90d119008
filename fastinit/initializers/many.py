"""Many tensors by name in one batch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from fastinit.core.batch import fill_batch
from fastinit.core.fill import checked_shape, element_type
from fastinit.distributions import Distribution
from fastinit.initializers.base import Initializer
from fastinit.initializers.names import get


def fill_many(
    initializers: Any,
    shapes: Mapping[str, Any],
    *,
    seed: int | SeedSequence | None = None,
    dtype: Any = np.float32,
    layout: Any = None,
    out: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Tensors by name: for each what `initializer(shape, seed=seed, name=name, ...)` gives, in one batch for all.

        fill_many("he_normal", {f"experts.{i}.w": (64, 64) for i in range(10_000)}, seed=0)

    For models of many small tensors, whose calls take longer than the filling. `initializers`: one initializer, or
    what `fastinit.get` takes, for all tensors, or a mapping that has one for each name of `shapes`. `out`: by name, the
    arrays to fill. The other options are those of every initializer. ValueError and TypeError as from these, and for a name
    that `initializers` or `out` lacks, before anything is written.
    """
    if not isinstance(shapes, Mapping):
        raise TypeError(f"shapes must be a mapping from names to shapes, got {shapes!r}")
    by_name = initializers if _is_by_name(initializers) else dict.fromkeys(shapes, get(initializers))
    for what, given in (("initializers", by_name), ("out", out)):
        missing = [name for name in shapes if given is not None and name not in given]
        if missing:
            raise ValueError(f"{what} has nothing for {missing[0]!r}: it needs every name of shapes")
    lengths = {name: checked_shape(shape) for name, shape in shapes.items()}
    distribution_for = cache(partial(_distribution, layout))
    distributions = {name: distribution_for(get(by_name[name]), shape) for name, shape in lengths.items()}
    return fill_batch(distributions, lengths, seed, element_type(dtype), out)


def _distribution(layout: Any, initializer: Initializer, shape: tuple[int, ...]) -> Distribution:
    return initializer.distribution_for(shape, layout=layout)


def _is_by_name(initializers: Any) -> bool:
    return isinstance(initializers, Mapping) and "class_name" not in initializers
