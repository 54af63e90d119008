"""Fills many tensors by name in one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from fastinit.core.batch import fill_batch
from fastinit.core.dtypes import check_array, check_disjoint, element_type
from fastinit.distributions import Distribution
from fastinit.initializers.layouts import LayoutLike
from fastinit.initializers.names import InitializerLike, get
from fastinit.runtime.types import Array, DTypeLike, Seed, Shape


def fill_many(
    initializers: InitializerLike | Mapping[str, InitializerLike],
    shapes: Mapping[str, Shape],
    *,
    seed: Seed = 0,
    dtype: DTypeLike = np.float32,
    layout: LayoutLike = None,
    out: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Fill tensors by name in one batch: each becomes what `initializer(shape, seed=seed, name=name, ...)` gives.

    For models of many small tensors, whose calls take longer than the filling. `initializers`: what `fastinit.get` takes, a
    distribution included, for all tensors, or a mapping that has one for each name of `shapes`. `seed` is 0 by default, as
    in all functions that initialize a whole model, so that the model is the same each time. `out`: by name, the arrays to
    fill, all of NumPy. The other options are those of every initializer. ValueError and TypeError as from these, and for a
    name that `initializers` or `out` lacks, or where two arrays of `out` share memory, before anything is written.

        >>> import fastinit
        >>> weights = fastinit.fill_many("he_normal", {f"experts.{i}.w": (64, 64) for i in range(10_000)})
        >>> weights["experts.0.w"][0, :3]
        array([-0.06196355, -0.12636837, -0.40938452], dtype=float32)
    """
    if not isinstance(shapes, Mapping):
        raise TypeError(f"shapes must be a mapping from names to shapes, got {shapes!r}")
    by_name: Mapping[str, InitializerLike]
    if isinstance(initializers, Mapping) and "class_name" not in initializers:
        by_name = cast(Mapping[str, InitializerLike], initializers)
        _check_names("initializers", by_name, shapes)
        by_name = {name: by_name[name] for name in shapes}  # held, so that each object has an id of its own
    else:
        by_name = dict.fromkeys(shapes, get(cast(InitializerLike, initializers)))
    if not isinstance(out, Mapping | None):
        raise TypeError(f"out must be a mapping from names to arrays or None, got {out!r}")
    if out is not None:
        _check_names("out", out, shapes)
        check_disjoint({name: _array_for(name, out[name]) for name in shapes})

    def distribution_for(initializer: InitializerLike, shape: tuple[int, ...]) -> Distribution:
        return get(initializer).distribution_for(shape, layout=layout)

    return fill_batch(by_name, shapes, seed, element_type(dtype), out, distribution_for)


def _array_for(name: str, out: object) -> Array:
    by_itself = " (one on a device is filled by a call of its own)" if hasattr(out, "__dlpack_device__") else ""
    return check_array(out, f"out[{name!r}]", by_itself)


def _check_names(what: str, given: Mapping[str, object], shapes: Mapping[str, Shape]) -> None:
    missing = [name for name in shapes if name not in given]
    if missing:
        raise ValueError(f"{what} has nothing for {missing[0]!r}: it needs every name of shapes")
