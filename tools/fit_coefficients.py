"""Fits the polynomials of the elementary functions and writes them for C and for Python.

    python tools/fit_coefficients.py      # needs mpmath

Writes csrc/kernels/coefficients.h and fastinit/backends/coefficients.py.

Each polynomial is the minimax one for the weight given (Remez's exchange, 50 digits), its coefficients then rounded to the
type. The last column printed is the weighted error of the rounded polynomial in exact arithmetic, as a power of two.
"""

import math
from fractions import Fraction
from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 50
ROOT = Path(__file__).resolve().parent.parent
LOG_RANGE = (mp.sqrt(0.5) - 1, mp.sqrt(2) - 1)  # 1 + f in [sqrt(1/2), sqrt(2)): the significand after splitting off 2^e
LOG_RANGE_F64 = (-mp.mpf(11) / 64, mp.mpf(31) / 128)  # 1 + f: numbers in [53/64, 37/32), and in [37/32, 53/32) times 3/4

# Below this probability the float32 quantile uses the tail formula; 3.1 sigma, met by one value in 500.
QUANTILE_TAIL = mp.mpf(2) ** -10
# Up to this distance of the probability from 1/2 the float64 quantile uses the formula of the centre; 2.0046 sigma.
QUANTILE_CENTRE_F64 = mp.mpf("0.4775")


def quantile_of_tail(p):
    """x > 0 with P(Z > x) = p."""
    r = mp.sqrt(-2 * mp.log(p))
    start = r - mp.log(r * 2.5) / r
    return mp.findroot(lambda x: mp.log(mp.erfc(x / mp.sqrt(2)) / 2) - mp.log(p), start)


def neg2log_tail(f):
    """Q(f) in -2 ln(1 + f) = -2 f + f^2 Q(f)."""
    return mp.mpf(1) if f == 0 else -2 * (mp.log1p(f) - f) / f**2


def neg2log_over_f(f):
    """-2 ln(1 + f) / f."""
    return mp.mpf(-2) if f == 0 else -2 * mp.log1p(f) / f


def sine_over_y(z):
    """sin(pi y / 2) / y, z = y^2."""
    return mp.pi / 2 if z == 0 else mp.sin(mp.pi / 2 * mp.sqrt(z)) / mp.sqrt(z)


def cosine_tail(z):
    """(cos(pi y / 2) - 1) / y^2, z = y^2."""
    return -(mp.pi**2) / 8 if z == 0 else (mp.cos(mp.pi / 2 * mp.sqrt(z)) - 1) / z


def times_sqrt2(function):
    return lambda x: mp.sqrt(2) * function(x)


def quantile_over_v(neg2log):
    """x / v where P(Z < x) = 1/2 + v and neg2log = -2 ln(1 - 4 v^2)."""
    if neg2log == 0:
        return mp.sqrt(2 * mp.pi)
    v = mp.sqrt(1 - mp.exp(-neg2log / 2)) / 2
    return mp.sqrt(2) * mp.erfinv(2 * v) / v


def exponential(r):
    return mp.exp(r)


def remez(function, low, high, terms, weight):
    """Coefficients, lowest first, of the polynomial with `terms` terms that minimizes max |weight (p - function)|."""
    low, high = mp.mpf(low), mp.mpf(high)
    points = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / terms) for i in range(terms + 1)]
    grid = [low + (high - low) * i / mp.mpf(600) for i in range(601)]
    values = [function(x) for x in grid]
    for _ in range(12):
        rows = [[x**k for k in range(terms)] + [(-1) ** i / weight(x)] for i, x in enumerate(points)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([function(x) for x in points]))
        coefficients = list(solution[:terms])
        errors = [weight(x) * (mp.polyval(coefficients[::-1], x) - y) for x, y in zip(grid, values)]
        extrema, start = [], 0
        for i in range(1, len(grid) + 1):  # the largest error of each stretch of one sign
            if i == len(grid) or errors[i] * errors[start] < 0:
                extrema.append(max(range(start, i), key=lambda j: abs(errors[j])))
                start = i
        if len(extrema) < terms + 1:
            break
        while len(extrema) > terms + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        points = [grid[i] for i in extrema]
    return coefficients


def rational(function, low, high, numerator_terms, denominator_terms):
    """Coefficients of N and D, lowest first, D's first being 1, with a small relative error of N / D.

    Least squares at Chebyshev's points, linearized by D and reweighted (Sanathanan and Koerner 1963).
    """
    points = [low + (high - low) * (1 - mp.cos(mp.pi * i / 160)) / 2 for i in range(161)]
    values = [function(x) for x in points]
    weights = [mp.mpf(1)] * len(points)
    for _ in range(15):
        rows = [
            [w * x**k / y for k in range(numerator_terms)] + [-w * x**k for k in range(1, denominator_terms)]
            for w, x, y in zip(weights, points, values)
        ]
        solution = list(mp.lu_solve(mp.matrix(rows), mp.matrix(weights)))
        numerator, denominator = solution[:numerator_terms], [mp.mpf(1), *solution[numerator_terms:]]
        weights = [1 / mp.polyval(denominator[::-1], x) for x in points]
    return numerator, denominator


def quantile_of_radius(r):
    """x with P(Z > x) = exp(-r^2 / 2)."""
    return quantile_of_tail(mp.exp(-r * r / 2))


def quantile_over_q(x):
    """The quantile of 1/2 + q divided by q, x = QUANTILE_CENTRE_F64^2 - q^2."""
    q = mp.sqrt(QUANTILE_CENTRE_F64**2 - x)
    return mp.sqrt(2 * mp.pi) if q == 0 else mp.sqrt(2) * mp.erfinv(2 * q) / q


def rationals():
    """(name, dtype, function, low, high, terms of the numerator and of the denominator): one line a quotient."""
    r_low = mp.sqrt(-2 * mp.log(QUANTILE_TAIL)) * mp.mpf("0.999")
    return [
        ("QUANTILE_TAIL", np.float32, quantile_of_radius, r_low, 38, 5, 4),  # out to p = 1e-313
        ("QUANTILE_CENTRE", np.float64, quantile_over_q, 0, QUANTILE_CENTRE_F64**2, 11, 10),
    ]


def rounded(coefficients, dtype):
    return [float(dtype(mp.nstr(c, 40))) for c in coefficients]


def rounded_sum(a, b, c):
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def with_exact_end(coefficients):
    """COS_F64, its first coefficient moved until sqrt(2) cos(pi / 4), as it is computed, is 1: then quadrants are exact."""
    while True:
        total = coefficients[-1]
        for c in coefficients[-2::-1]:
            total = rounded_sum(total, 0.25, c)
        excess = rounded_sum(total, 0.25, math.sqrt(2)) - 1
        if excess == 0:
            return coefficients
        coefficients = [math.nextafter(coefficients[0], -math.copysign(math.inf, excess)), *coefficients[1:]]


def fits():
    """(name, dtype, function, low, high, terms, weight of the error): one line a polynomial."""
    low, high = LOG_RANGE
    quarter = mp.mpf(1) / 4  # y in [-1/2, 1/2]: an eighth of a turn each side of the axis
    widest_neg2log = -2 * mp.log(4 * QUANTILE_TAIL * (1 - QUANTILE_TAIL))

    def log_weight(f):
        return abs(f) / 2 + mp.mpf("1e-3")  # L = -2 ln(1 + f), about -2 f, is wanted to a relative error

    def v_of(neg2log):
        return mp.sqrt(1 - mp.exp(-neg2log / 2)) / 2 + mp.mpf("0.02")

    return [
        ("NEG2LOG_F32", np.float32, neg2log_tail, low, high, 8, log_weight),
        ("SIN_F32", np.float32, sine_over_y, 0, quarter, 4, lambda z: mp.sqrt(z) + mp.mpf("0.01")),
        ("COS_F32", np.float32, cosine_tail, 0, quarter, 3, lambda z: z + mp.mpf("0.001")),
        ("QUANTILE_CENTRE_F32", np.float32, quantile_over_v, 0, widest_neg2log, 9, v_of),
        ("NEG2LOG_F64", np.float64, neg2log_over_f, *LOG_RANGE_F64, 16, lambda f: 1 / abs(neg2log_over_f(f))),
        ("SIN_F64", np.float64, times_sqrt2(sine_over_y), 0, quarter, 7, lambda z: mp.sqrt(z) + mp.mpf("0.01")),
        ("EXP_F64", np.float64, exponential, -mp.log(2) / 2, mp.log(2) / 2, 13, lambda r: 1),
        ("COS_F64", np.float64, times_sqrt2(cosine_tail), 0, quarter, 6, lambda z: z + mp.mpf("1e-4")),
    ]


# Wichura 1988, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37(3), PPND16:
# x = N(r) / D(r) with r = sqrt(-ln p) - 1.6 in the middle and r = sqrt(-ln p) - 5 in the tail; relative error about 1e-16.
AS241 = {
    "QUANTILE_MIDDLE_NUMERATOR_F64": """1.42343711074968357734e0 4.63033784615654529590e0 5.76949722146069140550e0
        3.64784832476320460504e0 1.27045825245236838258e0 2.41780725177450611770e-1 2.27238449892691845833e-2
        7.74545014278341407640e-4""",
    "QUANTILE_MIDDLE_DENOMINATOR_F64": """1 2.05319162663775882187e0 1.67638483018380384940e0 6.89767334985100004550e-1
        1.48103976427480074590e-1 1.51986665636164571966e-2 5.47593808499534494600e-4 1.05075007164441684324e-9""",
    "QUANTILE_TAIL_NUMERATOR_F64": """6.65790464350110377720e0 5.46378491116411436990e0 1.78482653991729133580e0
        2.96560571828504891230e-1 2.65321895265761230930e-2 1.24266094738807843860e-3 2.71155556874348757815e-5
        2.01033439929228813265e-7""",
    "QUANTILE_TAIL_DENOMINATOR_F64": """1 5.99832206555887937690e-1 1.36929880922735805310e-1 1.48753612908506148525e-2
        7.86869131145613259100e-4 1.84631831751005468180e-5 1.42151175831644588870e-7 2.04426310338993978564e-15""",
}


def tables():
    """(name, dtype, coefficients) of every table, each fit's error printed on the way."""
    for name, dtype, function, low, high, terms, weight in fits():
        coefficients = rounded(remez(function, low, high, terms, weight), dtype)
        if name == "COS_F64":
            coefficients = with_exact_end(coefficients)
        grid = [low + (high - low) * i / mp.mpf(997) for i in range(1, 997)]
        error = max(abs(weight(x) * (mp.polyval(coefficients[::-1], x) - function(x))) for x in grid)
        print(f"{name:22} {terms} terms, error 2^{float(mp.log(error, 2)):.1f}")
        yield name, dtype, coefficients
    for name, dtype, function, low, high, *terms in rationals():
        for part, coefficients in zip(("NUMERATOR", "DENOMINATOR"), rational(function, low, high, *terms)):
            yield f"{name}_{part}_{dtype.__name__.replace('float', 'F')}", dtype, rounded(coefficients, dtype)
    for name, numbers in AS241.items():
        yield name, np.float64, [float(number) for number in numbers.split()]


def main():
    header = [
        "/* Coefficients, lowest power first; written by tools/fit_coefficients.py, which says of what. */",
        "/* clang-format off */",
    ]
    module = [
        '"""Coefficients, lowest power first; written by tools/fit_coefficients.py, which says of what."""',
        "",
        "import numpy as np",
    ]
    for name, dtype, coefficients in tables():
        kind, suffix = ("float", "f") if dtype is np.float32 else ("double", "")
        numbers = [c.hex() for c in coefficients]
        header.append(
            f"static const {kind} {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(n + suffix for n in numbers) + "};"
        )
        module.append(
            f"\n{name} = np.array(\n    [\n"
            + "".join(f'        float.fromhex("{n}"),\n' for n in numbers)
            + f"    ],\n    np.{dtype.__name__},\n)"
        )
    (ROOT / "csrc/kernels/coefficients.h").write_text("\n".join(header) + "\n")
    (ROOT / "fastinit/backends/coefficients.py").write_text("\n".join(module) + "\n")


if __name__ == "__main__":
    main()
