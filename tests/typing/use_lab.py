"""What users write with the lab, and the types that checkers must see in it."""

import torch
from torch import nn
from typing_extensions import assert_type

import fastinit
from fastinit import lab


def make() -> nn.Module:
    return nn.Linear(4, 2)


x = torch.zeros(10, 4)
report = lab.inspect(make(), x, loss=lambda output: output.square().mean())
assert_type(report, lab.Inspection)
assert_type(report.findings, tuple[lab.Finding, ...])
assert_type(lab.suggest(make(), x), lab.Suggestion)
result = lab.compare(make, (x, x[:, 0]), ["torch", fastinit.HeNormal(), fastinit.Recipe([("*", "zeros")])], seeds=2)
assert_type(result, lab.Comparison)
assert_type(result.best(), fastinit.Recipe)
