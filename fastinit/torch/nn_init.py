"""`torch.nn.init`'s functions, drawn by fastinit: the same names, arguments, distributions, warnings and errors.

The stream is drawn from `generator`, or from torch's default one: `torch.manual_seed` governs. Beyond torch's: they are
fast, float8 tensors are filled without a temporary, bfloat16 and float16 are the float32 values rounded once, `orthogonal_`
takes every dtype, and the zeros of `sparse_` come from `generator` too. What they cannot fill (tensors on other devices,
meta tensors, complex numbers) goes to torch's function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Generator, Tensor, nn, no_grad
from torch.nn.init import calculate_gain, constant_, dirac_, eye_, ones_, zeros_

from fastinit import distributions
from fastinit.distributions import Distribution
from fastinit.initializers import HeNormal, HeUniform, Initializer, XavierNormal, XavierUniform
from fastinit.torch.replacements import filled, orthogonal, sparse, trunc_normal

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U[a, b)."""
    return _preset(tensor, lambda: distributions.Uniform(a, b), "uniform_", (a, b, generator))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(mean, std^2)."""
    return _preset(tensor, lambda: distributions.Normal(mean, std), "normal_", (mean, std, generator))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """N(mean, std^2) conditioned on [a, b], which are values and not sigmas: with std=0.02 the defaults cut nothing."""
    return trunc_normal(tensor, mean, std, a, b, generator, asked=True)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform, variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 16)."""
    return _preset(tensor, lambda: XavierUniform(gain), "xavier_uniform_", (gain, generator))


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 12)."""
    return _preset(tensor, lambda: XavierNormal(gain), "xavier_normal_", (gain, generator))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform, variance gain^2 / fan, the gain being torch's (He et al. 2015, eq. 10 and 15)."""
    parameters = (a, mode, nonlinearity, generator)
    return _preset(tensor, lambda: _he(HeUniform, a, mode, nonlinearity), "kaiming_uniform_", parameters)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal, variance gain^2 / fan, the gain being torch's (He et al. 2015, eq. 10 and 15)."""
    parameters = (a, mode, nonlinearity, generator)
    return _preset(tensor, lambda: _he(HeNormal, a, mode, nonlinearity), "kaiming_normal_", parameters)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Haar-distributed, of rows (out) or columns, whichever are fewer, times gain (Saxe et al. 2013)."""
    return orthogonal(tensor, gain, generator, asked=True)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """N(0, std^2) with ceil(sparsity rows) zeros in each column (Martens 2010)."""
    return sparse(tensor, sparsity, std, generator, asked=True)


def _he(kind: type[Initializer], a: float, mode: str, nonlinearity: str) -> Initializer:
    calculate_gain(nonlinearity, a)
    if mode.lower() not in ("fan_in", "fan_out"):  # torch, to which this goes, has no others
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return kind(a, mode.lower(), nonlinearity, "torch")


def _preset(tensor: Tensor, of: Callable[[], Initializer | Distribution], name: str, parameters: tuple[Any, ...]) -> Tensor:
    with no_grad():
        generator = parameters[-1]
        return filled(tensor, of, generator, lambda: getattr(nn.init, name)(tensor, *parameters), True)
