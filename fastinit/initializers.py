"""The initializers: each works out a law from its own parameters and the tensor's shape, and fills.

The options that all of them share, after the law's own parameters and by keyword only:

- `seed`: a non-negative int, a `numpy.random.SeedSequence`, or None (the default) for fresh entropy.
- `name`: the tensor's name, or None. Tensors of different names get independent values from one seed.
- `dtype`: float32 (the default), float64, float16, bfloat16, float8_e4m3fn or float8_e5m2, as a dtype or by name. The narrow
  ones are the float32 values rounded once, to nearest even.
- `layout`: which axes of `shape` are inputs and outputs: "io" (the default) is (*kernel, in, out) as in Keras and JAX,
  "oi" is (out, in, *kernel) as in torch. The laws that ask for no fan do not look at it.
- `out`: a writable array of the result's shape and dtype to fill and return, contiguous or not; else a new array is made.
- `index`: a slice, an int, an integer or boolean array, or a tuple of them, as in `full[index]`: only that part of the
  tensor is made, with the values it has in the whole. `shape` stays the shape of the whole.

A value depends on the seed, the name and its position in the whole tensor, and on nothing else. Bad arguments raise
TypeError or ValueError (IndexError for the index) before anything is written.

Each function has an attribute `law`: the same without the filling, `he_normal.law((256, 128)) == Normal(0.0, 0.0883...)`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps

import numpy as np

from fastinit.fans import fans
from fastinit.fill import checked_shape, fill
from fastinit.laws import Constant, Law, Normal, TruncatedNormal, Uniform

STD_OF_NORMAL_CUT_AT_2 = 0.87962566103423978  # sqrt(1 - 4 pdf(2) / (2 cdf(2) - 1))

INITIALIZERS: dict[str, Callable[..., np.ndarray]] = {}
"""Every initializer by name, aliases included."""

_SHARED_OPTIONS = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
    for name, default in (
        ("seed", None), ("name", None), ("dtype", np.float32), ("layout", "io"), ("out", None), ("index", None),
    )
]  # fmt: skip


def initializer(law_of: Callable[..., Law]) -> Callable[..., np.ndarray]:
    """Make of `law_of(shape, <parameters>, *, layout)` a function that fills, and list it."""

    @wraps(law_of)
    def initialize(
        shape, *parameters, seed=None, name=None, dtype=np.float32, layout="io", out=None, index=None, **named
    ):
        whole_shape = checked_shape(shape)
        law = law_of(whole_shape, *parameters, layout=layout, **named)
        return fill(law, whole_shape, seed=seed, name=name, dtype=dtype, out=out, index=index)

    own = [p for p in inspect.signature(law_of).parameters.values() if p.name != "layout"]
    initialize.__signature__ = inspect.Signature([*own, *_SHARED_OPTIONS], return_annotation=np.ndarray)
    initialize.law = lambda shape, *parameters, layout="io", **named: law_of(
        checked_shape(shape), *parameters, layout=layout, **named
    )
    INITIALIZERS[law_of.__name__] = initialize
    return initialize


# ---- laws given outright --------------------------------------------------------------------------------------------


@initializer
def zeros(shape, *, layout="io"):
    """All zeros: for biases."""
    return Constant(0.0)


@initializer
def ones(shape, *, layout="io"):
    """All ones: for the scales of norms."""
    return Constant(1.0)


@initializer
def constant(shape, value, *, layout="io"):
    """Every element is `value`."""
    return Constant(value)


@initializer
def uniform(shape, low=-0.05, high=0.05, *, layout="io"):
    """Uniform on [low, high). With nothing known but the number n of inputs, a = 1 / sqrt(n) and (-a, a) serve."""
    return Uniform(low, high)


@initializer
def normal(shape, mean=0.0, std=1.0, *, layout="io"):
    """Normal with this mean and std. With nothing known but the number n of inputs, std = 1 / sqrt(n) serves."""
    return Normal(mean, std)


@initializer
def truncated_normal(shape, mean=0.0, std=1.0, low=-2.0, high=2.0, *, layout="io"):
    """Normal with this mean and std, cut at mean + low std and mean + high std: the bounds are in sigmas from the mean.

    `std` is that before the cut; cut at +-2 sigmas, what is left has 0.8796 of it.
    """
    return TruncatedNormal(mean, std, low, high)


# ---- variance scaling -----------------------------------------------------------------------------------------------

MODES = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}
DISTRIBUTIONS = {
    "normal": lambda std: Normal(0.0, std),
    "truncated_normal": lambda std: TruncatedNormal(0.0, std / STD_OF_NORMAL_CUT_AT_2, -2.0, 2.0),
    "uniform": lambda std: Uniform(-math.sqrt(3.0) * std, math.sqrt(3.0) * std),
}


@initializer
def variance_scaling(shape, scale=1.0, mode="fan_in", distribution="normal", *, layout="io"):
    """Mean 0 and variance scale / n, n being `mode`: "fan_in", "fan_out" or "fan_avg", their mean.

    `distribution`: "normal"; "truncated_normal", cut at +-2 sigmas and widened to keep the variance; or "uniform".
    """
    return _scaled(shape, layout, scale, mode, distribution, "variance_scaling")


def _scaled(shape, layout, scale, mode, distribution, wanted_by):
    for argument, value, known in (("mode", mode, MODES), ("distribution", distribution, DISTRIBUTIONS)):
        if value not in known:
            raise ValueError(f"{argument} must be one of {', '.join(map(repr, known))}, got {value!r}")
    if not (isinstance(scale, (int, float, np.number)) and 0 <= scale < math.inf):
        raise ValueError(f"scale must be a finite number that is not negative, got {scale!r}")
    return DISTRIBUTIONS[distribution](math.sqrt(scale / MODES[mode](*fans(shape, layout, wanted_by))))


@initializer
def xavier_uniform(shape, *, layout="io"):
    """Uniform, variance 2 / (fan_in + fan_out): for tanh and linear units (Glorot and Bengio 2010, eq. 16)."""
    return _scaled(shape, layout, 1.0, "fan_avg", "uniform", "xavier_uniform")


@initializer
def xavier_normal(shape, *, layout="io"):
    """Normal, variance 2 / (fan_in + fan_out): for tanh and linear units (Glorot and Bengio 2010, eq. 12)."""
    return _scaled(shape, layout, 1.0, "fan_avg", "normal", "xavier_normal")


@initializer
def he_uniform(shape, *, layout="io"):
    """Uniform, variance 2 / fan_in: for ReLU (He et al. 2015, eq. 10)."""
    return _scaled(shape, layout, 2.0, "fan_in", "uniform", "he_uniform")


@initializer
def he_normal(shape, *, layout="io"):
    """Normal, std = sqrt(2 / fan_in): for ReLU (He et al. 2015, eq. 10)."""
    return _scaled(shape, layout, 2.0, "fan_in", "normal", "he_normal")


@initializer
def lecun_uniform(shape, *, layout="io"):
    """Uniform, variance 1 / fan_in: for SELU and linear units (LeCun et al. 1998, "Efficient BackProp", section 4.6)."""
    return _scaled(shape, layout, 1.0, "fan_in", "uniform", "lecun_uniform")


@initializer
def lecun_normal(shape, *, layout="io"):
    """Normal, variance 1 / fan_in: for SELU and linear units (LeCun et al. 1998, "Efficient BackProp", section 4.6)."""
    return _scaled(shape, layout, 1.0, "fan_in", "normal", "lecun_normal")


for _alias, _name in (("glorot", "xavier"), ("kaiming", "he")):
    for _distribution in ("uniform", "normal"):
        INITIALIZERS[f"{_alias}_{_distribution}"] = INITIALIZERS[f"{_name}_{_distribution}"]
glorot_uniform, glorot_normal = xavier_uniform, xavier_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal

# ---- the tutorial's four --------------------------------------------------------------------------------------------


@initializer
def random_init(shape, lower_bound=-1, upper_bound=1, *, layout="io"):
    """Uniform on [lower_bound, upper_bound): the tutorial's random initialization."""
    return Uniform(lower_bound, upper_bound)


@initializer
def gaussian_init(shape, mean=0, std=0.01, *, layout="io"):
    """Normal with this mean and standard deviation: the tutorial's Gaussian initialization."""
    return Normal(mean, std)


@initializer
def xavier_init(shape, bias=0, *, layout="io"):
    """Normal about `bias`, the variance being 2 / (fan_in + fan_out) and sigma its root: the tutorial's Xavier.

    The tutorial in places passes the variance where the standard deviation belongs; here it never is.
    """
    return Normal(bias, _scaled(shape, layout, 1.0, "fan_avg", "normal", "xavier_init").std)


@initializer
def he_init(shape, bias=0, *, layout="io"):
    """Normal about `bias`, the variance being 2 / fan_in and sigma its root: the tutorial's He.

    The tutorial in places passes the variance where the standard deviation belongs, and draws with sigma 1.41 in one place
    and 1.0 in another for two inputs; here sigma is sqrt(2 / fan_in), 1.0 for two inputs.
    """
    return Normal(bias, _scaled(shape, layout, 2.0, "fan_in", "normal", "he_init").std)
