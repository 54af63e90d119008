"""Initialization by name for models that initialize themselves, and initializers as torchtitan's `param_init` takes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fastinit.initializers import Initializer, get
from fastinit.initializers.layouts import layout_of
from fastinit.torch.module import Initialization
from fastinit.torch.names import tensors_by_name
from fastinit.torch.replacements import filled
from fastinit.torch.report import InitReport
from fastinit.torch.tensors import DTYPES, TORCH, check_range


@contextmanager
def by_name(module: nn.Module, seed: int = 0) -> Iterator[InitReport]:
    """Within the block, what torch's functions draw into this module's tensors is drawn by their names, as in `init_`.

    For models that initialize themselves, under any sharding and without communication:

        model.to_empty(device="cpu")
        with torch.no_grad(), fastinit.torch.by_name(model, seed=0):
            model.init_weights()

    In torchtitan `init_weights` calls for each parameter what the config's `param_init` has for it, such as
    `partial(nn.init.trunc_normal_, std=0.02)`, or the module's `reset_parameters`: none of it needs to change, nor to be
    given generators. A tensor that is filled twice gets the same values twice. Gives the report, filled at the block's end.
    ValueError for a module with tensors on the meta device.
    """
    for name, tensor in tensors_by_name(module):
        if tensor.is_meta:
            raise ValueError(f"{name} is on the meta device: call module.to_empty(device=...) first")
    run = Initialization(module, seed, set())
    with run.in_force():
        yield run.report
    run.finish()


@dataclass(frozen=True)
class ParamInit:
    """An initializer as a function of the parameter that it fills: see `param_init`."""

    initializer: Initializer
    layout: Any = TORCH

    def __call__(self, param: Tensor) -> None:
        distribution = self.initializer.distribution_for(tuple(param.shape), layout=self.layout)  # for its errors
        check_range(distribution, param.dtype)
        with torch.no_grad():
            filled(param, lambda: self.initializer, None, lambda: _unfilled(param), asked=True, layout=self.layout)


def param_init(initializer: Initializer | str, layout: Any = TORCH, **parameters: Any) -> ParamInit:
    """A function of one parameter, that fills it: for the `param_init` of torchtitan's configs, or to be called as it is.

        Linear.Config(param_init={"weight": param_init("truncated_normal", std=0.02), "bias": param_init("zeros")})

    `initializer`: a `fastinit.Initializer`, or the name of one with its `parameters`. `layout`: that of the parameter, by
    default torch's (out, in, *kernel). Of a DTensor each rank fills its own shard, without communication. Within `by_name`
    the values depend on the seed and the parameter's name; outside they come from torch's default generator, which then must
    be seeded alike on all ranks. It can be compared and pickled. When called: ValueError for a shape that the initializer
    cannot fill, TypeError for a tensor whose dtype is none of ours; one on the meta device is left alone.
    """
    return ParamInit(get(initializer, **parameters), layout_of(layout))


def _unfilled(param: Tensor) -> Tensor:
    if param.dtype not in DTYPES:
        raise TypeError(f"param must have one of the dtypes {', '.join(map(str, DTYPES))}, got {param.dtype}")
    if param.numel() and not param.is_meta:
        kind = f"{type(param).__name__} on {param.device}"
        raise TypeError(f"param must be a tensor with memory, on the CPU or within by_name, got a {kind}")
    return param
