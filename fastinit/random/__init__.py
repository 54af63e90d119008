"""numpy.random's module, function by function, on one global Generator: `import fastinit.random as random`.

The names, arguments and defaults are those of `numpy.random`; the values are the stream's, not those of NumPy's Mersenne
twister. The functions may be called from several threads.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from fastinit.random.bit_generator import TiledXoshiro128
from fastinit.random.generator import Generator, default_rng

BitGenerator = TiledXoshiro128

_global = Generator(TiledXoshiro128())
_seeding = threading.Lock()

# Methods of the Generator that are called the same in the module, with the same arguments.
_SAME = (
    "beta", "binomial", "bytes", "chisquare", "choice", "dirichlet", "exponential", "f", "gamma", "geometric", "gumbel",
    "hypergeometric", "integers", "laplace", "logistic", "lognormal", "logseries", "multinomial", "multivariate_normal",
    "negative_binomial", "noncentral_chisquare", "noncentral_f", "normal", "pareto", "permutation", "poisson", "power",
    "random", "rayleigh", "shuffle", "standard_cauchy", "standard_exponential", "standard_gamma", "standard_normal",
    "standard_t", "triangular", "truncated_normal", "vonmises", "wald", "weibull", "zipf",
)  # fmt: skip
globals().update({name: getattr(_global, name) for name in _SAME})


def seed(seed: Any = None) -> None:
    """Begin the global stream anew: an int, a sequence of ints, or None for fresh entropy."""
    state = TiledXoshiro128(seed).state
    with _seeding:
        _global.bit_generator.state = state


def get_state(legacy: bool = False) -> dict[str, Any]:
    """Where the global stream stands; `legacy` is taken for NumPy's sake: there is only the dictionary."""
    return _global.bit_generator.state


def set_state(state: dict[str, Any]) -> None:
    """Back to where `get_state` was called."""
    with _seeding:
        _global.bit_generator.state = state


def get_bit_generator() -> TiledXoshiro128:
    """The bit generator behind the module's functions."""
    return _global.bit_generator


def rand(*shape: int) -> Any:
    """Uniform on [0, 1), the shape given as several arguments."""
    return _global.random(shape or None)


def randn(*shape: int) -> Any:
    """Standard normal, the shape given as several arguments."""
    return _global.standard_normal(shape or None)


def random_sample(size: Any = None) -> Any:
    """Uniform on [0, 1)."""
    return _global.random(size)


ranf = sample = random_sample


def uniform(low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
    """Uniform between low and high, in either order, as the module's function of NumPy has it."""
    low, high = (low, high) if np.all(np.less_equal(low, high)) else (np.minimum(low, high), np.maximum(low, high))
    return _global.uniform(low, high, size)


def randint(low: Any, high: Any = None, size: Any = None, dtype: Any = int) -> Any:
    """Whole numbers from low to high - 1, or below low where high is not given."""
    drawn = _global.integers(low, high, size, dtype)
    return int(drawn) if size is None and dtype is int and np.ndim(drawn) == 0 else drawn


def random_integers(low: int, high: int | None = None, size: Any = None) -> Any:
    """Whole numbers from low (from 1 where high is not given) to high."""
    low, high = (1, low) if high is None else (low, high)
    return _global.integers(low, high, size, endpoint=True)


__all__ = [
    *_SAME,
    "BitGenerator",
    "Generator",
    "SeedSequence",
    "TiledXoshiro128",
    "default_rng",
    "get_bit_generator",
    "get_state",
    "rand",
    "randint",
    "randn",
    "random_integers",
    "random_sample",
    "ranf",
    "sample",
    "seed",
    "set_state",
    "uniform",
]
