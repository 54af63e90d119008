"""The values have the distributions that they are said to have: against NumPy's generators, and in a sample of 10^9.

`tests/thresholds.py` says what a threshold is and where it comes from. `pytest -m slow -s` prints the figures.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import anderson_ksamp, ks_2samp

import fastinit
from fastinit.backends.elements import ELEMENT_TYPES
from tests.thresholds import (
    ANDERSON_DARLING_LIMIT,
    STANDARD_ERRORS,
    chi_square_limit,
    ks_limit,
    poisson_limits,
    z_rate,
)

DISTRIBUTIONS = {
    "uniform": fastinit.uniform,
    "normal": fastinit.normal,
    "truncated_normal": fastinit.truncated_normal,  # at +-2 sigmas
}
PARAMETERS = {"uniform": {"low": 0.0, "high": 1.0}, "normal": {}, "truncated_normal": {}}
# Distributions that only generators have, fastinit's and NumPy's.
DRAWS = {
    ("standard_exponential", "float32"): lambda rng, n: rng.standard_exponential(n, np.float32),
    ("standard_exponential", "float64"): lambda rng, n: rng.standard_exponential(n),
    ("lognormal", "float64"): lambda rng, n: rng.lognormal(-1.0, 2.0, n),
}

# ---- two samples ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def numpy_sample(distribution: str, n: int) -> np.ndarray:
    generator = np.random.default_rng(20240917)
    if (distribution, "float64") in DRAWS:
        return DRAWS[distribution, "float64"](generator, n)
    if distribution == "normal":
        return generator.standard_normal(n)
    u = generator.random(n)
    return u if distribution == "uniform" else ndtri(ndtr(-2.0) + u * (ndtr(2.0) - ndtr(-2.0)))


def ks_and_ad(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The two-sample statistics D of Kolmogorov and Smirnov and A2 of Anderson and Darling, with midranks for ties.

    Scholz and Stephens 1987, equation 7, for k = 2, where both samples give the same sum but for the factor 1 / n.
    """
    n, m = x.size, y.size
    values, ties = np.unique(np.concatenate([x, y]), return_counts=True)
    pooled = np.cumsum(ties)
    from_x = np.searchsorted(np.sort(x), values, side="right")
    ks = np.abs(from_x / n - (pooled - from_x) / m).max()
    rank = pooled - ties / 2
    rank_in_x = from_x - np.diff(from_x, prepend=0) / 2
    total = n + m
    terms = ties / total * (total * rank_in_x - n * rank) ** 2 / (rank * (total - rank) - total * ties / 4)
    return ks, (total - 1) / total * terms.sum() * (1 / n + 1 / m)


def our_sample(distribution: str, dtype: str, n: int) -> np.ndarray:
    if (distribution, dtype) in DRAWS:
        return DRAWS[distribution, dtype](fastinit.default_rng(list(f"{distribution}/{dtype}".encode())), n)
    return DISTRIBUTIONS[distribution]((n,), **PARAMETERS[distribution], seed=1, name=f"{distribution}/{dtype}", dtype=dtype)


def check_against_numpy(distribution: str, dtype: str, n: int) -> None:
    element = ELEMENT_TYPES[dtype]
    ours = our_sample(distribution, dtype, n)
    theirs = numpy_sample(distribution, n).astype(element.real).astype(element.dtype)  # rounded in the same steps
    ks, ad = ks_and_ad(ours.astype(element.real), theirs.astype(element.real))
    print(f"{distribution} {dtype}: KS {ks:.3g} of {ks_limit(n, n):.3g}, AD {ad:.3f}")
    assert ks < ks_limit(n, n)
    assert ad < ANDERSON_DARLING_LIMIT[element.dtype.itemsize]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_hundred_thousand_values_have_the_distribution_of_numpys(distribution):
    check_against_numpy(distribution, "float32", 100_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    "distribution, dtype", [*((distribution, dtype) for distribution in DISTRIBUTIONS for dtype in ELEMENT_TYPES), *DRAWS]
)
def test_ten_million_values_have_the_distribution_of_numpys(distribution, dtype):
    check_against_numpy(distribution, dtype, 10_000_000)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_generators_truncated_normals_are_those_of_the_initializer(dtype):
    found = fastinit.default_rng(1).truncated_normal(size=5000, dtype=dtype)
    np.testing.assert_array_equal(found, fastinit.truncated_normal((5000,), seed=1, dtype=dtype))


@pytest.mark.filterwarnings("ignore")  # SciPy says that it caps its p-value
def test_the_two_sample_statistics_are_those_of_scipy():
    generator = np.random.default_rng(7)
    stds_of_ad = []
    for most in (31, 32, 34):  # values with many ties, of distributions that differ more and more
        x, y = generator.integers(0, 30, 300).astype(float), generator.integers(0, most, 200).astype(float)
        ks, ad = ks_and_ad(x, y)
        assert math.isclose(ks, ks_2samp(x, y).statistic)
        stds_of_ad.append((ad - 1) / anderson_ksamp([x, y]).statistic)  # SciPy's has mean 0, std 1 for these sizes
    assert np.ptp(stds_of_ad) < 1e-9


# ---- integers --------------------------------------------------------------------------------------------------

MANY = 10_000_000
MOST_VALUES_COUNTED_EACH = 2**16  # so that each is expected 152 times or more; of larger ranges, parts are counted
NARROW_INTEGERS = [  # dtype, low, range: one word a value
    ("bool", 0, 2),
    ("uint8", 0, 10),
    ("int8", -100, 201),
    ("uint8", 0, 2**8),
    ("uint16", 3, 1000),
    ("int16", -(2**15), 2**16),
    ("int64", -7, 65521),
    ("uint32", 0, 3 * 2**22),
    ("int32", -(2**23), 2**32 // 257 + 1),  # one in 257 is rejected, the most there is
    ("int64", 2**40, 2**24),
]
WIDE_INTEGERS = [  # two words a value
    ("int64", -7, 2**24 + 1),
    ("uint32", 5, 10**9),
    ("int32", -(2**31), 2**32),
    ("int64", -(2**62), 3 * 2**61),  # a quarter is rejected; else two of three values came half as often again
    ("uint64", 0, 2**63 + 1),  # half is rejected
    ("int64", -(2**63), 2**64),
]


def check_counts(name: str, counts: np.ndarray, shares: np.ndarray) -> None:
    expected = counts.sum() * shares
    found, limit = ((counts - expected) ** 2 / expected).sum(), chi_square_limit(counts.size - 1)
    print(f"{name}: chi2 {found:.1f} of {limit:.1f}, {counts.size} cells")
    assert found < limit


def offsets_above_low(dtype: str, low: int, count: int) -> np.ndarray:
    drawn = fastinit.default_rng([low % 2**64, count]).integers(low, low + count, size=MANY, dtype=dtype)
    return drawn.astype(np.uint64) - np.uint64(low % 2**64)


@pytest.mark.slow
@pytest.mark.parametrize("dtype, low, count", [*NARROW_INTEGERS, *WIDE_INTEGERS])
def test_ten_million_integers_are_equally_likely(dtype, low, count):
    cells = count if count <= MOST_VALUES_COUNTED_EACH else 1000
    width = count // cells  # the last cell has the rest as well
    cell = np.minimum(offsets_above_low(dtype, low, count) // np.uint64(width), np.uint64(cells - 1))
    found = np.bincount(cell.view(np.int64), minlength=cells)
    sizes = [width] * (cells - 1) + [count - width * (cells - 1)]
    check_counts(f"{dtype} from {low}, {count}", found, np.array(sizes) / count)


@pytest.mark.slow
@pytest.mark.parametrize(
    "dtype, low, count", [case for case in NARROW_INTEGERS + WIDE_INTEGERS if case[2] > MOST_VALUES_COUNTED_EACH]
)
def test_ten_million_large_integers_have_remainders_as_likely_as_there_are_values(dtype, low, count):
    divisor = 840  # 2^3 3 5 7: sees what recurs every 3 values
    remainders = offsets_above_low(dtype, low, count) % np.uint64(divisor)
    found = np.bincount(remainders.view(np.int64), minlength=divisor)
    sizes = [count // divisor + (remainder < count % divisor) for remainder in range(divisor)]
    check_counts(f"{dtype} from {low}, {count}", found, np.array(sizes) / count)


@pytest.mark.slow
def test_ten_million_bytes_are_equally_likely():
    drawn = np.frombuffer(fastinit.default_rng(1).bytes(MANY), np.uint8)
    check_counts("bytes", np.bincount(drawn, minlength=256), np.full(256, 1 / 256))


# ---- a billion normals, a hundred million exponentials --------------------------------------------------------------

BILLION = 1_000_000_000
PIECE = 2**20  # elements
BINS_PER_SIGMA = 2**16
SIGMAS = 7  # beyond the largest, 6.76
LAGS = 1, 16, 2048  # the next lane; the other value of Box and Muller's pair; the same place in the next tile
# Of 16 figures at the rate of 5 standard errors, and a Kolmogorov-Smirnov test at 1e-6: one false alarm in 100,000.

Pieces = Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]  # normals, and by name what to correlate them with


class Sums:
    """Sums over pieces of a sample, from which all the figures come."""

    def __init__(self) -> None:
        self.n = 0
        self.powers = np.zeros(4)
        self.bins = np.zeros(2 * SIGMAS * BINS_PER_SIGMA, np.int64)
        self.products: dict[str, tuple[float, int]] = {}
        self.beyond = dict.fromkeys((3, 4, 5, 6), 0)

    def add(self, x: np.ndarray, others: dict[str, np.ndarray]) -> None:
        """`others`: what to correlate x with, by name."""
        self.n += x.size
        square = x * x
        self.powers += x.sum(), square.sum(), x @ square, square @ square
        self.bins += np.bincount(((x + SIGMAS) * BINS_PER_SIGMA).astype(np.intp), minlength=self.bins.size)
        for sigmas in self.beyond:
            self.beyond[sigmas] += np.count_nonzero(square > sigmas**2)
        for lag in LAGS:
            self._correlate(f"lag {lag}", x[lag:], x[:-lag])
            self._correlate(f"lag {lag}, of squares", (square[lag:] - 1) / 2, square[:-lag] - 1)  # variance 2 each
        for name, y in others.items():
            self._correlate(name, x, y)

    def _correlate(self, name: str, x: np.ndarray, y: np.ndarray) -> None:
        total, pairs = self.products.get(name, (0.0, 0))
        self.products[name] = total + x @ y, pairs + x.size

    def ks(self) -> float:
        """D at the edges of the bins: between two of them the distribution moves by at most 6.1e-6."""
        edges = np.arange(1, self.bins.size + 1) / BINS_PER_SIGMA - SIGMAS
        return np.abs(np.cumsum(self.bins) / self.n - ndtr(edges)).max()

    def in_standard_errors(self) -> dict[str, float]:
        """Moments about 0 and correlations, less what the standard normal has, over their standard errors."""
        moments = zip((0, 1, 0, 3), (1, 2, 15, 96), self.powers / self.n)
        figures = {
            f"moment {i}": (found - expected) * math.sqrt(self.n / variance)
            for i, (expected, variance, found) in enumerate(moments, start=1)
        }
        return figures | {name: total / math.sqrt(pairs) for name, (total, pairs) in self.products.items()}


def pieces_of_normals(n: int) -> Pieces:
    def piece(first: int, seed: int = 1, name: str = "a") -> np.ndarray:
        part = slice(first, min(first + PIECE, n))
        return fastinit.normal((n,), seed=seed, name=name, index=part).astype(np.float64)

    for first in range(0, n, PIECE):
        yield piece(first), {"name": piece(first, name="b"), "seed": piece(first, seed=2)}


def pieces_of_exponentials(n: int, dtype: str) -> Pieces:
    """Successive draws of three generators, each value as the normal that is exceeded as seldom."""
    child = np.random.SeedSequence(1).spawn(1)[0]
    generators = {name: fastinit.default_rng(seed) for name, seed in (("first", 1), ("child", child), ("seed", 2))}
    for first in range(0, n, PIECE):
        size = min(PIECE, n - first)
        draws = {name: rng.standard_exponential(size, dtype).astype(np.float64) for name, rng in generators.items()}
        others = {name: -ndtri(np.exp(-draw)) for name, draw in draws.items()}
        yield others.pop("first"), others


def check_normals(pieces: Pieces) -> None:
    sums = Sums()
    for x, others in pieces:
        sums.add(x, others)
    n, figures = sums.n, sums.in_standard_errors()
    print(f"{n} values: KS {sums.ks():.3g} of {ks_limit(n):.3g}")
    for name, value in figures.items():
        print(f"{name}: {value:+.2f} standard errors")
    for sigmas, count in sums.beyond.items():
        print(f"beyond {sigmas} sigmas: {count}, expected {2 * n * ndtr(-sigmas):.1f}")
    assert sums.ks() < ks_limit(n)
    assert all(abs(value) < STANDARD_ERRORS for value in figures.values())
    for sigmas, count in sums.beyond.items():
        least, most = poisson_limits(2 * n * ndtr(-sigmas), z_rate(STANDARD_ERRORS))
        assert least <= count <= most


def test_a_hundred_thousand_normals_have_the_moments_tails_and_correlations_of_independent_draws():
    check_normals(pieces_of_normals(100_000))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_hundred_thousand_exponentials_have_the_moments_tails_and_correlations_of_independent_draws(dtype):
    check_normals(pieces_of_exponentials(100_000, dtype))


@pytest.mark.slow
def test_a_billion_normals_have_the_distribution_moments_tails_and_correlations_of_independent_draws():
    check_normals(pieces_of_normals(BILLION))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_hundred_million_exponentials_have_the_distribution_moments_tails_and_correlations_of_independent_draws(dtype):
    check_normals(pieces_of_exponentials(100_000_000, dtype))
