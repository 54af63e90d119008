"""The two passes over every piece of a tensor: the first for its values and their order, the second for the histogram."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastinit.auditing import structure
from fastinit.auditing.expected import Expected
from fastinit.auditing.leading import LEADING
from fastinit.auditing.measured import EDGES, EDGES_PER_SIGMA, Counts, Lines, Measured, Order, Values, edges_of, sample_of
from fastinit.auditing.moments import SampleMoments, combined, moments, moments_of_counts
from fastinit.auditing.patterns import bits, patterns, significand_bits, smallest_normal
from fastinit.auditing.sources import Source
from fastinit.auditing.structure import HEAD, LEAST_RUN, PIECE, Indices, ZeroRuns
from fastinit.backends import current
from fastinit.distributions.base import unit_of
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Array, Float64Array

SAMPLE = 2**16  # values of 4 or 8 bytes among which the distinct ones are counted
MOST_ROWS = 2**18  # rows of a tensor, from the first, that are examined and compared with one another
SMALL = 1e-30  # dtypes with normal numbers below this have no use for subnormal ones
HUGE = 2.0**60  # no initial weight is larger; memory that was never written, read as floats, often is


class _Buffer(threading.local):
    """Each thread's own memory for a piece that is read from a file: new memory a piece costs more than to measure it."""

    def __init__(self) -> None:
        self.memory = np.empty(PIECE * 8, np.uint8)


_buffer = _Buffer()


class Passes(ABC):
    """The measuring of one tensor. Pieces may be taken in any order and by any thread: the result is the same."""

    values: Values
    histogram: npt.NDArray[np.int64] | None

    def __init__(self, source: Source, expected: Expected | None) -> None:
        self.source, self.expected, self.n = source, expected, source.size
        self.rows, self.row_length = _matrix(source.shape[0] if source.shape else 0, self.n)
        columns = source.shape[-1] if self.rows and 1 < source.shape[-1] < self.n else 0
        step = self.row_length if 0 < self.row_length <= PIECE else columns if 0 < columns <= PIECE else 1
        self.pieces = list(structure.pieces(0, self.n, PIECE // step * step)) or [(0, 0)]
        self._columns = columns if columns and step % columns == 0 else 0  # only where pieces consist of whole rows of them
        self._first_row = bits(source.read(0, self._columns))
        self._constant_columns: Indices = np.arange(self._columns)
        self._constant_rows: list[Indices] = [np.empty(0, np.intp)] * len(self.pieces)
        self._heads: list[Array | None] = [None] * len(self.pieces)
        self._runs = [ZeroRuns(count) for _, count in self.pieces]
        self._tallies: dict[int, Tally] = {}
        self._lock = threading.Lock()
        self.centre = self.sigma = math.nan

    def first_pass(self, i: int) -> None:
        piece = self._read(i)
        self._examine_rows(i, bits(piece))
        self._examine_values(i, piece)

    def _read(self, i: int) -> Array:
        """A piece, which may be in memory that the thread's next piece is read into."""
        return self.source.read(*self.pieces[i], _buffer.memory)

    def choose_sigma(self) -> None:
        """Choose the histogram's units: the distribution's mean and std where the tensor's are near, else the tensor's."""
        self.values = self._combined_values()
        own, expected = self.values.moments, self.expected
        self.centre, self.sigma = own.mean, own.std
        if expected and expected.std / 2 < own.std < expected.std * 2 and abs(own.mean - expected.mean) < expected.std:
            self.centre, self.sigma = expected.mean, expected.std
        self.histogram = np.zeros(len(EDGES) + 1, np.int64) if 0 < self.sigma < math.inf else None

    @abstractmethod
    def second_pass(self, i: int) -> int:
        """Add a piece to the histogram, and return its number of bytes."""

    def measured(self) -> Measured:
        head = self.source.read(0, LEADING).astype(np.float64)
        return Measured(self.n, self.values, self._order(), head, self.centre, self.sigma, self.histogram)

    @abstractmethod
    def _examine_values(self, i: int, piece: Array) -> None: ...

    @abstractmethod
    def _combined_values(self) -> Values: ...

    def _examine_rows(self, i: int, words: Array) -> None:
        if self._columns and len(self._constant_columns):
            rows = words.reshape(-1, self._columns)
            with self._lock:
                self._constant_columns = structure.still_constant(self._constant_columns, self._first_row, rows)
        first_row = self.pieces[i][0] // self.row_length if 0 < self.row_length <= PIECE else MOST_ROWS
        if first_row < MOST_ROWS:
            rows = words.reshape(-1, self.row_length)[: MOST_ROWS - first_row]
            self._heads[i] = rows[:, :HEAD].copy()
            self._constant_rows[i] = first_row + structure.constant_rows(rows)

    def _order(self) -> Order:
        if self.row_length > PIECE:
            self._examine_long_rows()
        constant = np.concatenate(self._constant_rows)
        heads = [head for head in self._heads if head is not None]
        repeated = structure.repeated_rows(self.source, np.concatenate(heads), self.row_length, constant) if heads else []
        rows = Lines(constant.tolist(), min(self.rows, MOST_ROWS), self.row_length)
        columns = Lines(self._constant_columns.tolist(), self._columns, self.n // max(1, self._columns))
        return Order(structure.joined(self._runs).longest, rows, columns, repeated)

    def _examine_long_rows(self) -> None:
        """Rows longer than a piece are few."""
        starts = range(0, self.n, self.row_length)
        self._heads = [np.stack([bits(self.source.read(start, HEAD)) for start in starts])]
        constant = [i for i, start in enumerate(starts) if structure.is_constant(self.source, start, self.row_length)]
        self._constant_rows = [np.array(constant, np.intp)]


class Tally(NamedTuple):
    """What is measured of one piece of a wide tensor; `bits_used`: those set in any value; `sample`: of bit patterns."""

    moments: SampleMoments
    low: float
    high: float
    counts: Counts
    bits_used: np.unsignedinteger[Any]
    sample: Array


class WidePasses(Passes):
    """The passes over elements of 4 or 8 bytes."""

    @np.errstate(over="ignore", invalid="ignore")  # where the sum of the values is beyond float64, and of NaN
    def _examine_values(self, i: int, piece: Array) -> None:
        words, nan, inf = bits(piece), 0, 0
        sample = words[: math.ceil(len(words) * min(1.0, SAMPLE / max(1, self.n)))].copy()
        found = _measured_in_c(piece)
        if found is not None:
            of_all = SampleMoments(len(piece), found.mean, found.m2, found.m3, found.m4)
            counts = Counts(0, 0, found.zeros, found.out_of_range)
            if counts.zeros >= LEAST_RUN:
                self._runs[i] = structure.zero_runs(words << 1 == 0)
            self._tallies[i] = Tally(of_all, found.low, found.high, counts, words.dtype.type(found.bits_used), sample)
            return
        real = piece.astype(np.float64)
        if not math.isfinite(real.sum()):
            nan, inf = _count(np.isnan(piece)), _count(np.isinf(piece))
            piece = piece[np.isfinite(piece)]
            real = piece.astype(np.float64)
        sizes, zeros = np.abs(piece), _count(piece == 0)
        out_of_range = _count(sizes < _least_in_range(piece.dtype)) - zeros + _count(sizes > HUGE)
        if zeros >= LEAST_RUN:
            self._runs[i] = structure.zero_runs(words << 1 == 0)
        low, high = float(piece.min(initial=math.inf)), float(piece.max(initial=-math.inf))
        counts = Counts(nan, inf, zeros, out_of_range)
        of_all = moments(real, max(-low, high))
        self._tallies[i] = Tally(of_all, low, high, counts, np.bitwise_or.reduce(words), sample)

    def second_pass(self, i: int) -> int:
        if self.histogram is not None:
            bins = self._histogram(self._read(i))
            with self._lock:
                self.histogram += bins
        return self.pieces[i][1] * self.source.dtype.itemsize

    def _histogram(self, piece: Array) -> Array:
        unit, counts = self.values.moments.unit, self.values.counts
        native = _native(piece)
        if native is None or unit != 1 or counts.nan + counts.inf:
            return np.bincount(self._bins(piece, unit), minlength=len(EDGES) + 1)
        scale, offset = EDGES_PER_SIGMA / self.sigma, (len(EDGES) + 1) // 2
        found: Array = native.histogram(current().level, piece, self.centre, scale, offset, len(EDGES) + 1)
        return found

    def _bins(self, piece: Array, unit: float) -> Indices:
        """For each finite value, the number of edges that are not above it."""
        if unit != 1:
            piece = piece.astype(np.float64) / unit
        places: Float64Array = np.subtract(piece, np.float64(self.centre / unit), dtype=np.float64)
        places *= EDGES_PER_SIGMA / (self.sigma / unit)
        places += (len(EDGES) + 1) // 2
        if self.values.counts.nan + self.values.counts.inf:
            places = places[np.isfinite(places)]
        np.clip(places, 0.0, float(len(EDGES)), out=places)
        return places.astype(np.intp)

    def _combined_values(self) -> Values:
        parts, lows, highs, counts, bits_used, samples = zip(*(self._tallies[i] for i in range(len(self.pieces))))
        used = int(np.bitwise_or.reduce(bits_used))
        unused_bits = min((used & -used).bit_length() - 1 if used else 64, significand_bits(self.source.dtype))
        sample = sample_of(np.unique(np.concatenate(samples)[:SAMPLE], return_counts=True)[1])
        return Values(combined(parts), min(lows), max(highs), Counts(*map(sum, zip(*counts))), unused_bits, sample)


class NarrowPasses(Passes):
    """The passes over elements of 1 or 2 bytes: counts of their bit patterns hold all about their values."""

    def __init__(self, source: Source, expected: Expected | None) -> None:
        super().__init__(source, expected)
        self._known = patterns(source.dtype)
        self._counts = np.zeros(len(self._known.rank), np.int64)

    def _examine_values(self, i: int, piece: Array) -> None:
        words, is_zero = bits(piece), self._known.is_zero
        counts = np.bincount(words, minlength=len(self._counts))
        if counts[is_zero].sum() >= LEAST_RUN:
            self._runs[i] = structure.zero_runs(is_zero[words])
        with self._lock:
            self._counts += counts

    def second_pass(self, i: int) -> int:
        """Nothing is read again."""
        if i == 0 and self.histogram is not None:
            bins = np.searchsorted(edges_of(self.centre, self.sigma), self._known.values, side="right")
            self.histogram += np.bincount(bins, self._finite, minlength=len(EDGES) + 1).astype(np.int64)
        return self.pieces[i][1] * self.source.dtype.itemsize

    def _combined_values(self) -> Values:
        values = self._known.values
        counts = np.bincount(self._known.rank, self._counts, minlength=len(values) + 2).astype(np.int64)
        self._finite = counts[:-2]
        there = values[self._finite > 0]
        sizes, least = np.abs(values), _least_in_range(self.source.dtype)
        out_of_range = (sizes > HUGE) | (sizes > 0) & (sizes < least)
        zeros, strange = (int(self._finite[chosen].sum()) for chosen in (values == 0, out_of_range))
        low, high = (float(there[0]) + 0.0, float(there[-1])) if len(there) else (math.inf, -math.inf)  # no -0
        counted, sample = Counts(int(counts[-2]), int(counts[-1]), zeros, strange), sample_of(self._counts[self._counts > 0])
        return Values(moments_of_counts(values, self._finite), low, high, counted, 0, sample)


def _native(piece: Array) -> Any:
    """What measures in C, where that is the backend and has the piece's type."""
    if current().name != "c" or piece.dtype not in (np.float32, np.float64):
        return None
    with without_forks():
        return import_module("fastinit.backends.c_measures")


def _measured_in_c(piece: Array) -> Any:
    """The tally of a piece; None where some values are not finite, or are to be measured in units (`unit_of`)."""
    native = _native(piece)
    if native is None or not len(piece):
        return None
    found = native.tally(current().level, piece, _least_in_range(piece.dtype), HUGE)
    usable = not found.not_finite and unit_of(max(-found.low, found.high)) == 1
    return found if usable else None


def _matrix(rows: int, n: int) -> tuple[int, int]:
    """Rows and the length of each, or 0 and 0 where there are not two of each."""
    return (rows, n // rows) if rows > 1 and n // rows > 1 else (0, 0)


def _count(chosen: Array) -> int:
    return int(np.count_nonzero(chosen))


def _least_in_range(dtype: np.dtype[Any]) -> float:
    """Below it a value is subnormal; in dtypes of small range that is usual, and the limit is 0."""
    smallest = smallest_normal(dtype)
    return smallest if smallest < SMALL else 0.0
