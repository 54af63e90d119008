"""LSUV: orthonormal weights, scaled until the output of each layer has unit variance on a batch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from fastinit.initializers import Orthogonal
from fastinit.runtime import checks
from fastinit.torch.layers import Layer
from fastinit.torch.reports.report import InitReport
from fastinit.torch.rescaling.passes import Batch, check_variance, passes


def lsuv_(module: nn.Module, batch: Batch, *, seed: int = 0, tolerance: float = 0.1, max_iterations: int = 10) -> InitReport:
    """Give each layer orthonormal weights, divided by the std of its output on the batch until |Var - 1| <= tolerance.

    Layers are `nn.Linear` and convolutions that a call of `module(batch)` reaches, and whose weight no other layer shares;
    their biases become zero; everything else stays. `batch`: a tensor, a tuple of positional arguments, or a mapping of
    keyword ones. The orthonormal weights depend on `seed` and the weights' names, as those of `init_`. Gives a report.

    The pass runs in evaluation mode, except that BatchNorm normalizes by the batch; modes, buffers, gradients and torch's
    generator are as before at the end. ValueError, with the module as it was, where an output's variance is 0 or not finite,
    or not within the tolerance after `max_iterations` divisions, where no layer is reached, and for weights that are sharded
    or on the meta device; whatever the module itself raises for the batch, also with the module as it was.

    Mishkin and Matas 2015, "All you need is a good init", arXiv 1511.06422, algorithm 1 (whose tolerance is 0.1).

    >>> import torch, fastinit.torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 8))
    >>> batch = torch.randn(128, 16, generator=torch.Generator().manual_seed(0))
    >>> report = fastinit.torch.lsuv_(model, batch, seed=0)
    >>> bool(abs(model(batch).var(correction=0) - 1) <= 0.1)
    True
    """
    checks.positive("tolerance", tolerance)
    checks.integer("max_iterations", max_iterations, least=1)
    filled: dict[str, str] = {}

    def visit(name: str, layer: Layer, _: Tensor, again: Callable[[], Tensor]) -> Tensor:
        run.initialize(name, Orthogonal())
        scale = 1.0
        for divisions in range(max_iterations + 1):
            output = again()
            variance = float(output.float().var(correction=0))
            check_variance(name, variance)
            if abs(variance - 1) <= tolerance:
                filled[name] = f"Orthogonal(), times {scale:.4g}"
                return output
            if divisions < max_iterations:
                layer.weight.mul_(variance**-0.5)
                scale *= variance**-0.5
        raise ValueError(f"the output of {name or 'the module'} has variance {variance:.4g} after {divisions} divisions")

    with passes(module, batch, seed) as run:
        run.walk(visit)
    return run.report(filled, "zeros")
