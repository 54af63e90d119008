"""Finds parts of one tensor that repeat each other, along every axis: gate and up, the heads of attention, experts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias

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
Division: TypeAlias = tuple[int, int]
"""An axis, and the number of equal parts along it."""


def repeated_parts(tensor: Tensor) -> Iterator[Found]:
    """The largest equal parts, where the tensor is drawn; where its distribution is known, also parts that are multiples."""
    n, sample, is_drawn = tensor.measured.n, tensor.measured.values.sample, tensor.expected is not None
    if sample.distinct <= FEW:
        return
    most = n - sample.distinct if sample.n == n else n  # values that may repeat others
    array = None
    scaled = _scaled_pairs(tensor) if is_drawn else {}
    for axis, parts in _divisions(tensor.source.shape):
        where = f"of {parts} equal parts along axis {axis}, number"
        if n // parts <= most and _is_telling(tensor, parts):
            array = tensor.source.array_of() if array is None else array
            split = _parts(array, axis, parts)
            if pair := _equal_pair(split, is_drawn):
                if is_drawn or not _is_smooth(split[pair[1]]):
                    yield "repeated parts", f"{where} {pair[0]} repeats number {pair[1]}"
                return
        if pair := scaled.get((axis, parts)):
            yield "repeated parts", f"{where} {pair[0]} leads with the values, times a factor, of number {pair[1]}"
            return


@lru_cache(maxsize=256)
def _divisions(shape: tuple[int, ...]) -> tuple[Division, ...]:
    """Axes and numbers of equal parts along each, the fewest first. Rows, along the first axis, are compared elsewhere."""
    found = [(parts, axis) for axis, n in enumerate(shape) for parts in _divisors(n) if 1 < parts <= MOST_PARTS]
    return tuple((axis, parts) for parts, axis in sorted(found) if axis or parts < shape[0] or len(shape) == 1)


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


def _scaled_pairs(tensor: Tensor) -> dict[Division, Pair]:
    """For divisions into few parts the numbers of a part and of an earlier one whose leading values are the same but for a
    factor and a constant. All parts are compared at once: the calls for each division would take as long as all else.
    """
    compared = _leading_of_parts(tensor.source.shape)
    found: dict[Division, Pair] = {}
    if not compared.of_part:
        return found
    heads = tensor.source.array_of()[compared.indices].astype(np.float64)
    towards = directions(heads)
    later, earlier = np.nonzero(compared.is_pair & (np.abs(towards @ towards.T) > ALIKE))
    for i, j in zip(later.tolist(), earlier.tolist()):
        if is_informative(heads[i]) and is_informative(heads[j]):
            division, number = compared.of_part[i]
            found.setdefault(division, (number, compared.of_part[j][1]))
    return found


class _Leading(NamedTuple):
    """Where the leading values of parts are: by part the division and its number there, and an index of an array that gives
    a row for each; `is_pair`: whether two rows are of a part and of an earlier one of the same division."""

    of_part: list[tuple[Division, int]]
    indices: tuple[Array, ...]
    is_pair: Array


@lru_cache(maxsize=256)
def _leading_of_parts(shape: tuple[int, ...]) -> _Leading:
    """Of divisions into so few parts that they may be scaled, and into so large ones that they have LEADING values."""
    most = min(MOST_SCALED, math.prod(shape) // LEADING)
    divisions = [division for division in _divisions(shape) if division[1] <= most]
    if not divisions:
        return _Leading([], (), np.empty((0, 0), bool))
    positions = [_positions_of_heads(shape, *division) for division in divisions]
    number = np.repeat(range(len(divisions)), [len(rows) for rows in positions])
    return _Leading(
        [(division, part) for division in divisions for part in range(division[1])],
        np.unravel_index(np.concatenate(positions), shape),
        np.tril(number[:, np.newaxis] == number, -1),
    )


def _positions_of_heads(shape: tuple[int, ...], axis: int, parts: int) -> Array:
    """For each part the row-major numbers, in the whole, of the elements that `_heads` takes of it."""
    steps = [math.prod(shape[k + 1 :]) for k in range(len(shape))]
    of_part = shape[axis] // parts
    positions = np.arange(parts, dtype=np.int64) * (of_part * steps[axis])
    for n, step in zip(_box((*shape[:axis], of_part, *shape[axis + 1 :]), LEADING), steps):
        positions = positions[..., np.newaxis] + np.arange(n, dtype=np.int64) * step
    return positions.reshape(parts, -1)[:, :LEADING]


def _heads(split: Array, count: int) -> Array:
    """For each part the same `count` elements, or all: those of a box at its beginning."""
    box = (slice(None), *(slice(n) for n in _box(split.shape[1:], count)))
    return np.ascontiguousarray(split[box].reshape(len(split), -1)[:, :count])


def _box(shape: tuple[int, ...], count: int) -> list[int]:
    """The lengths of a box at the beginning of a part that has `count` elements, or all."""
    box: list[int] = []
    needed = count
    for n in reversed(shape):
        box.insert(0, min(n, needed))
        needed = math.ceil(needed / n)
    return box


def _equal(a: Array, b: Array) -> bool:
    """Whether these have the same bits, looked at piece by piece."""
    if not a.ndim or a.size <= PIECE:
        return bool((bits(a) == bits(b)).all())
    if a[0].size > PIECE:
        return all(_equal(x, y) for x, y in zip(a, b))
    step = PIECE // a[0].size
    return all(_equal(a[i : i + step], b[i : i + step]) for i in range(0, len(a), step))
