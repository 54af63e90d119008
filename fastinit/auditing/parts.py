"""Finds parts of one tensor that repeat each other, along every axis: gate and up, the heads of attention, experts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from fastinit.auditing.leading import ALIKE, LEADING, directions, is_informative
from fastinit.auditing.patterns import bits
from fastinit.auditing.significance import CRITICAL_SCORE, score_of_count
from fastinit.auditing.structure import PIECE, are_alike
from fastinit.auditing.subject import FEW, Found, Tensor
from fastinit.runtime.types import Array

MOST_PARTS = 2**16
MOST_SCALED = 4  # parts of which it is asked whether one is a multiple of another: query, key and value; gates

Pair: TypeAlias = tuple[int, int]


def repeated_parts(tensor: Tensor) -> Iterator[Found]:
    """The largest equal parts, where the tensor is drawn; where its distribution is known, also parts that are multiples."""
    n, sample, is_drawn = tensor.measured.n, tensor.measured.values.sample, tensor.expected is not None
    if sample.distinct <= FEW:
        return
    most = n - sample.distinct if sample.n == n else n  # values that may repeat others
    array = None
    for axis, parts in _divisions(tensor.source.shape):
        may_be_equal = n // parts <= most and _is_telling(tensor, parts)
        may_be_scaled = is_drawn and parts <= MOST_SCALED and n // parts >= LEADING
        if not (may_be_equal or may_be_scaled):
            continue
        array = tensor.source.array_of() if array is None else array
        split, where = _parts(array, axis, parts), f"of {parts} equal parts along axis {axis}, number"
        if may_be_equal and (pair := _equal_pair(split, is_drawn)):
            if is_drawn or not _is_smooth(split[pair[1]]):
                yield "repeated parts", f"{where} {pair[0]} repeats number {pair[1]}"
            return
        if may_be_scaled and (pair := _scaled_pair(split)):
            yield "repeated parts", f"{where} {pair[0]} leads with the values, times a factor, of number {pair[1]}"
            return


def _divisions(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Axes and numbers of equal parts along each, the fewest first. Rows, along the first axis, are compared elsewhere."""
    found = [(parts, axis) for axis, n in enumerate(shape) for parts in _divisors(n) if 1 < parts <= MOST_PARTS]
    for parts, axis in sorted(found):
        if axis or parts < shape[0] or len(shape) == 1:
            yield axis, parts


def _divisors(n: int) -> list[int]:
    small = [i for i in range(1, math.isqrt(n) + 1) if n % i == 0]
    return sorted({*small, *(n // i for i in small)})


def _is_telling(tensor: Tensor, parts: int) -> bool:
    """Whether two of so many parts are not equal by coincidence."""
    chance = parts * (parts - 1) / 2 * tensor.coincidence ** (tensor.measured.n // parts)
    return score_of_count(1, chance) > CRITICAL_SCORE


def _parts(array: Array, axis: int, parts: int) -> Array:
    """A view whose first axis numbers the parts."""
    shape = array.shape
    return np.moveaxis(array.reshape(*shape[:axis], parts, shape[axis] // parts, *shape[axis + 1 :]), axis, 0)


def _equal_pair(split: Array, is_drawn: bool) -> Pair | None:
    """The numbers of a part and of an earlier one that has the same bits, but not only one value.

    Of values that may be computed, those do not count that are few or a sequence, as frequencies are.
    """
    earlier: dict[bytes, list[int]] = {}
    heads = _heads(split, LEADING)
    words = bits(heads)
    alike = are_alike(words)
    for i in alike[(words[alike] != words[alike, :1]).any(axis=1)].tolist():
        if not (is_drawn or is_informative(heads[i].astype(np.float64))):
            continue
        same = earlier.setdefault(words[i].tobytes(), [])
        for j in same:
            if _equal(split[i], split[j]):
                return i, j
        same.append(i)
    return None


def _is_smooth(part: Array) -> bool:
    """Whether neighbours along an axis are correlated, as in computed tables: those of drawn values are not."""
    most = int(PIECE ** (1 / part.ndim))
    corner = part[tuple(slice(most) for _ in part.shape)].astype(np.float64)
    for axis, n in enumerate(corner.shape):
        left, right = (corner.take(range(i, n - 1 + i), axis).ravel() for i in (0, 1))
        if left.size < 3:
            continue
        both = directions(np.stack([left, right]))
        if abs(both[0] @ both[1]) * math.sqrt(left.size) > CRITICAL_SCORE:
            return True
    return False


def _scaled_pair(split: Array) -> Pair | None:
    """The numbers of a part and of an earlier one whose leading values are the same but for a factor and a constant."""
    heads = _heads(split, LEADING).astype(np.float64)
    towards = directions(heads)
    later, earlier = np.nonzero(np.tril(np.abs(towards @ towards.T) > ALIKE, -1))
    pairs = zip(later.tolist(), earlier.tolist())
    return next(((i, j) for i, j in pairs if is_informative(heads[i]) and is_informative(heads[j])), None)


def _heads(split: Array, count: int) -> Array:
    """For each part the same `count` elements, or all: those of a box at its beginning."""
    box: list[slice] = []
    needed = count
    for n in reversed(split.shape[1:]):
        box.insert(0, slice(min(n, needed)))
        needed = math.ceil(needed / n)
    return np.ascontiguousarray(split[tuple([slice(None), *box])].reshape(len(split), -1)[:, :count])


def _equal(a: Array, b: Array) -> bool:
    """Whether these have the same bits, looked at piece by piece."""
    if not a.ndim or a.size <= PIECE:
        return bool((bits(a) == bits(b)).all())
    if a[0].size > PIECE:
        return all(_equal(x, y) for x, y in zip(a, b))
    step = PIECE // a[0].size
    return all(_equal(a[i : i + step], b[i : i + step]) for i in range(0, len(a), step))
