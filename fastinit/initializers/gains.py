"""Gains: the factor on a weight's std by which a nonlinearity keeps the second moment of the pre-activations.

If z ~ N(0, 1) goes through f and then through independent weights of mean 0 and variance gain^2 / fan_in, the next
pre-activations have E[z^2] = gain^2 E[f(z)^2] (He et al. 2015, arXiv:1502.01852, section 2.2, there for ReLU): the second
moment of f, its mean included, and not its variance. For gradients, towards the inputs, it is E[f'(z)^2], with fan_out.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import asin, erfc, exp, expm1, inf, pi, sqrt
from typing import Any, TypeAlias

import numpy as np

from fastinit.initializers.quadrature import normal_mean_square, polynomial_mean_square
from fastinit.runtime import checks
from fastinit.runtime.nearest import did_you_mean
from fastinit.runtime.types import Array

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934  # Klambauer et al. 2017: E[f^2] = 1
GELU_CUBIC = 0.044715  # Hendrycks and Gimpel 2016, section 2

DIGITS = 12  # the last is worth 5e-13 of the moment at most; sums in another order differ by some 1e-15

Function: TypeAlias = Callable[[Any], Any]
"""An activation or its derivative, on an array or on one number."""

Moment: TypeAlias = Callable[[bool], float]
"""E[f(z)^2], or E[f'(z)^2] where the argument `backward` is true."""


def second_moment(
    activation: str | Function,
    *,
    backward: bool = False,
    derivative: Function | None = None,
    **parameters: float,
) -> float:
    """E[f(z)^2] for z ~ N(0, 1), or E[f'(z)^2] where `backward`, with a relative error below 1e-12.

    `activation`: a name in `ACTIVATIONS` or `ALIASES` of fastinit/initializers/gains.py, with its `parameters` (leaky_relu
    and prelu: negative_slope; elu and celu: alpha; sin: w0); or f itself, a callable on an array or on one number, whose
    `derivative` is a callable as well. A gated unit f(a) b, as swiglu, has E[f(a)^2] E[b^2] for independent unit normals a
    and b (Shazeer 2020, arXiv 2002.05202). "gelu" is that with the error function, as in torch and Keras; that of JAX is
    "gelu_tanh".

    TypeError for an `activation` that is neither, and for a parameter that it does not take. ValueError for an unknown
    name, for values that are not finite or do not fit the argument, where the integral is infinite or does not converge,
    and for `backward` where there is no derivative.
    Source: He et al. 2015, arXiv 1502.01852, section 2.2, where both are 1/2 for ReLU.

        >>> from fastinit.initializers import second_moment
        >>> second_moment("relu"), second_moment("elu", alpha=0.5, backward=True)
        (0.5, 0.5420255003057927)
    """
    if isinstance(activation, str):
        name = activation_name(activation)
        if derivative is not None:
            raise TypeError(f"{name} has a derivative of its own: derivative= goes with a callable")
        return _of_name(name, bool(backward), tuple(_checked(name, parameters).items()))
    if not callable(activation):
        raise TypeError(f"activation must be a name or a callable, got {activation!r}")
    if parameters:
        raise TypeError(f"parameters {', '.join(parameters)} go with a name: bind a callable's with functools.partial")
    if not backward:
        return normal_mean_square(activation)
    if derivative is None:
        raise ValueError("backward=True needs derivative=, f' as a callable: numerical differences have too few digits")
    return normal_mean_square(derivative, called="derivative")


def second_moment_of_weights(activation: str) -> float:
    """`second_moment` without the last digits, in which BLAS and libm of machines differ, and weights would with them."""
    return float(f"{second_moment(activation):.{DIGITS}g}")


def gain(
    activation: str | Function,
    *,
    convention: str = "math",
    backward: bool = False,
    derivative: Function | None = None,
    **parameters: float,
) -> float:
    """second_moment(...)^-1/2: with std = gain / sqrt(fan_in), E[z^2] = 1 stays 1 through f and the weights.

    The arguments are those of `second_moment`. sqrt(2) for ReLU, 1 for SELU. The gain of a gated unit belongs to the
    projection after it. With `backward` it is E[f'(z)^2]^-1/2, which keeps the gradient's second moment with
    std = gain / sqrt(fan_out).
    E[z^2] = 1 is a fixed point, and not always one that attracts: a small deviation grows 1.17 times a layer for silu, 1.14
    for gelu, stays for relu and shrinks to 0.46 for tanh (slope at 1 of q -> gain^2 E[f(sqrt(q) z)^2], the length map of
    Poole et al. 2016, arXiv 1606.05340). Deep stacks of silu and gelu need normalization or residual branches as well.

    `convention="torch"` gives the table of `torch.nn.init.calculate_gain`, where tanh is 5/3, selu 3/4 and sigmoid 1.
    Errors: those of `second_moment`; ValueError for a second moment of 0, for another convention, and for what torch's table
    does not have.
    Source: He et al. 2015, arXiv 1502.01852, section 2.2; SELU: Klambauer et al. 2017, arXiv 1706.02515.

        >>> import fastinit
        >>> fastinit.gain("relu"), round(fastinit.gain("tanh"), 12), fastinit.gain("tanh", convention="torch")
        (1.4142135623730951, 1.592537419723, 1.6666666666666667)
    """
    if convention == "torch":
        return _torch_gain(activation, backward or derivative is not None, parameters)
    if convention != "math":
        raise ValueError(f"convention must be 'math' or 'torch', got {convention!r}: Keras and JAX have no table of gains")
    moment = second_moment(activation, backward=backward, derivative=derivative, **parameters)
    if moment < sys.float_info.min:
        raise ValueError(f"activation {activation!r} has second moment {moment!r}: no gain makes up for it")
    return sqrt(1.0 / moment)


# ---- the table ----


def _closed(forward: float, backward: float) -> Moment:
    return lambda towards_inputs: backward if towards_inputs else forward


def _integrated(f: Function, derivative: Function) -> Moment:
    return lambda towards_inputs: normal_mean_square(derivative if towards_inputs else f)


def _polynomials(*pieces: tuple[float, float, tuple[float, ...]]) -> Moment:
    """f is a polynomial from low to high, for each of the pieces (low, high, coefficients), and 0 elsewhere."""
    return lambda towards_inputs: sum(polynomial_mean_square(*piece, derivative=towards_inputs) for piece in pieces)


def _leaky(slope: float) -> Moment:
    return _polynomials((-inf, 0, (0, slope)), (0, inf, (0, 1)))


def _elu(alpha: float, scale: float) -> Moment:
    """scale z above 0, scale alpha (e^z - 1) below: E[e^(kz); z < 0] = e^(k^2/2) P(z > k)."""
    exp_z, exp_2z = exp(0.5) * erfc(sqrt(0.5)) / 2, exp(2) * erfc(sqrt(2)) / 2
    below = scale * scale * alpha * alpha
    return _closed(scale * scale / 2 + below * (exp_2z - 2 * exp_z + 0.5), scale * scale / 2 + below * exp_2z)


def _celu(alpha: float) -> Moment:
    """Integrated, since e^(2/alpha^2) of the closed form overflows for small alpha, and large alpha cancels it."""
    if alpha == 0:
        raise ValueError("alpha must not be 0 for celu, which is alpha (exp(z / alpha) - 1) below 0")
    return _integrated(
        lambda z: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0) / alpha)),
        lambda z: np.exp(np.minimum(z, 0) / alpha),
    )


def _swish(beta: float) -> Moment:
    def derivative(z: Array) -> Array:
        gate = _sigmoid(beta * z)
        return np.asarray(gate + beta * z * gate * (1 - gate))

    return _integrated(lambda z: z * _sigmoid(beta * z), derivative)


def _gelu_tanh() -> Moment:
    def tanh(z: Array) -> Array:
        return np.asarray(np.tanh(sqrt(2 / pi) * (z + GELU_CUBIC * z**3)))

    def derivative(z: Array) -> Array:
        return np.asarray((1 + tanh(z) + z * (1 - tanh(z) ** 2) * sqrt(2 / pi) * (1 + 3 * GELU_CUBIC * z * z)) / 2)

    return _integrated(lambda z: z * (1 + tanh(z)) / 2, derivative)


def _mish() -> Moment:
    def derivative(z: Array) -> Array:
        tanh = np.tanh(_softplus(z))
        return np.asarray(tanh + z * (1 - tanh * tanh) * _sigmoid(z))

    return _integrated(lambda z: z * np.tanh(_softplus(z)), derivative)


def _gated(name: str) -> Moment:
    def moment(towards_inputs: bool) -> float:
        if towards_inputs:
            raise ValueError(
                f"a gated unit f(a) b has two inputs: backwards to a it is second_moment({name!r}, backward=True), to b it "
                f"is second_moment({name!r})"
            )
        return second_moment(name)

    return moment


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _softplus(z: Array) -> Array:
    return np.asarray(np.logaddexp(0, z))


ACTIVATIONS: dict[str, Callable[..., Moment]] = {
    "linear": lambda: _polynomials((-inf, inf, (0, 1))),
    "relu": lambda: _leaky(0.0),
    "leaky_relu": lambda negative_slope=0.01: _leaky(negative_slope),
    "prelu": lambda negative_slope=0.25: _leaky(negative_slope),
    "relu6": lambda: _polynomials((0, 6, (0, 1)), (6, inf, (6,))),
    "relu_squared": lambda: _polynomials((0, inf, (0, 0, 1))),
    "hardtanh": lambda: _polynomials((-inf, -1, (-1,)), (-1, 1, (0, 1)), (1, inf, (1,))),
    "hardsigmoid": lambda: _polynomials((-3, 3, (1 / 2, 1 / 6)), (3, inf, (1,))),
    "hardswish": lambda: _polynomials((-3, 3, (0, 1 / 2, 1 / 6)), (3, inf, (0, 1))),
    "elu": lambda alpha=1.0: _elu(alpha, 1.0),
    "selu": lambda: _elu(SELU_ALPHA, SELU_SCALE),
    "celu": lambda alpha=1.0: _celu(alpha),
    "gelu": lambda: _closed(1 / 3 + 1 / (2 * sqrt(3) * pi), 1 / 3 + 2 / (3 * sqrt(3) * pi)),
    "gelu_tanh": _gelu_tanh,
    "quick_gelu": lambda: _swish(1.702),
    "silu": lambda: _swish(1.0),
    "mish": _mish,
    "tanh": lambda: _integrated(np.tanh, lambda z: np.cosh(z) ** -2),
    "sigmoid": lambda: _integrated(_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z)),
    "softplus": lambda: _integrated(_softplus, _sigmoid),
    "softsign": lambda: _integrated(lambda z: z / (1 + abs(z)), lambda z: (1 + abs(z)) ** -2),
    "sin": lambda w0=1.0: _closed(-expm1(-2 * w0 * w0) / 2, w0 * w0 * (1 + exp(-2 * w0 * w0)) / 2),
    "erf": lambda: _closed(2 / pi * asin(2 / 3), 4 / (pi * sqrt(5))),
    "swiglu": lambda: _gated("silu"),
    "geglu": lambda: _gated("gelu"),
    "reglu": lambda: _gated("relu"),
    "glu": lambda: _gated("sigmoid"),
}
"""For each activation a function of its parameters, with their defaults, that returns its moments."""

ALIASES = {
    "identity": "linear", "conv1d": "linear", "conv2d": "linear", "conv3d": "linear",
    "convtranspose1d": "linear", "convtranspose2d": "linear", "convtranspose3d": "linear",
    "swish": "silu", "hardsilu": "hardswish", "logistic": "sigmoid", "sine": "sin",
    "relu2": "relu_squared", "squaredrelu": "relu_squared",
    "gelunew": "gelu_tanh", "gelufast": "gelu_tanh", "gelupytorchtanh": "gelu_tanh",
}  # fmt: skip
"""Other names, written with letters and digits only."""

TORCH_GAINS: dict[str, Callable[..., float]] = {
    **dict.fromkeys(["linear", *(f"conv{n}d" for n in "123"), *(f"conv_transpose{n}d" for n in "123")], lambda: 1.0),
    "sigmoid": lambda: 1.0,
    "tanh": lambda: 5.0 / 3,
    "relu": lambda: sqrt(2.0),
    "leaky_relu": lambda negative_slope=0.01: sqrt(2.0 / (1 + negative_slope * negative_slope)),
    "selu": lambda: 0.75,
}
"""`torch.nn.init.calculate_gain` of torch 2.13."""


# ---- names and parameters ----


@lru_cache(maxsize=256)
def _of_name(name: str, backward: bool, parameters: tuple[tuple[str, float], ...]) -> float:
    moment = float(ACTIVATIONS[name](**dict(parameters))(backward))
    if not math.isfinite(moment):
        raise ValueError(f"second moment of {name} is beyond float64 for {dict(parameters)}")
    return moment


def _torch_gain(activation: str | Function, backward: bool, parameters: Mapping[str, Any]) -> float:
    known = ", ".join(TORCH_GAINS)
    if not isinstance(activation, str) or activation not in TORCH_GAINS:
        raise ValueError(f"torch has no gain for {activation!r}, only for {known}: use convention='math'")
    if backward:
        raise ValueError("torch has the same gain in both directions: use convention='math' with backward or derivative")
    return TORCH_GAINS[activation](**_checked(activation, parameters, TORCH_GAINS))


@lru_cache(maxsize=256)
def activation_name(activation: str) -> str:
    """The name in ACTIVATIONS. ValueError for one that is not there, naming the nearest."""
    names = {_letters(name): name for name in ACTIVATIONS} | ALIASES
    letters = _letters(activation)
    if letters in names:
        return names[letters]
    hint = did_you_mean(letters, names)
    raise ValueError(f"unknown activation {activation!r}: {hint}known: {', '.join(sorted(ACTIVATIONS))}")


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def _checked(
    name: str, parameters: Mapping[str, Any], table: Mapping[str, Callable[..., object]] = ACTIVATIONS
) -> dict[str, float]:
    known = inspect.signature(table[name]).parameters
    for parameter in parameters:
        if parameter not in known:
            raise TypeError(f"{name} has no parameter {parameter!r}: it takes {', '.join(known) or 'none'}")
    return {parameter: checks.finite(parameter, value) for parameter, value in parameters.items()}
