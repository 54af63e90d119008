"""The thresholds of statistical tests: each is exceeded by right values with the false-alarm rate that it is given.

Seeds are fixed, so a test that passes goes on passing until the values change; the rate is the share of other seeds with
which a right sampler would fail.
"""

import math

from scipy.stats import chi2, norm, poisson

FALSE_ALARM_RATE = 1e-6
"""Of one test, where it does not say another."""

LEAST_P_VALUE = 1e-4
"""Below it a p-value of SciPy's fails a test, where a single test computes few of them."""

STANDARD_ERRORS = 5
"""A mean of many values is farther from the expected one with probability 5.7e-7 (`z_rate(5)`): the limit of figures that
are given in their standard error. That of a mean is std / sqrt(n); of a normal's std, std / sqrt(2 n), and less for a
uniform; of a correlation, 1 / sqrt(n); of a share p of n, sqrt(p (1 - p) / n); of a Poisson count, its square root."""


def z_limit(rate: float = FALSE_ALARM_RATE) -> float:
    """Exceeded by the absolute value of a standard normal at this rate."""
    return float(norm.isf(rate / 2))


def z_rate(limit: float) -> float:
    """The rate at which the absolute value of a standard normal exceeds a limit."""
    return float(2 * norm.sf(limit))


def ks_limit(n: float, m: float = math.inf, *, rate: float = FALSE_ALARM_RATE) -> float:
    """Exceeded by the Kolmogorov-Smirnov distance D of n values from their distribution, or from a sample of m values.

    P(sqrt(nm / (n + m)) D > c) < 2 exp(-2 c^2), nearly equal for small rates (Smirnov 1939; for one sample and every n,
    Massart 1990): c is 1.95 for 1e-3 and 2.69 for 1e-6. Discrete distributions exceed it less often.
    """
    return math.sqrt(math.log(2 / rate) / 2 * (1 / n + 1 / m))


def chi_square_limit(freedom: float, rate: float = FALSE_ALARM_RATE) -> float:
    """Exceeded by the sum of (found - expected)^2 / expected over freedom + 1 cells that all expect many (Pearson 1900)."""
    return float(chi2.isf(rate, freedom))


def poisson_limits(expected: float, rate: float = FALSE_ALARM_RATE) -> tuple[float, float]:
    """A count of rare events lies below the first or above the second at no more than this rate."""
    return float(poisson.ppf(rate / 2, expected)), float(poisson.isf(rate / 2, expected))


# P(A2 > z) ~ sqrt(3 / (pi z)) exp(-z), A2 being the sum of chi2_1 / (j (j+1)) over j (Anderson and Darling 1952). With
# heavy atoms, as 8-bit types have, the greatest of these weights is above 1/2. From the eigenvalues of the covariance
# of the terms it is at most 0.566, for uniform float8_e5m2, and P ~ 1.54 sqrt(0.36 / z) exp(-z / 1.132).
ANDERSON_DARLING_LIMIT = {1: 14.1, 2: 12.55, 4: 12.55, 8: 12.55}
"""By bytes of an element: exceeded by the two-sample statistic A2 at FALSE_ALARM_RATE."""
