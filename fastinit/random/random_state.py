"""NumPy's RandomState on the tiled stream: its legacy arguments, errors and algorithms, with fast array draws."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from fastinit.random import requests
from fastinit.random.bit_generator import Entropy, TiledXoshiro128
from fastinit.random.generator import Generator
from fastinit.random.ordering import shuffle_by_numpy

_numpy = np.random.RandomState
_INTEGERS = frozenset((int, np.int64, np.int32))

State: TypeAlias = Mapping[str, Any] | tuple[Any, ...]
"""A state as NumPy has them: a dictionary, or a tuple of a name, an array of words, a place in them, and a normal value kept
for the next call: whether there is one, and the value."""


class RandomState(np.random.RandomState):
    """`numpy.random.RandomState` whose arrays come from the kernels: for code that takes no Generator, as scikit-learn's.

    `seed`: what NumPy's takes, ints of 32 bits or sequences of them, or a bit generator. As long as that is a
    `TiledXoshiro128` arrays are those of `fastinit.Generator` where its methods have kernels (docs/numpy.md has the list);
    all else is NumPy's legacy code on the same stream, with its errors. ValueError and TypeError for seeds that NumPy
    refuses.

    >>> state = fastinit.random.RandomState(0)
    >>> state.normal(0.0, 0.02, 3)
    array([-0.0226476 , -0.04158995, -0.00367156])
    """

    def __init__(self, seed: Any = None) -> None:
        is_seed = seed is not None and not isinstance(seed, np.random.BitGenerator) and not hasattr(seed, "capsule")
        if is_seed:
            _numpy(seed)  # raises where NumPy refuses it
        self._start(TiledXoshiro128(_entropy(seed)) if is_seed or seed is None else seed)

    def _start(self, bit_generator: Any) -> None:
        """Draw from this bit generator from now on."""
        super().__init__(bit_generator)
        is_tiled = isinstance(bit_generator, TiledXoshiro128)
        self._generator = Generator(bit_generator) if is_tiled else None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._bit_generator,), super().get_state(legacy=False)

    # ---- seeds and states -------------------------------------------------------------------------------------------

    def seed(self, seed: Any = None) -> None:
        """Start the stream of a seed anew; see `numpy.random.RandomState.seed`."""
        if self._generator is None:
            return super().seed(seed)
        _numpy(seed)  # raises where NumPy refuses it
        self.set_state(TiledXoshiro128(_entropy(seed)).state)

    def get_state(self, legacy: bool = True) -> Any:
        """Where the stream stands: as NumPy's tuple, or with `legacy=False` as a dictionary."""
        if legacy and self._generator is None:
            return super().get_state()
        state = super().get_state(legacy=False)
        return as_tuple(state) if legacy else state

    def set_state(self, state: State) -> None:
        """Return to the place where `get_state` was called, with either form of state.

        A state of NumPy's Mersenne twister starts the stream that its words are the seed of, always the same.
        """
        if self._generator is not None:
            state = {"has_gauss": 0, "gauss": 0.0, **as_mapping(state)}
        super().set_state(state)  # type: ignore[arg-type]  # which checks it

    # ---- arrays from the kernels ------------------------------------------------------------------------------------

    def _drawn(self, name: str, numpys: Callable[..., Any], *arguments: Any) -> Any:
        """What the Generator draws; what it refuses, or cannot draw, is left to NumPy's legacy method."""
        if self._generator is not None:
            try:
                return getattr(self._generator, name)(*arguments)
            except (TypeError, ValueError, OverflowError):
                pass
        return numpys(self, *arguments)

    def random_sample(self, size: Any = None) -> Any:
        return self._drawn("random", _numpy.random_sample, size)

    def random(self, size: Any = None) -> Any:
        return self._drawn("random", _numpy.random, size)

    def rand(self, *shape: Any) -> Any:
        return self.random_sample(shape) if shape else self.random_sample()

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("uniform", _numpy.uniform, low, high, size)

    def standard_normal(self, size: Any = None) -> Any:
        return self._drawn("standard_normal", _numpy.standard_normal, size)

    def randn(self, *shape: Any) -> Any:
        return self.standard_normal(shape) if shape else self.standard_normal()

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("normal", _numpy.normal, loc, scale, size)

    def standard_exponential(self, size: Any = None) -> Any:
        return self._drawn("standard_exponential", _numpy.standard_exponential, size)

    def exponential(self, scale: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("exponential", _numpy.exponential, scale, size)

    def lognormal(self, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("lognormal", _numpy.lognormal, mean, sigma, size)

    def laplace(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("laplace", _numpy.laplace, loc, scale, size)

    def logistic(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("logistic", _numpy.logistic, loc, scale, size)

    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("gumbel", _numpy.gumbel, loc, scale, size)

    def rayleigh(self, scale: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("rayleigh", _numpy.rayleigh, scale, size)

    def weibull(self, a: Any, size: Any = None) -> Any:
        return self._drawn("weibull", _numpy.weibull, a, size)

    def pareto(self, a: Any, size: Any = None) -> Any:
        return self._drawn("pareto", _numpy.pareto, a, size)

    def power(self, a: Any, size: Any = None) -> Any:
        return self._drawn("power", _numpy.power, a, size)

    def standard_cauchy(self, size: Any = None) -> Any:
        return self._drawn("standard_cauchy", _numpy.standard_cauchy, size)

    def triangular(self, left: Any, mode: Any, right: Any, size: Any = None) -> Any:
        return self._drawn("triangular", _numpy.triangular, left, mode, right, size)

    def geometric(self, p: Any, size: Any = None) -> Any:
        return self._drawn("geometric", _numpy.geometric, p, size)

    def standard_gamma(self, shape: Any, size: Any = None) -> Any:
        return self._drawn("standard_gamma", _numpy.standard_gamma, shape, size)

    def gamma(self, shape: Any, scale: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("gamma", _numpy.gamma, shape, scale, size)

    def chisquare(self, df: Any, size: Any = None) -> Any:
        return self._drawn("chisquare", _numpy.chisquare, df, size)

    def beta(self, a: Any, b: Any, size: Any = None) -> Any:
        return self._drawn("beta", _numpy.beta, a, b, size)

    def f(self, dfnum: Any, dfden: Any, size: Any = None) -> Any:
        return self._drawn("f", _numpy.f, dfnum, dfden, size)

    def standard_t(self, df: Any, size: Any = None) -> Any:
        return self._drawn("standard_t", _numpy.standard_t, df, size)

    def noncentral_chisquare(self, df: Any, nonc: Any, size: Any = None) -> Any:
        return self._drawn("noncentral_chisquare", _numpy.noncentral_chisquare, df, nonc, size)

    def noncentral_f(self, dfnum: Any, dfden: Any, nonc: Any, size: Any = None) -> Any:
        return self._drawn("noncentral_f", _numpy.noncentral_f, dfnum, dfden, nonc, size)

    def multinomial(self, n: Any, pvals: Any, size: Any = None) -> Any:
        if np.ndim(n) or np.ndim(pvals) != 1:  # which this method does not take
            return super().multinomial(n, pvals, size)
        return self._drawn("multinomial", _numpy.multinomial, n, pvals, size)

    def multivariate_normal(self, mean: Any, cov: Any, size: Any = None, check_valid: Any = "warn", tol: Any = 1e-8) -> Any:
        return self._drawn("multivariate_normal", _numpy.multivariate_normal, mean, cov, size, check_valid, tol)

    def dirichlet(self, alpha: Any, size: Any = None) -> Any:
        return self._drawn("dirichlet", _numpy.dirichlet, alpha, size)

    def poisson(self, lam: Any = 1.0, size: Any = None) -> Any:
        return self._drawn("poisson", _numpy.poisson, lam, size)

    def binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        return self._drawn("binomial", _numpy.binomial, n, p, size)

    def negative_binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        return self._drawn("negative_binomial", _numpy.negative_binomial, n, p, size)

    def permutation(self, *arguments: Any, **named: Any) -> Any:  # NumPy's method refuses wrong ones in its words
        is_plain = len(arguments) == 1 and not named
        permuted = self._generator._permuted(arguments[0], 0) if self._generator is not None and is_plain else None
        return super().permutation(*arguments, **named) if permuted is None else permuted

    def shuffle(self, *arguments: Any, **named: Any) -> None:
        is_plain = len(arguments) == 1 and not named
        if self._generator is None or not is_plain or not self._generator._has_shuffled(arguments[0], 0):
            shuffle_by_numpy(super().shuffle, *arguments, **named)

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Any:
        chosen = None
        if self._generator is not None and np.ndim(a) <= 1:  # other arrays NumPy's method refuses
            chosen = self._generator._chosen(a, size, replace, p, 0)
        return super().choice(a, size, replace, p) if chosen is None else chosen

    def bytes(self, length: int) -> bytes:
        drawn: bytes = self._drawn("bytes", _numpy.bytes, length)
        return drawn

    def randint(self, low: Any, high: Any = None, size: Any = None, dtype: Any = int) -> Any:
        plain = type(low) in _INTEGERS and (high is None or type(high) in _INTEGERS)
        if plain and size is not None and self._generator is not None:
            try:
                return self._generator.integers(low, high, size, dtype)
            except (TypeError, ValueError, OverflowError):
                pass
        requests.check_room(size, low, high)
        return super().randint(low, high, size, dtype)


def _entropy(seed: Any) -> Entropy:
    """A seed that NumPy's RandomState takes, as one of a bit generator."""
    if seed is None:
        return None
    try:
        return operator.index(seed)
    except TypeError:
        return [int(word) for word in np.asarray(seed).ravel()]


def as_tuple(state: Mapping[str, Any]) -> tuple[Any, ...]:
    """A dictionary of a stream's place in the form of NumPy's legacy tuples."""
    inner = state["state"]
    words = np.array([*inner["stream"], inner["next_tile"], inner["tile"]], np.uint64)
    return state["bit_generator"], words, inner["used"], state.get("has_gauss", 0), state.get("gauss", 0.0)


def as_mapping(state: State) -> Mapping[str, Any]:
    """A state of either form as a dictionary; for one of NumPy's Mersenne twister, the stream that its words seed.

    TypeError or ValueError for anything else.
    """
    if isinstance(state, tuple | list):
        if len(state) not in (3, 5):
            raise ValueError(f"state must be a tuple of 3 or 5 entries, as get_state() gives it, got {len(state)}")
        name, words, place, *normal = state
        state = {"bit_generator": name, **dict(zip(("has_gauss", "gauss"), normal))}
        if name == "MT19937":
            state["state"] = {"key": words, "pos": place}
        else:
            *stream, next_tile, tile = (int(word) for word in words)
            state["state"] = {"stream": stream, "next_tile": next_tile, "tile": tile, "used": int(place)}
    if not isinstance(state, Mapping):
        raise TypeError("state must be a dict or a tuple.")
    if state.get("bit_generator") != "MT19937":
        return state
    twister = _numpy(0)
    twister.set_state({**state})  # raises where NumPy refuses it
    inner = state["state"]
    seeded = TiledXoshiro128([*map(int, np.asarray(inner["key"])), int(inner["pos"])]).state
    return {**seeded, "has_gauss": 0, "gauss": 0.0}
