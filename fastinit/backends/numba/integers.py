"""Unbiased integers, as in csrc/kernels/integers.h: one function for all types of `values`: storing keeps the low bits."""

from __future__ import annotations

import numpy as np
from numpy import uint32, uint64

from fastinit.backends.numba.lanes import LANES, at, philox, wide_word
from fastinit.backends.numba.operations import Words, bits_f64, called, inlined, wide_product
from fastinit.backends.numba.store import Elements
from fastinit.backends.numba.traced import Value, traced
from fastinit.backends.request import Parameters


@traced
def integer_parameters(parameters: Value) -> tuple[Value, Value, Value]:
    """low, range and rejection threshold: integers whose bits are passed as doubles."""
    return bits_f64(parameters[0]), bits_f64(parameters[1]), bits_f64(parameters[2])


@called
def redraw(stream: Words, position: np.uint64, size: np.uint64) -> np.uint64:
    """The value whose own word, or the first of whose two, is word `position` of the stream, where that was rejected."""
    threshold = (uint64(0) - size) % size
    key = uint32(stream[0] ^ uint32(0x5851F42D))
    attempt = uint32(0)
    while True:
        c0, c1, c2, c3 = philox(
            uint32(position), uint32(position >> uint64(32)), stream[2], stream[3], key, uint32(stream[1] + attempt)
        )
        value, remainder = wide_product(uint64(c0) << uint64(32) | uint64(c1), size)
        if remainder >= threshold:
            return value
        value, remainder = wide_product(uint64(c2) << uint64(32) | uint64(c3), size)
        if remainder >= threshold:
            return value
        attempt = uint32(attempt + uint32(1))


@inlined
def integers_values(
    words: Words,
    rows: int,
    parameters: Parameters,
    stream: Words,
    position: np.uint64,
    values: Elements,
) -> None:
    """One word per value, for ranges up to 2^24. `position` is that of the first word in the stream."""
    low, size, threshold = integer_parameters(parameters)
    for r in range(rows):
        rejected = uint32(0)
        for lane in range(LANES):
            product = uint64(words[at(r, lane)]) * size
            rejected |= uint32(uint32(product) < uint32(threshold))
            values[at(r, lane)] = low + (product >> uint64(32))
        if rejected:
            for lane in range(LANES):
                if uint32(uint64(words[at(r, lane)]) * size) < uint32(threshold):
                    values[at(r, lane)] = low + redraw(stream, position + at(r, lane), size)


@inlined
def wideintegers_values(
    words: Words,
    rows: int,
    parameters: Parameters,
    stream: Words,
    position: np.uint64,
    values: Elements,
) -> None:
    """Two words per value, for larger ranges; a range of 0 stands for 2^64."""
    low, size, threshold = integer_parameters(parameters)
    for r in range(rows):
        for lane in range(LANES):
            word = wide_word(words, r, lane)
            value, remainder = wide_product(word, size)
            if size == uint64(0):
                value = word
            if remainder < threshold:
                value = redraw(stream, position + at(2 * r, lane), size)
            values[at(r, lane)] = low + value
