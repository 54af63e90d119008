"""The two looks at every piece of a tensor: the first at its values and their order, the second for the histogram."""

from __future__ import annotations

import math
import threading

import ml_dtypes
import numpy as np

from fastinit.auditing import structure
from fastinit.auditing.expected import Nominal
from fastinit.auditing.measured import EDGES, EDGES_PER_SIGMA, Measured, Order, Values
from fastinit.auditing.moments import Moments, moments, moments_of_counts, together
from fastinit.auditing.patterns import UNSIGNED, bits, patterns, significand_bits
from fastinit.auditing.sources import Source, size_of
from fastinit.auditing.structure import HEAD, LEAST_RUN, PIECE, ZeroRuns

SAMPLE = 2**16  # values of 4 or 8 bytes among which the distinct ones are counted
MOST_ROWS = 2**18  # rows of a tensor, from the first, that are looked at and compared with one another
LEADING = 64  # values of a tensor by which it is known again
SMALL = 1e-30  # dtypes with normal numbers below this have no use for subnormal ones
HUGE = 2.0**60  # no initial weight is larger; memory that was never written, read as floats, often is


class Looks:
    """Looks may be taken at the pieces in any order and from any thread: the result is the same."""

    def __init__(self, source: Source, nominal: Nominal | None) -> None:
        self.source, self.nominal, self.n = source, nominal, size_of(source)
        self.rows, self.row_length = _matrix(source.shape[0] if source.shape else 0, self.n)
        self.columns = source.shape[-1] if self.rows and 1 < source.shape[-1] < self.n else 0
        step = self.row_length if 0 < self.row_length <= PIECE else self.columns if 0 < self.columns <= PIECE else 1
        self.pieces = list(structure.pieces(0, self.n, PIECE // step * step))
        self._aligned_columns = self.columns if self.columns and step % self.columns == 0 else 0
        self._first_row = bits(source.read(0, self._aligned_columns))
        self._constant_columns = np.arange(self._aligned_columns)
        self._constant_rows: list[np.ndarray] = [np.empty(0, np.intp)] * len(self.pieces)
        self._heads: list[np.ndarray | None] = [None] * len(self.pieces)
        self._runs: list[ZeroRuns | None] = [None] * len(self.pieces)
        self._lock = threading.Lock()
        self.centre = self.sigma = math.nan
        self.values: Values | None = None

    def first_look(self, i: int) -> None:
        piece = self.source.read(*self.pieces[i])
        self._look_at_rows(i, bits(piece))
        self._look_at_values(i, piece)

    def choose_sigma(self) -> None:
        """The distribution's, where the tensor is near it, else the tensor's own."""
        self.values = self._all_values()
        own, nominal = self.values.moments, self.nominal
        near = nominal and nominal.std / 2 < own.std < nominal.std * 2 and abs(own.mean - nominal.mean) < nominal.std
        self.centre, self.sigma = (nominal.mean, nominal.std) if near else (own.mean, own.std)
        self.histogram = np.zeros(len(EDGES) + 1, np.int64) if 0 < self.sigma < math.inf else None

    def measured(self) -> Measured:
        head = self.source.read(0, LEADING).astype(np.float64)
        return Measured(self.n, self.values, self._order(), head, self.centre, self.sigma, self.histogram)

    def _look_at_rows(self, i: int, words: np.ndarray) -> None:
        if self._aligned_columns and len(self._constant_columns):
            rows = words.reshape(-1, self._aligned_columns)
            with self._lock:
                self._constant_columns = structure.still_constant(self._constant_columns, self._first_row, rows)
        first_row = self.pieces[i][0] // self.row_length if 0 < self.row_length <= PIECE else MOST_ROWS
        if first_row < MOST_ROWS:
            rows = words.reshape(-1, self.row_length)[: MOST_ROWS - first_row]
            self._heads[i] = rows[:, :HEAD].copy()
            self._constant_rows[i] = first_row + structure.constant_rows(rows)

    def _order(self) -> Order:
        if self.row_length > PIECE:
            self._look_at_long_rows()
        constant = np.concatenate([*self._constant_rows, np.empty(0, np.intp)])
        heads = [head for head in self._heads if head is not None]
        repeated = structure.repeated_rows(self.source, np.concatenate(heads), self.row_length, constant) if heads else []
        return Order(
            zero_run=structure.joined(run for run in self._runs if run).longest,
            constant_rows=constant.tolist(),
            rows=min(self.rows, MOST_ROWS),
            row_length=self.row_length,
            constant_columns=self._constant_columns.tolist(),
            column_length=self.n // self._aligned_columns if self._aligned_columns else 0,
            repeated_rows=repeated,
        )

    def _look_at_long_rows(self) -> None:
        """Rows longer than a piece are few."""
        starts = range(0, self.n, self.row_length)
        self._heads = [np.stack([bits(self.source.read(start, HEAD)) for start in starts])]
        constant = [i for i, start in enumerate(starts) if structure.is_constant(self.source, start, self.row_length)]
        self._constant_rows = [np.array(constant, np.intp)]


class Wide(Looks):
    """Of 4 or 8 bytes an element."""

    def __init__(self, source: Source, nominal: Nominal | None) -> None:
        super().__init__(source, nominal)
        self._moments: list[Moments] = [moments(np.empty(0))] * len(self.pieces)
        self._sample: list[np.ndarray] = [np.empty(0, UNSIGNED[source.dtype.itemsize])] * len(self.pieces)
        self._low, self._high, self._bits = math.inf, -math.inf, 0
        self._nan = self._inf = self._zeros = self._wild = 0

    def _look_at_values(self, i: int, piece: np.ndarray) -> None:
        words, nan, inf = bits(piece), 0, 0
        self._sample[i] = words[: math.ceil(len(words) * min(1.0, SAMPLE / self.n))].copy()
        used = int(np.bitwise_or.reduce(words))
        real = piece.astype(np.float64)
        if not math.isfinite(real.sum()):
            nan = int(np.isnan(piece).sum())
            inf = int(np.isinf(piece).sum())
            piece = piece[np.isfinite(piece)]
            real = piece.astype(np.float64)
        zeros, wild = _zeros_and_wild(piece)
        self._runs[i] = structure.zero_runs(words << 1 == 0) if zeros >= LEAST_RUN else structure.no_runs(len(words))
        self._moments[i] = moments(real)
        with self._lock:
            if len(piece):
                self._low, self._high = min(self._low, float(piece.min())), max(self._high, float(piece.max()))
            self._bits |= used
            self._nan, self._inf = self._nan + nan, self._inf + inf
            self._zeros, self._wild = self._zeros + zeros, self._wild + wild

    def second_look(self, i: int) -> int:
        """The number of bytes looked at."""
        first, count = self.pieces[i]
        if self.histogram is not None:
            places = self._places(self.source.read(first, count))
            counts = np.bincount(places, minlength=len(EDGES) + 1)
            with self._lock:
                self.histogram += counts
        return count * self.source.dtype.itemsize

    def _places(self, piece: np.ndarray) -> np.ndarray:
        """Of each value, how many edges are not above it."""
        places = np.subtract(piece, np.float64(self.centre), dtype=np.float64)
        places *= EDGES_PER_SIGMA / self.sigma
        places += (len(EDGES) + 1) // 2
        if self.values.nan + self.values.inf:
            places = places[np.isfinite(places)]
        np.clip(places, 0.0, float(len(EDGES)), out=places)
        return places.astype(np.intp)

    def _all_values(self) -> Values:
        sample = np.concatenate([*self._sample, np.empty(0, UNSIGNED[self.source.dtype.itemsize])])[:SAMPLE]
        _, counts = np.unique(sample, return_counts=True)
        lowest_set = (self._bits & -self._bits).bit_length() - 1 if self._bits else 64
        return Values(
            moments=together(self._moments) if self._moments else moments(np.empty(0)),
            low=self._low,
            high=self._high,
            nan=self._nan,
            inf=self._inf,
            zeros=self._zeros,
            wild=self._wild,
            unused_bits=min(lowest_set, significand_bits(self.source.dtype)),
            **_how_distinct(counts),
        )


class Narrow(Looks):
    """Of 1 or 2 bytes an element: the counts of its bit patterns say all about its values."""

    def __init__(self, source: Source, nominal: Nominal | None) -> None:
        super().__init__(source, nominal)
        self._counts = np.zeros(2 ** (8 * source.dtype.itemsize), np.int64)

    def _look_at_values(self, i: int, piece: np.ndarray) -> None:
        counts = np.bincount(bits(piece), minlength=len(self._counts))
        self._runs[i] = structure.no_runs(len(piece))
        zero = patterns(self.source.dtype).is_zero
        if counts[zero].sum() >= LEAST_RUN:
            self._runs[i] = structure.zero_runs(zero[bits(piece)])
        with self._lock:
            self._counts += counts

    def second_look(self, i: int) -> int:
        """The counts say it all: nothing is read again."""
        if i == 0 and self.histogram is not None:
            edges = self.centre + self.sigma * EDGES
            places = np.searchsorted(edges, patterns(self.source.dtype).values, side="right")
            self.histogram += np.bincount(places, self._finite, minlength=len(EDGES) + 1).astype(np.int64)
        return self.pieces[i][1] * self.source.dtype.itemsize

    def _all_values(self) -> Values:
        known = patterns(self.source.dtype)
        counts = np.bincount(known.rank, self._counts, minlength=len(known.values) + 2).astype(np.int64)
        *_, nan, inf = counts.tolist()
        self._finite = counts[:-2]
        there = known.values[self._finite > 0]
        wild = (np.abs(known.values) > HUGE) | (known.values != 0) & (np.abs(known.values) < _least_tame(self.source.dtype))
        return Values(
            moments=moments_of_counts(known.values, self._finite),
            low=float(there[0]) + 0.0 if len(there) else math.inf,  # no -0
            high=float(there[-1]) if len(there) else -math.inf,
            nan=nan,
            inf=inf,
            zeros=int(self._finite[np.searchsorted(known.values, 0.0)]),
            wild=int(self._finite[wild].sum()),
            unused_bits=0,
            **_how_distinct(self._counts[self._counts > 0]),
        )


def _matrix(rows: int, n: int) -> tuple[int, int]:
    """Rows and the length of each, or 0 and 0 where there are not two of each."""
    return (rows, n // rows) if rows > 1 and n // rows > 1 else (0, 0)


def _zeros_and_wild(piece: np.ndarray) -> tuple[int, int]:
    size = np.abs(piece)
    zeros = int(np.count_nonzero(piece == 0))
    subnormal = int(np.count_nonzero(size < _least_tame(piece.dtype))) - zeros
    return zeros, subnormal + int(np.count_nonzero(size > HUGE))


def _least_tame(dtype: np.dtype) -> float:
    """Below it a value is subnormal; in dtypes of small range that is no sign of anything."""
    smallest = float(ml_dtypes.finfo(dtype).smallest_normal)
    return smallest if smallest < SMALL else 0.0


def _how_distinct(counts: np.ndarray) -> dict[str, float]:
    """`counts`: how often each distinct value is there."""
    n = int(counts.sum())
    pairs = n * (n - 1)
    return {
        "distinct": len(counts),
        "distinct_of": n,
        "commonest": float(counts.max() / n) if n else 0.0,
        "coincidence": float((counts * (counts - 1.0)).sum() / pairs) if pairs else 0.0,
    }
