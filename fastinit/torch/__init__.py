"""PyTorch: models built without memory and filled by name, existing code made fast, `nn_init` in place of `torch.nn.init`.

    with fastinit.torch.deferred():                    # records what construction does, on the meta device
        model = make_model()
    report = fastinit.torch.init_(model, seed=0)       # fills it, shards included, by name
    fastinit.torch.audit(model, report)

`build(make_model, seed=0)` is the first three lines in one; `record(make_model)` what construction draws, as a Recipe;
`init_missing_` fills what a checkpoint lacks; `by_name` is for models that initialize themselves; `accelerate` for unchanged
code. Shards of DTensors get their part of the same global weights, without communication.

Scope: `accelerate`, and `install` until `uninstall`, hold for the whole process, since they replace functions of torch that
every thread calls; blocks are counted, and torch's own functions are back when the last one has ended. `by_name`, and the
inside of `init_`, give names to one module's tensors in the calling thread or task alone. `nn_init` replaces nothing.
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    from fastinit.runtime.installation import install_hint

    raise ImportError(f"fastinit.torch needs PyTorch: {install_hint('torch')}") from None

from fastinit.torch import construction, nn_init
from fastinit.torch.acceleration import accelerate, install, uninstall
from fastinit.torch.building import build
from fastinit.torch.construction import deferred, record
from fastinit.torch.growing.lora import lora_
from fastinit.torch.growing.net2net import deepen_, widen_
from fastinit.torch.growing.selection import select_weights_
from fastinit.torch.growing.vocabulary import grow_vocabulary_
from fastinit.torch.module import by_name, init_, init_missing_
from fastinit.torch.parameters import ParamInit, param_init
from fastinit.torch.reports.auditing import audit
from fastinit.torch.reports.report import InitReport
from fastinit.torch.rescaling.data_dependent import data_dependent_
from fastinit.torch.rescaling.lsuv import lsuv_
from fastinit.torch.rescaling.metainit import LearnedScales, metainit_
from fastinit.torch.rescaling.residual import fixup_, tfixup_
from fastinit.torch.unrecorded.doubts import UncertainInitialization

__all__ = ["build", "construction", "deferred", "record"]  # how a model constructs itself
__all__ += ["InitReport", "UncertainInitialization", "audit", "by_name", "init_", "init_missing_"]  # whole models, by name
__all__ += ["LearnedScales", "data_dependent_", "fixup_", "lsuv_", "metainit_", "tfixup_"]  # by data, or by the structure
__all__ += ["deepen_", "grow_vocabulary_", "lora_", "select_weights_", "widen_"]  # from the weights that there are
__all__ += ["ParamInit", "nn_init", "param_init"]  # one tensor
__all__ += ["accelerate", "install", "uninstall"]  # code that calls torch's functions
