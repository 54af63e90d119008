"""PyTorch: `init_` for modules by name, `accelerate` for code as it stands, and shards of DTensors."""

from fastinit.torch.accelerate import accelerate, install, uninstall
from fastinit.torch.data_dependent import data_dependent_, lsuv_
from fastinit.torch.module import InitReport, init_, init_missing_
from fastinit.torch.param_init import ParamInit, by_name, param_init
from fastinit.torch.residual import fixup_, tfixup_

__all__ = [
    "InitReport",
    "ParamInit",
    "accelerate",
    "by_name",
    "data_dependent_",
    "fixup_",
    "init_",
    "init_missing_",
    "install",
    "lsuv_",
    "param_init",
    "tfixup_",
    "uninstall",
]
