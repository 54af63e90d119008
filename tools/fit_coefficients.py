"""Fits the polynomials of the elementary functions and writes them for C and for Python.

    python tools/fit_coefficients.py      # needs mpmath

Writes csrc/kernels/coefficients.h and fastinit/backends/coefficients.py.

Each polynomial is the minimax one for the weight given (Remez's exchange, 50 digits), its coefficients then rounded to the
type. The last column printed is the weighted error of the rounded polynomial in exact arithmetic, as a power of two.
"""

from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 50
ROOT = Path(__file__).resolve().parent.parent
LOG_RANGE = (mp.sqrt(0.5) - 1, mp.sqrt(2) - 1)  # 1 + f in [sqrt(1/2), sqrt(2)): the significand after splitting off 2^e

# Below this probability the float32 quantile uses the tail formula; 3.1 sigma, met by one value in 500.
QUANTILE_TAIL = mp.mpf(2) ** -10


def quantile_of_tail(p):
    """x > 0 with P(Z > x) = p."""
    r = mp.sqrt(-2 * mp.log(p))
    start = r - mp.log(r * 2.5) / r
    return mp.findroot(lambda x: mp.log(mp.erfc(x / mp.sqrt(2)) / 2) - mp.log(p), start)


def neg2log_tail(f):
    """Q(f) in -2 ln(1 + f) = -2 f + f^2 Q(f)."""
    return mp.mpf(1) if f == 0 else -2 * (mp.log1p(f) - f) / f**2


def neg2log_atanh_tail(z):
    """Q(z) in -2 ln(1 + f) = -4 s + s z Q(z), s = f / (2 + f), z = s^2."""
    if z == 0:
        return mp.mpf(-4) / 3
    s = mp.sqrt(z)
    return (-4 * mp.atanh(s) + 4 * s) / (s * z)


def sine_over_y(z):
    """sin(pi y / 2) / y, z = y^2."""
    return mp.pi / 2 if z == 0 else mp.sin(mp.pi / 2 * mp.sqrt(z)) / mp.sqrt(z)


def cosine_tail(z):
    """(cos(pi y / 2) - 1) / y^2, z = y^2."""
    return -(mp.pi**2) / 8 if z == 0 else (mp.cos(mp.pi / 2 * mp.sqrt(z)) - 1) / z


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


def quantile_tail_rational(numerator_terms=5, denominator_terms=4):
    """N, D with x = N(r) / D(r), P(Z > x) = exp(-r^2 / 2), from QUANTILE_TAIL out to r = 38 (p = 1e-313).

    Least squares of the relative error, linearized by D and reweighted (Sanathanan and Koerner 1963).
    """
    r_low = mp.sqrt(-2 * mp.log(QUANTILE_TAIL)) * mp.mpf("0.999")
    points = [r_low + (38 - r_low) * (1 - mp.cos(mp.pi * i / 160)) / 2 for i in range(161)]
    values = [quantile_of_tail(mp.exp(-r * r / 2)) for r in points]
    weights = [mp.mpf(1)] * len(points)
    for _ in range(15):
        rows = [
            [w * r**k / x for k in range(numerator_terms)] + [-w * r**k for k in range(1, denominator_terms)]
            for w, r, x in zip(weights, points, values)
        ]
        solution = list(mp.lu_solve(mp.matrix(rows), mp.matrix(weights)))
        numerator, denominator = solution[:numerator_terms], [mp.mpf(1), *solution[numerator_terms:]]
        weights = [1 / mp.polyval(denominator[::-1], r) for r in points]
    return numerator, denominator


def rounded(coefficients, dtype):
    return [float(dtype(mp.nstr(c, 40))) for c in coefficients]


def fits():
    """(name, dtype, function, low, high, terms, weight of the error): one line a polynomial."""
    low, high = LOG_RANGE
    quarter = mp.mpf(1) / 4  # y in [-1/2, 1/2]: an eighth of a turn each side of the axis
    widest_neg2log = -2 * mp.log(4 * QUANTILE_TAIL * (1 - QUANTILE_TAIL))
    s_max = high / (2 + high)

    def log_weight(f):
        return abs(f) / 2 + mp.mpf("1e-3")  # L = -2 ln(1 + f), about -2 f, is wanted to a relative error

    def v_of(neg2log):
        return mp.sqrt(1 - mp.exp(-neg2log / 2)) / 2 + mp.mpf("0.02")

    return [
        ("NEG2LOG_F32", np.float32, neg2log_tail, low, high, 8, log_weight),
        ("SIN_F32", np.float32, sine_over_y, 0, quarter, 4, lambda z: mp.sqrt(z) + mp.mpf("0.01")),
        ("COS_F32", np.float32, cosine_tail, 0, quarter, 3, lambda z: z + mp.mpf("0.001")),
        ("QUANTILE_CENTRE_F32", np.float32, quantile_over_v, 0, widest_neg2log, 9, v_of),
        ("NEG2LOG_F64", np.float64, neg2log_atanh_tail, 0, s_max**2, 7, lambda z: z / 4 + mp.mpf("1e-4")),
        ("SIN_F64", np.float64, sine_over_y, 0, quarter, 7, lambda z: mp.sqrt(z) + mp.mpf("0.01")),
        ("EXP_F64", np.float64, exponential, -mp.log(2) / 2, mp.log(2) / 2, 13, lambda r: 1),
        ("COS_F64", np.float64, cosine_tail, 0, quarter, 7, lambda z: z + mp.mpf("1e-4")),
    ]


# Wichura 1988, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37(3), PPND16:
# x = q N(r) / D(r) with r = 0.180625 - q^2 at the centre, x = N(r) / D(r) with r = sqrt(-ln p) - 1.6 in the middle and
# r = sqrt(-ln p) - 5 in the tail; relative error about 1e-16.
AS241 = {
    "QUANTILE_CENTRE_NUMERATOR_F64": """3.3871328727963666080e0 1.3314166789178437745e2 1.9715909503065514427e3
        1.3731693765509461125e4 4.5921953931549871457e4 6.7265770927008700853e4 3.3430575583588128105e4
        2.5090809287301226727e3""",
    "QUANTILE_CENTRE_DENOMINATOR_F64": """1 4.2313330701600911252e1 6.8718700749205790830e2 5.3941960214247511077e3
        2.1213794301586595867e4 3.9307895800092710610e4 2.8729085735721942674e4 5.2264952788528545610e3""",
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
        grid = [low + (high - low) * i / mp.mpf(997) for i in range(1, 997)]
        error = max(abs(weight(x) * (mp.polyval(coefficients[::-1], x) - function(x))) for x in grid)
        print(f"{name:22} {terms} terms, error 2^{float(mp.log(error, 2)):.1f}")
        yield name, dtype, coefficients
    for part, coefficients in zip(("NUMERATOR", "DENOMINATOR"), quantile_tail_rational()):
        yield f"QUANTILE_TAIL_{part}_F32", np.float32, rounded(coefficients, np.float32)
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
