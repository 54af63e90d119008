"""PyTorch: `init_` for modules by name, `accelerate` for code as it stands, `nn_init` in place of `torch.nn.init`.

    fastinit.torch.init_(model, seed=0)

Shards of DTensors get their part of the same global weights, without communication.
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError("fastinit.torch needs PyTorch: pip install 'fastinit[torch]'") from None

from fastinit.torch import nn_init
from fastinit.torch.acceleration import accelerate, install, uninstall
from fastinit.torch.auditing import audit
from fastinit.torch.data_dependent import data_dependent_, lsuv_
from fastinit.torch.module import init_, init_missing_
from fastinit.torch.parameters import ParamInit, by_name, param_init
from fastinit.torch.report import InitReport
from fastinit.torch.residual import fixup_, tfixup_

__all__ = [
    "InitReport",
    "ParamInit",
    "accelerate",
    "audit",
    "by_name",
    "data_dependent_",
    "fixup_",
    "init_",
    "init_missing_",
    "install",
    "lsuv_",
    "nn_init",
    "param_init",
    "tfixup_",
    "uninstall",
]
