"""Initializers as functions of the parameter that they fill, as the `param_init` of torchtitan's configs takes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from fastinit.distributions import Distribution
from fastinit.initializers import Initializer, distribution_of, get
from fastinit.initializers.layouts import Layout, LayoutLike, layout_of
from fastinit.initializers.names import InitializerLike
from fastinit.torch.drawing.filling import filled
from fastinit.torch.tensors import DTYPES, TORCH, check_range


@dataclass(frozen=True)
class ParamInit:
    """An initializer as a function of the parameter that it fills: `param_init` makes it.

    >>> import torch, fastinit.torch
    >>> weight = torch.empty(3)
    >>> fastinit.torch.ParamInit(fastinit.initializers.Zeros())(weight)
    >>> weight
    tensor([0., 0., 0.])
    """

    initializer: Initializer | Distribution
    layout: Layout = TORCH

    def __call__(self, param: Tensor) -> None:
        distribution = distribution_of(self.initializer, tuple(param.shape), self.layout)
        check_range(distribution, param.dtype)
        with torch.no_grad():
            filled(param, lambda: distribution, None, partial(_unfilled, param), explicit=True)


def param_init(initializer: InitializerLike, layout: LayoutLike = TORCH, **parameters: Any) -> ParamInit:
    """A function of one parameter that fills it: for the `param_init` of torchtitan's configs, or to be called as it is.

        Linear.Config(param_init={"weight": param_init("truncated_normal", std=0.02), "bias": param_init("zeros")})

    `initializer`: an initializer, a distribution, or what else `fastinit.get` takes with `parameters`. `layout`: that of the
    parameter, by default torch's (out, in, *kernel). Of a DTensor each rank fills its own shard, without communication.
    Within `by_name` the values depend on the seed and the parameter's name; outside they come from torch's default
    generator, which then must be seeded alike on all ranks. The function can be compared and pickled.

    When it is called: ValueError for a shape that the initializer cannot fill, TypeError for a tensor whose dtype fastinit
    does not draw; a tensor on the meta device stays as it is.

    >>> import torch, fastinit.torch
    >>> fill = fastinit.torch.param_init("truncated_normal", std=0.02)
    >>> weight = torch.empty(128, 64)
    >>> fill(weight)
    >>> bool(weight.abs().max() <= 0.04)
    True
    """
    return ParamInit(get(initializer, **parameters), layout_of(layout))


def _unfilled(param: Tensor) -> Tensor:
    """What `filled` does where it cannot fill."""
    if param.dtype not in DTYPES:
        raise TypeError(f"param must have one of the dtypes {', '.join(map(str, DTYPES))}, got {param.dtype}")
    if param.numel() and not param.is_meta:
        kind = f"{type(param).__name__} on {param.device}"
        raise TypeError(f"param must be a tensor with memory, on the CPU or within by_name, got a {kind}")
    return param
