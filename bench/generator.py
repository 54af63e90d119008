"""fastinit's Generator beside NumPy's (PCG64), in the same run: python -m bench.generator

Large draws of 10^8 values (NumPy's are 10^7, at their usual speed), draws of 100 values, and single values; medians. Then
every method that a kernel draws for, with every form of `size`, `dtype` and `out`: medians of NumPy's time / fastinit's;
other short requests, as by arrays of parameters; and 10^6 values, or things, of the other methods.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

import fastinit
from bench import program
from bench.tables import print_table
from bench.timing import medians

LARGE, LARGE_NUMPY, ROUNDS = 10**8, 10**7, 5
CALLS = 20_000  # of a small draw, which are timed together
CALLS_OF_A_FORM, ROUNDS_OF_A_FORM = 500, 15


def _half(out: np.ndarray) -> np.ndarray:
    """A float32 array of as many elements, in the first half of the same memory."""
    return out.view(np.float32)[: len(out)]


LARGE_DRAWS = {  # out: as many elements of float64
    "standard_normal float32, out=": lambda rng, out: rng.standard_normal(out=_half(out), dtype=np.float32),
    "standard_normal float64, out=": lambda rng, out: rng.standard_normal(out=out),
    "random float32, out=": lambda rng, out: rng.random(out=_half(out), dtype=np.float32),
    "random float64, out=": lambda rng, out: rng.random(out=out),
    "standard_exponential float64, out=": lambda rng, out: rng.standard_exponential(out=out),
    "exponential": lambda rng, out: rng.exponential(2.0, len(out)),
    "lognormal": lambda rng, out: rng.lognormal(0.0, 1.0, len(out)),
    "integers below 1000": lambda rng, out: rng.integers(1000, size=len(out)),
    "integers below 10^9": lambda rng, out: rng.integers(10**9, size=len(out)),
}
SMALL_DRAWS = {
    "normal()": lambda rng: rng.normal(),
    "random()": lambda rng: rng.random(),
    "uniform()": lambda rng: rng.uniform(),
    "exponential()": lambda rng: rng.exponential(),
    "integers(10)": lambda rng: rng.integers(10),
    "standard_normal(100)": lambda rng: rng.standard_normal(100),
    "normal(0, 1, 100)": lambda rng: rng.normal(0.0, 1.0, 100),
    "random(100)": lambda rng: rng.random(100),
    "uniform(0, 1, 100)": lambda rng: rng.uniform(0.0, 1.0, 100),
    "exponential(1, 100)": lambda rng: rng.exponential(1.0, 100),
    "lognormal(0, 1, 100)": lambda rng: rng.lognormal(0.0, 1.0, 100),
    "integers(10, size=100)": lambda rng: rng.integers(10, size=100),
}


MILLION = 10**6
EQUAL = np.full(1000, 0.001)
RATES = np.linspace(0.1, 30.0, 1000)
COVARIANCE = [[2.0, 0.5, 0.2], [0.5, 1.0, 0.3], [0.2, 0.3, 0.7]]
DRAWS_OF_A_MILLION = {
    "permutation(n)": lambda rng, things: rng.permutation(MILLION),
    "permutation of an array": lambda rng, things: rng.permutation(things),
    "shuffle": lambda rng, things: rng.shuffle(things),
    "shuffle of 10^5 rows": lambda rng, things: rng.shuffle(things.reshape(-1, 10)),
    "choice of an array's": lambda rng, things: rng.choice(things, MILLION),
    "choice with p, of 1000": lambda rng, things: rng.choice(1000, MILLION, p=EQUAL),
    "choice of half, none twice": lambda rng, things: rng.choice(2 * MILLION, MILLION, replace=False),
    "choice of 1 %, none twice": lambda rng, things: rng.choice(100 * MILLION, MILLION, replace=False),
    "choice of 10 % with p, none twice": lambda rng, things: rng.choice(
        MILLION, MILLION // 10, replace=False, p=np.full(MILLION, 1 / MILLION)
    ),
    "standard_gamma(2)": lambda rng, things: rng.standard_gamma(2.0, MILLION),
    "gamma(0.5, 3)": lambda rng, things: rng.gamma(0.5, 3.0, MILLION),
    "chisquare(3)": lambda rng, things: rng.chisquare(3.0, MILLION),
    "beta(2, 3)": lambda rng, things: rng.beta(2.0, 3.0, MILLION),
    "beta(0.5, 0.5)": lambda rng, things: rng.beta(0.5, 0.5, MILLION),
    "f(3, 5)": lambda rng, things: rng.f(3.0, 5.0, MILLION),
    "standard_t(5)": lambda rng, things: rng.standard_t(5.0, MILLION),
    "noncentral_chisquare(3, 1)": lambda rng, things: rng.noncentral_chisquare(3.0, 1.0, MILLION),
    "noncentral_f(3, 5, 1)": lambda rng, things: rng.noncentral_f(3.0, 5.0, 1.0, MILLION),
    "poisson(4)": lambda rng, things: rng.poisson(4.0, MILLION),
    "poisson(1000)": lambda rng, things: rng.poisson(1000.0, MILLION),
    "binomial(10, 0.5)": lambda rng, things: rng.binomial(10, 0.5, MILLION),
    "binomial(10^6, 0.3)": lambda rng, things: rng.binomial(10**6, 0.3, MILLION),
    "negative_binomial(3, 0.5)": lambda rng, things: rng.negative_binomial(3, 0.5, MILLION),
    "poisson of 1000 rates": lambda rng, things: rng.poisson(RATES, (MILLION // 1000, 1000)),
    "binomial of 1000 p": lambda rng, things: rng.binomial(20, RATES / 40, (MILLION // 1000, 1000)),
    "negative_binomial of 1000 p": lambda rng, things: rng.negative_binomial(3, RATES / 40, (MILLION // 1000, 1000)),
    "multinomial of 4": lambda rng, things: rng.multinomial(20, [0.1, 0.2, 0.3, 0.4], MILLION // 4),
    "multivariate_normal of 3": lambda rng, things: rng.multivariate_normal([0.0, 1.0, 2.0], COVARIANCE, MILLION // 3),
    "dirichlet of 4": lambda rng, things: rng.dirichlet([1.0, 2.0, 3.0, 0.5], MILLION // 4),
}

THREE, TRIALS, FEW = np.array([0.5, 2.0, 7.0]), [10, 20, 30], np.arange(100.0)
REQUESTS = {
    "laplace(scale=2)": lambda rng: rng.laplace(scale=2.0),
    "gamma of an array without axes": lambda rng: rng.gamma(np.array(2.0)),
    "normal of 3 means": lambda rng: rng.normal(THREE, 2.0),
    "weibull of 3 and (2, 3)": lambda rng: rng.weibull(THREE, (2, 3)),
    "standard_gamma of 3": lambda rng: rng.standard_gamma(THREE),
    "chisquare of 3": lambda rng: rng.chisquare(THREE),
    "beta of 3": lambda rng: rng.beta(THREE, 2.0),
    "poisson of 3": lambda rng: rng.poisson(THREE),
    "poisson(10^7, 3)": lambda rng: rng.poisson(1e7, 3),
    "binomial of a list": lambda rng: rng.binomial(TRIALS, 0.5),
    "binomial(10^9, 0.3, 100)": lambda rng: rng.binomial(10**9, 0.3, 100),
    "negative_binomial of 3": lambda rng: rng.negative_binomial(THREE, 0.5),
    "standard_gamma float32": lambda rng: rng.standard_gamma(2.0, dtype=np.float32),
    "standard_gamma(100) float32": lambda rng: rng.standard_gamma(2.0, 100, np.float32),
    "noncentral_chisquare()": lambda rng: rng.noncentral_chisquare(3.0, 1.0),
    "noncentral_f (3, 3)": lambda rng: rng.noncentral_f(3.0, 5.0, 1.0, (3, 3)),
    "multinomial (3, 3)": lambda rng: rng.multinomial(20, [0.2, 0.3, 0.5], (3, 3)),
    "dirichlet()": lambda rng: rng.dirichlet([1.0, 2.0, 0.5]),
    "multivariate_normal(3)": lambda rng: rng.multivariate_normal([0.0, 1.0, 2.0], COVARIANCE, 3),
    "multivariate_normal(3), cholesky": lambda rng: rng.multivariate_normal([0.0] * 3, COVARIANCE, 3, method="cholesky"),
    "choice (10, 10), none twice": lambda rng: rng.choice(1000, (10, 10), replace=False),
    "choice(100, 10, p)": lambda rng: rng.choice(100, 10, p=np.full(100, 0.01)),
    "permutation(10)": lambda rng: rng.permutation(10),
    "permutation of 100": lambda rng: rng.permutation(FEW),
    "shuffle of 100": lambda rng: rng.shuffle(FEW),
    "permuted of 100": lambda rng: rng.permuted(FEW),
    "bytes(100)": lambda rng: rng.bytes(100),
}

METHODS = {  # and their parameters
    "random": (), "standard_normal": (), "standard_exponential": (), "normal": (0.5, 2.0), "uniform": (-1.0, 2.0),
    "exponential": (2.0,), "lognormal": (0.0, 0.5), "integers": (0, 100),
    "laplace": (0.5, 2.0), "weibull": (2.0,), "triangular": (0.0, 1.0, 2.0), "geometric": (0.25,),
    "gamma": (2.0,), "beta": (2.0, 3.0), "standard_t": (5.0,), "poisson": (4.0,), "binomial": (10, 0.5),
}  # fmt: skip
FORMS: dict[str, Callable[[str], dict[str, object]]] = {  # the arguments of a method beside its parameters
    "single": lambda method: {},
    "1": lambda method: {"size": 1},
    "100": lambda method: {"size": 100},
    "np.int64(100)": lambda method: {"size": np.int64(100)},
    "(10,)": lambda method: {"size": (10,)},
    "(10, 10)": lambda method: {"size": (10, 10)},
    "[10]": lambda method: {"size": [10]},
    "dtype": lambda method: {"size": 100, "dtype": _narrow(method)},
    "dtype's name": lambda method: {"size": 100, "dtype": _narrow(method).__name__},
    "single of a dtype": lambda method: {"dtype": _narrow(method)},
    "out": lambda method: {"out": np.empty((10, 10))},
    "2,049": lambda method: {"size": 2049},
    "65,536": lambda method: {"size": 65536},
}


def _narrow(method: str) -> type[np.generic]:
    return np.uint8 if method == "integers" else np.float32


def repeated(
    draw: Callable[[np.random.Generator], object], rng: np.random.Generator, calls: int = CALLS
) -> Callable[[], None]:
    def work() -> None:
        for _ in range(calls):
            draw(rng)

    return work


def row(name: str, numpy_work: Callable, fastinit_work: Callable, counts: tuple[int, int], unit: str) -> tuple[str, ...]:
    """Nanoseconds for each value or call: `counts` of them are what NumPy's work and fastinit's do."""
    found = medians({"NumPy": numpy_work, "fastinit": fastinit_work}, ROUNDS).values()
    numpy_time, fastinit_time = (seconds / count * 1e9 for seconds, count in zip(found, counts))
    return name, f"{numpy_time:.3g} {unit}", f"{fastinit_time:.3g} {unit}", f"{numpy_time / fastinit_time:.2f}"


TITLES = ("draw", "NumPy", "fastinit", "NumPy / fastinit")
GENERATORS = np.random.default_rng(0), fastinit.default_rng(0)


def large() -> None:
    out, counts = np.ones(LARGE), (LARGE_NUMPY, LARGE)
    works = {name: [partial(draw, rng, out[:n]) for rng, n in zip(GENERATORS, counts)] for name, draw in LARGE_DRAWS.items()}
    print_table(TITLES, (row(name, *of_both, counts, "ns a value") for name, of_both in works.items()))


def small() -> None:
    works = {name: [repeated(draw, rng) for rng in GENERATORS] for name, draw in SMALL_DRAWS.items()}
    print_table(TITLES, (row(name, *of_both, (CALLS, CALLS), "ns a call") for name, of_both in works.items()))


def requests() -> None:
    works = {name: [repeated(draw, rng, CALLS_OF_A_FORM) for rng in GENERATORS] for name, draw in REQUESTS.items()}
    counts = CALLS_OF_A_FORM, CALLS_OF_A_FORM
    print_table(TITLES, (row(name, *of_both, counts, "ns a call") for name, of_both in works.items()))


def million() -> None:
    things = np.arange(float(MILLION))
    works = {name: [partial(draw, rng, things) for rng in GENERATORS] for name, draw in DRAWS_OF_A_MILLION.items()}
    print_table(TITLES, (row(name, *of_both, (MILLION, MILLION), "ns a value") for name, of_both in works.items()))


def forms() -> None:
    print_table(("form of the draw", *METHODS), ((form, *(_times(method, form) for method in METHODS)) for form in FORMS))


def _times(method: str, form: str) -> str:
    """How many times as fast as NumPy; "-" for what NumPy's method does not take."""
    arguments = FORMS[form](method)

    def draw(rng: np.random.Generator) -> object:
        return getattr(rng, method)(*METHODS[method], **arguments)

    try:
        draw(GENERATORS[0])
    except TypeError:
        return "-"
    calls = CALLS_OF_A_FORM if np.size(draw(GENERATORS[0])) < 1000 else 5
    works = {rng: repeated(draw, rng, calls) for rng in GENERATORS}
    numpys, fastinits = medians(works, ROUNDS_OF_A_FORM).values()
    return f"{numpys / fastinits:.2f}"


if __name__ == "__main__":
    program.main(__doc__, {"large": large, "small": small, "forms": forms, "requests": requests, "million": million})
