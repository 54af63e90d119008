"""Which functions of torch are activations: their names in `fastinit.gain`, their parameters, their bounds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fastinit.initializers.gains import second_moment
from fastinit.initializers.quadrature import normal_mean_square
from fastinit.runtime.types import Array

NAMES = {
    **{
        name: name for name in ("relu", "relu6", "leaky_relu", "hardtanh", "hardsigmoid", "hardswish", "elu", "selu", "celu")
    },
    **{name: name for name in ("gelu", "silu", "mish", "tanh", "sigmoid", "softplus", "softsign", "sin", "erf", "prelu")},
    **{f"{name}_": name for name in ("relu", "leaky_relu", "hardtanh", "elu", "selu", "celu", "tanh", "sigmoid", "sin")},
    "glu": "glu",
}
"""By the name of a function of torch, the name of the activation."""

BOUNDS = {
    "tanh": (-1.0, 1.0), "hardtanh": (-1.0, 1.0), "softsign": (-1.0, 1.0), "erf": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0), "hardsigmoid": (0.0, 1.0),
}  # fmt: skip
"""Where an activation saturates."""

ZERO_BELOW = ("relu", "relu6")
"""Activations whose units are dead if they are never positive."""

GATES = {"silu": "swiglu", "gelu": "geglu", "gelu_tanh": "geglu", "relu": "reglu", "sigmoid": "glu"}
"""The gated unit of which f(a) b is the form, by f."""

PARAMETERS = {"leaky_relu": ("negative_slope",), "elu": ("alpha",), "celu": ("alpha",)}
"""The parameters that the gains know, by their names in torch as well."""


@dataclass(frozen=True)
class Activation:
    """A nonlinearity as a model calls it. `parameters` are those that `fastinit.gain` takes."""

    name: str
    parameters: tuple[tuple[str, float], ...] = ()
    function: Callable[[Tensor], Tensor] | None = field(default=None, compare=False, repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """The parameters as keyword arguments of `fastinit.gain` and `recommend`."""
        return dict(self.parameters)

    def moment(self, mean_square: float) -> float | None:
        """E[f(z)^2] of z normal with mean 0 and this mean square; None where it is not known."""
        return _moment(self, _rounded(mean_square), derivative=False)

    def slope_moment(self, mean_square: float) -> float | None:
        """E[f'(z)^2] of the same z."""
        return _moment(self, _rounded(mean_square), derivative=True)

    def on_array(self, z: Array) -> Array:
        """f of each number."""
        if self.function is None:
            raise ValueError(f"{self.name} is no function of one number")
        with torch.no_grad():
            made: Array = self.function(torch.as_tensor(z, dtype=torch.float64)).numpy()
        return made

    def slope_on_array(self, z: Array) -> Array:
        """f' of each number, by automatic differentiation."""
        if self.function is None:
            raise ValueError(f"{self.name} is no function of one number")
        with torch.enable_grad():
            at = torch.tensor(z, dtype=torch.float64, requires_grad=True)
            (slope,) = torch.autograd.grad(self.function(at).sum(), at)
        made: Array = slope.numpy()
        return made


def _rounded(mean_square: float) -> float:
    """To 9 digits, below which no measured number differs, so that equal ones are computed once."""
    return float(f"{mean_square:.9g}")


@lru_cache(maxsize=4096)
def _moment(activation: Activation, mean_square: float, derivative: bool) -> float | None:
    """By the exact table of `fastinit.gain` at mean square 1, and by its quadrature elsewhere."""
    if mean_square <= 0:
        return None
    try:
        if activation.name in ("relu", "leaky_relu"):  # homogeneous: exact for every mean square
            return second_moment(activation.name, backward=derivative, **activation.options) * (
                1.0 if derivative else mean_square
            )
        if activation.function is None:
            return None
        f = activation.slope_on_array if derivative else activation.on_array
        return normal_mean_square(lambda z: f(z * mean_square**0.5))
    except (ValueError, RuntimeError):  # an activation that draws, or has parameters for each channel
        return None


def named(name: str, **parameters: float) -> Activation:
    """The activation of this name in torch.nn.functional, or in torch.

    >>> from fastinit.lab.activations import named
    >>> round(named("relu").moment(2.0), 6)
    1.0
    """
    function: Any = getattr(functional, name, None) or getattr(torch, name, None)
    if function is None or name not in NAMES:
        raise ValueError(f"activation must be one of {', '.join(sorted(set(NAMES.values())))}, got {name!r}")
    return Activation(NAMES[name], tuple(sorted(parameters.items())), lambda z: function(z, **parameters))


def activation_of(function: Any, positional: tuple[Any, ...], named_arguments: Mapping[str, Any]) -> Activation | None:
    """The activation that this call of a function of torch is; None for other functions."""
    called = getattr(function, "__name__", "")
    name = NAMES.get(called)
    if name is None or not positional or not isinstance(positional[0], Tensor) or not positional[0].is_floating_point():
        return None
    if name == "gelu" and "tanh" in (named_arguments.get("approximate"), *positional[1:2]):
        name = "gelu_tanh"
    if name == "prelu":  # a slope for each channel: that of their mean square
        weight = positional[1] if len(positional) > 1 else named_arguments["weight"]
        slope = float(weight.detach().float().square().mean().sqrt())
        return Activation("leaky_relu", (("negative_slope", slope),), lambda z: functional.leaky_relu(z, slope))
    others = {key: value for key, value in named_arguments.items() if key not in ("inplace", "input")}
    rest = tuple(value for value in positional[1:] if not isinstance(value, Tensor))
    if called.endswith("_") or "inplace" in named_arguments or any(isinstance(value, bool) for value in rest):
        rest = tuple(value for value in rest if not isinstance(value, bool))
    function = getattr(functional, called.rstrip("_"), None) or getattr(torch, called.rstrip("_"))
    return Activation(
        name, _parameters(name, function, rest, others), None if name == "glu" else lambda z: function(z, *rest, **others)
    )


def _parameters(name: str, function: Any, rest: tuple[Any, ...], others: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    wanted = PARAMETERS.get(name, ())
    if not wanted:
        return ()
    try:
        order = list(inspect.signature(function).parameters)[1:]
    except ValueError:  # a function in C++: its parameters are in the order of ours
        order = list(wanted)
    given = {**dict(zip(order, rest)), **others}
    return tuple((key, float(given[key])) for key in wanted if key in given)
