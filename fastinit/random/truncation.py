"""Truncated normals whose bounds are arrays: every pair of bounds is a distribution of its own."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from fastinit.core.draws import fill_scattered
from fastinit.core.stream import Stream
from fastinit.distributions import TruncatedNormal
from fastinit.random import requests
from fastinit.runtime.types import Array, Float64Array, Real


class Bounds(NamedTuple):
    """Lower and upper bounds of one shape, in standard deviations from the mean."""

    low: Float64Array
    high: Float64Array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.low.shape

    @property
    def only(self) -> TruncatedNormal | None:
        """The standard normal truncated at the only pair of bounds; None where they are arrays."""
        return TruncatedNormal(0.0, 1.0, float(self.low), float(self.high)) if self.low.ndim == 0 else None

    def fill(self, out: Array, kernel: str, stream: Stream, start: int, order: Literal["C", "F"]) -> None:
        """Write standard normals truncated at the bounds, which broadcast to `out`.

        Element i, in the order of rows ("C") or of columns ("F"), is what a draw with its bounds alone has at position
        start + i. All bounds are checked before anything is written.
        """
        if not out.size:
            return
        real: Real = out.dtype.type
        pairs = np.stack([np.broadcast_to(bound, out.shape).ravel(order) for bound in self], axis=1)
        different, which = np.unique(pairs, axis=0, return_inverse=True)
        parameters = [TruncatedNormal(0.0, 1.0, low, high).parameters(real) for low, high in different.tolist()]
        grouped = np.argsort(which.reshape(-1), kind="stable")
        values, ends = np.empty(out.size, real), np.cumsum(np.bincount(which.reshape(-1))).tolist()
        for first, last, of_pair in zip([0, *ends], ends, parameters):
            elements = grouped[first:last]
            drawn = np.empty(last - first, real)
            fill_scattered(kernel, stream, of_pair, (start + elements).astype(np.uint64), drawn)
            values[elements] = drawn
        out[...] = values.reshape(out.shape, order=order)

    def clip(self, drawn: Any, loc: Any, scale: Any) -> Any:
        """The values loc + scale z at or between the bounds, which rounding may have left."""
        loc, scale = np.asarray(loc, np.float64), np.asarray(scale, np.float64)
        with np.errstate(invalid="ignore"):
            low, high = (loc + np.where(scale == 0, 0.0, scale * bound) for bound in self)
        if not isinstance(drawn, np.ndarray):
            return float(np.clip(drawn, low, high))
        real = drawn.dtype.type
        return np.clip(drawn, _inside(low, real, np.inf), _inside(high, real, -np.inf), out=drawn)


def bounds_of(low: Any, high: Any) -> Bounds:
    """TypeError for what are no numbers, ValueError for shapes that do not broadcast."""
    arrays = []
    for name, bound in (("low", low), ("high", high)):
        try:
            arrays.append(requests.as_float64(bound))
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be a number or an array of numbers, got {bound!r}") from None
    try:
        return Bounds(*np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = f"{arrays[0].shape} and {arrays[1].shape}"
        raise ValueError(f"low and high must have shapes that broadcast together, got {shapes}") from None


def _inside(bounds: Float64Array, real: Real, towards: float) -> Array:
    """The bounds in type `real`, rounded towards the inside."""
    nearest: Array = bounds.astype(real)
    outside = nearest < bounds if towards > 0 else nearest > bounds
    return np.where(outside, np.nextafter(nearest, real(towards)), nearest)
