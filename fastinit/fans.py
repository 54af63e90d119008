"""How many inputs and outputs a weight's shape says a unit has."""

from __future__ import annotations

import math

LAYOUTS = {"io": (-2, -1), "oi": (1, 0)}
"""The axes of inputs and outputs by layout: "io" is (*kernel, in, out) as in Keras and JAX, "oi" is (out, in, *kernel) as in
torch."""


def fans(shape: tuple[int, ...], layout: str = "io", wanted_by: str = "fans") -> tuple[int, int]:
    """(fan_in, fan_out): the length of the input (output) axis times those of the kernel's (He et al. 2015, section 2.2).

    ValueError for an unknown layout, for fewer than two axes, and for a fan of zero.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(map(repr, LAYOUTS))}, got {layout!r}")
    if len(shape) < 2:
        raise ValueError(f"shape {shape} has no fan_in: {wanted_by} needs at least 2 axes; for a bias use zeros")
    if 0 in shape:
        raise ValueError(f"shape {shape} has a fan of zero: {wanted_by} needs axes of length at least 1")
    into, out_of = (shape[axis] for axis in LAYOUTS[layout])
    kernel = math.prod(shape) // (into * out_of)
    return into * kernel, out_of * kernel
