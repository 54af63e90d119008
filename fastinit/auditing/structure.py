"""What the order of a tensor's values shows: runs of zeros, rows and columns of one value, repeated rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fastinit.auditing.patterns import bits
from fastinit.auditing.sources import Source
from fastinit.runtime.types import Array

Indices: TypeAlias = npt.NDArray[np.intp]

HEAD = 8  # leading elements of a row: only rows that agree in them are compared in full
LEAST_RUN = 64  # pieces with fewer zeros than this are not searched for runs
PIECE = 2**17  # elements read at a time: a float64 copy of them stays in the second-level cache


class Run(NamedTuple):
    start: int
    length: int


class ZeroRuns(NamedTuple):
    """Of `n` values: how many zeros lead, how many trail, and the longest run of zeros anywhere."""

    n: int
    leading: int = 0
    trailing: int = 0
    longest: Run = Run(0, 0)


def zero_runs(is_zero: npt.NDArray[np.bool_]) -> ZeroRuns:
    n = len(is_zero)
    others = np.flatnonzero(~is_zero)
    gaps = np.diff(others, prepend=-1, append=n) - 1
    longest = int(gaps.argmax())
    start = int(others[longest - 1]) + 1 if longest else 0
    return ZeroRuns(n, int(gaps[0]), int(gaps[-1]), Run(start, int(gaps[longest])))


def joined(parts: Iterable[ZeroRuns]) -> ZeroRuns:
    """The runs of a whole whose consecutive parts these are."""
    n = leading = trailing = 0
    longest = Run(0, 0)
    for part in parts:
        across = Run(n - trailing, trailing + part.leading)
        inside = Run(n + part.longest.start, part.longest.length)
        longest = max(longest, across, inside, key=lambda run: run.length)
        leading += part.leading if leading == n else 0
        trailing = part.trailing + (trailing if part.trailing == part.n else 0)
        n += part.n
    return ZeroRuns(n, leading, trailing, longest)


def constant_rows(rows: Array) -> Indices:
    """The indices of the rows that hold one value, of a matrix with at least two columns."""
    found = np.flatnonzero(rows[:, 0] == rows[:, 1])
    return found[(rows[found] == rows[found, :1]).all(axis=1)] if len(found) else found


def still_constant(candidates: Indices, first: Array, rows: Array) -> Indices:
    """Those of the columns `candidates` that hold in all of these rows what they hold in the row `first`."""
    for some in (rows[:HEAD], rows):  # the first few rows rule out nearly all
        if len(candidates):
            candidates = candidates[(some[:, candidates] == first[candidates]).all(axis=0)]
    return candidates


def repeated_rows(source: Source, heads: Array, n: int, except_rows: Indices) -> list[tuple[int, int]]:
    """Pairs (row, earlier row) of equal rows of n elements, which begin with `heads`; `except_rows` take no part."""
    alike = are_alike(heads)
    alike = alike[~np.isin(alike, except_rows)]
    earlier: dict[bytes, int] = {}
    pairs = []
    for row in alike.tolist():
        key = digest(source, row * n, n)
        if key in earlier:
            pairs.append((row, earlier[key]))
        earlier.setdefault(key, row)
    return pairs


def are_alike(heads: Array) -> Indices:
    """The indices of the rows whose head is also that of another row."""
    whole = np.ascontiguousarray(heads).view(np.dtype((np.void, heads.itemsize * heads.shape[1]))).ravel()
    _, inverse, counts = np.unique(whole, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[inverse] > 1)


def is_constant(source: Source, first: int, count: int) -> bool:
    """Whether these elements, too many for one piece, all have the same bits."""
    value = source.read(first, 1)
    return all((bits(source.read(at, n)) == bits(value)).all() for at, n in pieces(first, count, PIECE))


def digest(source: Source, first: int, count: int) -> bytes:
    """A digest of the bytes of these elements: equal only for equal bytes."""
    state = hashlib.blake2b(digest_size=16)
    for at, n in pieces(first, count, PIECE):
        state.update(source.read(at, n).view(np.uint8).data)
    return state.digest()


def pieces(first: int, count: int, step: int) -> Iterator[tuple[int, int]]:
    for at in range(first, first + count, step):
        yield at, min(step, first + count - at)
