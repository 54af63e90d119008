"""The functions of numpy.random, on one global Generator: `import fastinit.random as random`.

The names, arguments and defaults are those of `numpy.random`; the values are the stream's, not those of NumPy's Mersenne
twister. The functions may be called from several threads.

>>> import fastinit.random as random
>>> random.seed(0)
>>> random.normal(size=2)
array([-1.13237991, -2.07949727])
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
from numpy.random import SeedSequence

from fastinit.random.bit_generator import Entropy, TiledXoshiro128
from fastinit.random.generator import Generator, default_rng
from fastinit.random.random_state import RandomState, State, as_mapping, as_tuple
from fastinit.runtime.forks import free_in_child

Function = TypeVar("Function", bound=Callable[..., Any])

__all__ = ["BitGenerator", "Generator", "RandomState", "SeedSequence", "TiledXoshiro128", "default_rng"]  # and the functions

BitGenerator = TiledXoshiro128

_rng = Generator(TiledXoshiro128())  # the global stream
_seeding = free_in_child(threading.Lock())

_DOCSTRING = """{sentence}

Drawn by NumPy's code from fastinit's global stream; arguments and errors are those of `numpy.random.Generator.{name}`.

>>> fastinit.random.seed(0)
>>> print(np.round(fastinit.random.{name}({arguments}), 4))
{printed}
"""


def _public(function: Function) -> Function:
    __all__.append(function.__name__)
    return function


def _like(of_numpy: Function) -> Callable[[Callable[..., Any]], Function]:
    """A decorator of public functions: type checkers see the overloads of NumPy's function instead."""
    return lambda function: cast(Function, _public(function))


def _of_numpy(method: Function, sentence: str, arguments: str, printed: str) -> Function:
    """A method that the Generator inherits from NumPy, with a docstring for this module, whose example prints `printed`."""
    name = _public(method).__name__
    function = partial(method)
    function.__doc__ = _DOCSTRING.format(sentence=sentence, name=name, arguments=arguments, printed=printed)
    return cast(Function, function)


# ---- the Generator's own methods -----------------------------------------------------------------------------------

beta = _public(_rng.beta)
binomial = _public(_rng.binomial)
bytes = _public(_rng.bytes)
chisquare = _public(_rng.chisquare)
choice = _public(_rng.choice)
dirichlet = _public(_rng.dirichlet)
exponential = _public(_rng.exponential)
f = _public(_rng.f)
gamma = _public(_rng.gamma)
geometric = _public(_rng.geometric)
gumbel = _public(_rng.gumbel)
integers = _public(_rng.integers)
laplace = _public(_rng.laplace)
logistic = _public(_rng.logistic)
lognormal = _public(_rng.lognormal)
multinomial = _public(_rng.multinomial)
multivariate_normal = _public(_rng.multivariate_normal)
negative_binomial = _public(_rng.negative_binomial)
noncentral_chisquare = _public(_rng.noncentral_chisquare)
noncentral_f = _public(_rng.noncentral_f)
normal = _public(_rng.normal)
pareto = _public(_rng.pareto)
permutation = _public(_rng.permutation)
poisson = _public(_rng.poisson)
power = _public(_rng.power)
random = _public(_rng.random)
rayleigh = _public(_rng.rayleigh)
standard_cauchy = _public(_rng.standard_cauchy)
standard_exponential = _public(_rng.standard_exponential)
standard_gamma = _public(_rng.standard_gamma)
standard_normal = _public(_rng.standard_normal)
standard_t = _public(_rng.standard_t)
triangular = _public(_rng.triangular)
truncated_normal = _public(_rng.truncated_normal)
weibull = _public(_rng.weibull)

# ---- NumPy's methods ------------------------------------------------------------------------------------------------

# fmt: off
hypergeometric = _of_numpy(_rng.hypergeometric, "Hypergeometric: good ones among nsample, not replaced.", "6, 4, 5", "2")
logseries = _of_numpy(_rng.logseries, "Logarithmic series: P(k) = -p^k / (k ln(1 - p)), k > 0.", "0.6", "2")
vonmises = _of_numpy(_rng.vonmises, "Von Mises: density ~ exp(kappa cos(x - mu)).", "0.0, 2.0", "0.7257")
wald = _of_numpy(_rng.wald, "Wald, the inverse Gaussian of this mean and scale.", "1.0, 2.0", "1.1777")
zipf = _of_numpy(_rng.zipf, "Zipf: P(k) proportional to k^(-a) for k = 1, 2, ...", "3.0", "1")
# fmt: on


# ---- functions of the module alone ---------------------------------------------------------------------------------


@_like(np.random.shuffle)
def shuffle(x: Any, axis: int = 0) -> None:
    """Permute an array or a list in place, along one axis; see `numpy.random.Generator.shuffle`.

    >>> deck = [1, 2, 3, 4]
    >>> fastinit.random.seed(0)
    >>> fastinit.random.shuffle(deck)
    >>> deck
    [2, 3, 4, 1]
    """
    _rng.shuffle(x, axis)


@_public
def seed(seed: Entropy = None) -> None:
    """Start the global stream from a seed: an int, a sequence of ints, or None for fresh entropy.

    >>> fastinit.random.seed(0)
    >>> fastinit.random.random()
    0.5250727953596092
    """
    set_state(TiledXoshiro128(seed).state)


@_public
def get_state(legacy: bool = False) -> State:
    """Where the global stream stands, as a dictionary, or with `legacy` as a tuple of NumPy's form.

    >>> state = fastinit.random.get_state()
    >>> before = fastinit.random.random(3)
    >>> fastinit.random.set_state(state)
    >>> bool((fastinit.random.random(3) == before).all())
    True
    """
    state = _rng.bit_generator.state
    return as_tuple(state) if legacy else state


@_public
def set_state(state: State) -> None:
    """Return to the place where `get_state` was called; a state of NumPy's Mersenne twister starts the stream that it seeds.

    TypeError or ValueError for anything that is not such a state.

    >>> fastinit.random.set_state(fastinit.TiledXoshiro128(0).state)
    >>> fastinit.random.random()
    0.5250727953596092
    """
    with _seeding:
        _rng.bit_generator.state = as_mapping(state)


@_public
def get_bit_generator() -> TiledXoshiro128:
    """The bit generator behind the module's functions.

    >>> type(fastinit.random.get_bit_generator()).__name__
    'TiledXoshiro128'
    """
    return _rng.bit_generator


@_like(np.random.rand)
def rand(*shape: int) -> Any:
    """Uniform on [0, 1), of the shape that the arguments give.

    >>> fastinit.random.seed(0)
    >>> fastinit.random.rand(2, 2)
    array([[0.5250728 , 0.08882208],
           [0.94771673, 0.07136662]])
    """
    return _rng.random(shape or None)


@_like(np.random.randn)
def randn(*shape: int) -> Any:
    """Standard normal, of the shape that the arguments give.

    >>> fastinit.random.seed(0)
    >>> fastinit.random.randn(2, 2)
    array([[-1.13237991, -2.07949727],
           [-0.18357785,  0.54307169]])
    """
    return _rng.standard_normal(shape or None)


@_like(np.random.random_sample)
def random_sample(size: Any = None) -> Any:
    """Uniform on [0, 1): `random` in float64, which `ranf` and `sample` are as well.

    >>> fastinit.random.seed(0)
    >>> fastinit.random.random_sample(3)
    array([0.5250728 , 0.08882208, 0.94771673])
    """
    return _rng.random(size)


ranf = sample = random_sample
__all__ += ["ranf", "sample"]


@_like(np.random.uniform)
def uniform(low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
    """Uniform between low and high, in either order, as `numpy.random.uniform` has it.

    >>> fastinit.random.seed(0)
    >>> fastinit.random.uniform(1.0, -1.0, 3)
    array([ 0.05014559, -0.82235583,  0.89543347])
    """
    low, high = (low, high) if np.all(np.less_equal(low, high)) else (np.minimum(low, high), np.maximum(low, high))
    return _rng.uniform(low, high, size)


@_like(np.random.randint)
def randint(low: Any, high: Any = None, size: Any = None, dtype: Any = int) -> Any:
    """Integers from low to high - 1, or from 0 to low - 1 without high.

    >>> fastinit.random.seed(0)
    >>> fastinit.random.randint(10, size=5)
    array([5, 0, 9, 0, 8])
    """
    drawn = _rng.integers(low, high, size, dtype)
    return int(drawn) if size is None and dtype is int and np.ndim(drawn) == 0 else drawn


@_like(np.random.random_integers)
def random_integers(low: int, high: int | None = None, size: Any = None) -> Any:
    """Integers from low to high, both included, or from 1 to low without high.

    >>> fastinit.random.seed(0)
    >>> fastinit.random.random_integers(6, size=5)
    array([4, 1, 6, 1, 6])
    """
    low, high = (1, low) if high is None else (low, high)
    return _rng.integers(low, high, size, endpoint=True)


def __dir__() -> list[str]:  # what is imported and the modules are left out
    return __all__
