"""`torch.nn.init`'s functions, drawn by fastinit: the same names, arguments, distributions, warnings and errors.

Each fills a tensor in place and returns it, without gradients. The stream is drawn from `generator`, or from torch's
default one, which `torch.manual_seed` seeds. Beyond torch's: they are fast, float8 tensors are filled without a temporary,
bfloat16 and float16 are the float32 values rounded once, `orthogonal_` takes every dtype, and the zeros of `sparse_` come
from `generator` too. With the extra `cuda` tensors on CUDA devices are filled there. Those on other devices, meta tensors
and complex numbers are left to torch's functions. They may be assigned to torch's names, `torch.nn.init.normal_ =
nn_init.normal_`; `fastinit.torch.accelerate()` reaches more of torch.

A weight's shape is (out, in, *kernel); fan_in is its second length times the kernel's size, fan_out the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Generator, Tensor
from torch.nn.init import calculate_gain, constant_, dirac_, eye_, ones_, zeros_

from fastinit import distributions
from fastinit.initializers import HeNormal, HeUniform, Initializer, XavierNormal, XavierUniform
from fastinit.torch.drawing import replacements
from fastinit.torch.drawing.replacements import drawn

if TYPE_CHECKING:
    from torch.nn.init import _FanMode, _NonlinearityType

__all__ = ["calculate_gain"]
__all__ += ["constant_", "dirac_", "eye_", "ones_", "zeros_"]  # torch's own, which draw nothing
__all__ += ["normal_", "orthogonal_", "sparse_", "trunc_normal_", "uniform_"]
__all__ += ["kaiming_normal_", "kaiming_uniform_", "xavier_normal_", "xavier_uniform_"]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U[a, b), for a tensor of any shape.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> bool((nn_init.uniform_(torch.empty(3, 5), -1.0, 1.0).abs() <= 1).all())
    True
    """
    return drawn(tensor, lambda: distributions.Uniform(a, b), "uniform_", a, b, generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(mean, std^2), for a tensor of any shape.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> nn_init.normal_(torch.empty(2, 3), std=0.02).shape
    torch.Size([2, 3])
    """
    return drawn(tensor, lambda: distributions.Normal(mean, std), "normal_", mean, std, generator)


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Generator | None = None
) -> Tensor:
    """N(mean, std^2) conditioned on [a, b], which are values and not multiples of std: for std=0.02 pass a=-0.04, b=0.04.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> bool((nn_init.trunc_normal_(torch.empty(100), std=0.02, a=-0.04, b=0.04).abs() <= 0.04).all())
    True
    """
    return replacements.trunc_normal_(tensor, mean, std, a, b, generator, explicit=True)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform, variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 16). ValueError below 2 axes.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> bool(nn_init.xavier_uniform_(torch.empty(20, 10)).abs().max() <= (6 / 30) ** 0.5)
    True
    """
    return drawn(tensor, lambda: XavierUniform(gain=gain), "xavier_uniform_", gain, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 12). ValueError below 2 axes.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> nn_init.xavier_normal_(torch.empty(20, 10, 3, dtype=torch.bfloat16)).dtype
    torch.bfloat16
    """
    return drawn(tensor, lambda: XavierNormal(gain=gain), "xavier_normal_", gain, generator)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: _FanMode = "fan_in", nonlinearity: _NonlinearityType = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Uniform, variance gain^2 / fan, the gain being torch's (He et al. 2015, eq. 10 and 15). ValueError below 2 axes.

    `mode`: which fan; `a`: the slope of a leaky ReLU.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> bool(nn_init.kaiming_uniform_(torch.empty(20, 12), nonlinearity="relu").abs().max() <= (6 / 12) ** 0.5)
    True
    """
    return _kaiming(HeUniform, "kaiming_uniform_", tensor, a, mode, nonlinearity, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: _FanMode = "fan_in", nonlinearity: _NonlinearityType = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal, variance gain^2 / fan; otherwise as `kaiming_uniform_`.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> nn_init.kaiming_normal_(torch.empty(16, 3, 3, 3), mode="fan_out").shape
    torch.Size([16, 3, 3, 3])
    """
    return _kaiming(HeNormal, "kaiming_normal_", tensor, a, mode, nonlinearity, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Gain times a Haar-distributed matrix with orthonormal rows (out), or columns where these are fewer (Saxe et al. 2013).

    ValueError below 2 axes; those after the first are one axis of the matrix.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> q = nn_init.orthogonal_(torch.empty(3, 5))
    >>> torch.allclose(q @ q.T, torch.eye(3), atol=1e-6)
    True
    """
    return replacements.orthogonal_(tensor, gain, generator, explicit=True)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """N(0, std^2) with ceil(sparsity rows) zeros in each column of a matrix (Martens 2010). ValueError for other shapes.

    >>> import torch
    >>> from fastinit.torch import nn_init
    >>> (nn_init.sparse_(torch.empty(10, 4), sparsity=0.3) == 0).sum(0)
    tensor([3, 3, 3, 3])
    """
    return replacements.sparse_(tensor, sparsity, std, generator, explicit=True)


def _kaiming(
    kind: Callable[..., Initializer], name: str, tensor: Tensor, a: float, mode: str, nonlinearity: Any, *rest: Any
) -> Tensor:
    def initializer() -> Initializer:
        calculate_gain(nonlinearity, a)
        if mode.lower() not in ("fan_in", "fan_out"):  # torch, to which this goes, has no others
            raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
        return kind(negative_slope=a, mode=mode.lower(), nonlinearity=nonlinearity, convention="torch")

    return drawn(tensor, initializer, name, a, mode, nonlinearity, *rest)
