"""Probabilities of the standard normal, in decimal arithmetic so that no machine's libm decides a bit."""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext
from functools import lru_cache


@lru_cache(maxsize=1024)
def cdf_sf(x: float) -> tuple[Decimal, Decimal]:
    """P(Z < x) and P(Z > x), each to 30 significant digits, for |x| <= 40 or infinite.

    P(0 < Z < |x|) = pdf(x) sum over n of |x|^(2n+1) / (1 3 5 ... (2n+1)) (Abramowitz and Stegun 26.2.11): all terms are
    positive. The tail is 1/2 minus that sum, which cancels leading digits: the precision is raised by as many beforehand.
    """
    if math.isinf(x):
        return (Decimal(0), Decimal(1)) if x < 0 else (Decimal(1), Decimal(0))
    lost_digits = int(x * x / 2 * math.log10(math.e)) + 3
    with localcontext(Context(prec=35 + lost_digits)) as context:
        z = abs(Decimal(x))
        term = total = z
        n = 1
        while term and term.adjusted() > total.adjusted() - context.prec:  # digits that the sum has
            n += 2
            term = term * z * z / n
            total += term
        half = total * (-z * z / 2).exp() / (2 * _pi(context.prec + 3)).sqrt()
        small, large = Decimal("0.5") - half, Decimal("0.5") + half
    return (small, large) if x < 0 else (large, small)


@lru_cache(maxsize=64)
def _pi(digits: int) -> Decimal:
    """Machin 1706: pi = 16 arctan(1/5) - 4 arctan(1/239)."""

    def arctan_of_inverse(n: int) -> Decimal:
        term = total = Decimal(1) / n
        k = 1
        while abs(term) > Decimal(10) ** -digits:
            term /= -n * n
            k += 2
            total += term / k
        return total

    with localcontext(Context(prec=digits + 5)):
        return 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)
