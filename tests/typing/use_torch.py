"""What users write with PyTorch, and the types that checkers must see in it."""

import torch
from torch import nn
from typing_extensions import assert_type

import fastinit
import fastinit.torch
from fastinit.auditing import Report

model = nn.Linear(4, 4)
report = fastinit.torch.init_(model, seed=0, dtype=torch.bfloat16, skip=["bias"])
assert_type(report, fastinit.torch.InitReport)
assert_type(fastinit.torch.audit(model, report), Report)
fastinit.torch.init_(model, fastinit.Recipe([("*", "zeros")]))
fastinit.torch.init_(
    model, "generic", dtype="bfloat16", prefix="up.", shard_of={"up.weight": ((8, 4), (slice(4), slice(None)))}
)
fastinit.torch.init_missing_(model, {"weight"})

with fastinit.torch.accelerate(seed=0):
    nn.Linear(4, 4)
fastinit.torch.install()
fastinit.torch.uninstall()
with fastinit.torch.by_name(model, seed=0) as filled:
    assert_type(filled, fastinit.torch.InitReport)

assert_type(fastinit.torch.nn_init.kaiming_normal_(model.weight, a=0.1), torch.Tensor)
assert_type(fastinit.torch.param_init("he_normal"), fastinit.torch.ParamInit)
