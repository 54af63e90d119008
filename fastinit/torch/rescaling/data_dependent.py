"""Krähenbühl's initialization: unit variance of every channel on a batch, and one rate of learning for all layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from fastinit.core.stream import stream_of
from fastinit.initializers import LecunNormal, Normal
from fastinit.runtime import checks
from fastinit.torch.layers import Layer, channel_axis, parameter_name, scale_channels_
from fastinit.torch.reports.report import InitReport
from fastinit.torch.rescaling.passes import Batch, Passes, check_variance, passes
from fastinit.torch.tensors import fill_

MOST_DRIFT = 0.25  # of the logarithm of the output's std, as in the authors' code of Krähenbühl et al.


def data_dependent_(
    module: nn.Module,
    batch: Batch,
    *,
    seed: int = 0,
    bias: float = 0.1,
    between: bool = True,
    tolerance: float = 0.1,
    max_iterations: int = 10,
) -> InitReport:
    """Give each output channel of each layer mean `bias` and variance 1 on the batch, and all layers the same rate.

    Within a layer (algorithm 1): normal weights, W_c = W_c / s_c and b_c = bias - m_c / s_c for a channel's mean m_c and
    std s_c on the batch; where there is no bias, the mean stays. Between layers, if `between` (algorithm 2): with the rate
    C_k = sqrt(E[(dl/dW_k)^2] / E[W_k^2]) of the loss l = sum of eta z, z the outputs of the module, eta independent N(0, 1),
    weights are multiplied by sqrt(C_k / C), C the geometric mean of all rates, and biases as their layer's input and weights
    were, until each rate is within `tolerance` of C, relatively. That keeps the outputs in networks without normalization
    and branches whose activations are homogeneous, as ReLU; the channels' variances are then no longer 1.

    Layers, `batch`, `seed`, the report and what is restored: as in `lsuv_`. ValueError, with the module as it was, where a
    channel's variance or a rate is 0 or not finite; where the rates still differ after `max_iterations`, or the outputs' std
    has changed by more than a factor exp(0.25): then pass between=False.

    Krähenbühl, Doersch, Donahue and Darrell 2016, "Data-dependent Initializations of Convolutional Neural Networks",
    arXiv 1511.06856; rates, the treatment of biases, 10 iterations and the bias of 0.1 as in the authors' code.

    >>> import torch, fastinit.torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 8))
    >>> batch = torch.randn(128, 16, generator=torch.Generator().manual_seed(0))
    >>> report = fastinit.torch.data_dependent_(model, batch, seed=0, between=False)
    >>> torch.allclose(model(batch).var(0, correction=0), torch.ones(8), rtol=1e-3)
    True
    """
    checks.positive("tolerance", tolerance)
    checks.integer("max_iterations", max_iterations, least=1)
    with passes(module, batch, seed) as run:
        sizes: dict[str, float] = {}

        def normalize(name: str, layer: Layer, given: Tensor, again: Callable[[], Tensor]) -> Tensor:
            sizes[name] = _size(given)
            return _normalized(run, name, again, bias)

        reached = run.walk(normalize)
        if between:
            _equalize(run, reached, sizes, tolerance, max_iterations)
    weights = dict.fromkeys(reached, "LecunNormal(), each channel scaled by the data")
    return run.report(weights, "minus the channel's mean")


def _normalized(run: Passes, name: str, again: Callable[[], Tensor], bias: float) -> Tensor:
    """The layer's output when its channels have mean `bias` and variance 1."""
    run.initialize(name, LecunNormal())
    layer, output = run.layers[name], again()
    other_axes = [axis for axis in range(output.ndim) if axis != channel_axis(layer, output)]
    variance, mean = torch.var_mean(output.float(), dim=other_axes, correction=0)
    for channel in ((variance > 0) & variance.isfinite()).logical_not().nonzero()[:1].flatten().tolist():
        check_variance(f"channel {channel} of {name}", float(variance[channel]))
    scale_channels_(layer, variance.rsqrt().to(layer.weight.dtype))
    if layer.bias is not None:
        layer.bias.copy_(bias - mean * variance.rsqrt())
    return again()


def _equalize(run: Passes, reached: list[str], sizes: dict[str, float], tolerance: float, max_iterations: int) -> None:
    """Bring the rates of all layers together; `sizes`: the size of each layer's input, kept up to date."""
    stds: list[float] = []
    for _ in range(max_iterations + 1):
        rates, std = _rates(run, reached)
        stds.append(std)
        mean_log = sum(map(math.log, rates.values())) / len(rates)
        factors = {name: math.exp((math.log(rate) - mean_log) / 2) for name, rate in rates.items()}
        if all(abs(factor**2 - 1) <= tolerance for factor in factors.values()):
            break
        run.walk(partial(_rescaled, factors, sizes))
    else:
        spread = max(rates.values()) / min(rates.values())
        raise ValueError(
            f"the layers' rates still differ by a factor {spread:.3g} after {max_iterations} iterations, as they may where "
            "some layer is not homogeneous: pass between=False"
        )
    if abs(math.log(stds[-1] / stds[0])) > MOST_DRIFT:
        raise ValueError(
            f"equal rates would change the std of the outputs from {stds[0]:.3g} to {stds[-1]:.3g}, as some layer is not "
            "homogeneous: pass between=False"
        )


def _rescaled(
    factors: Mapping[str, float],
    sizes: dict[str, float],
    name: str,
    layer: Layer,
    given: Tensor,
    again: Callable[[], Tensor],
) -> Tensor:
    factor, size = factors.get(name, 1.0), _size(given)
    layer.weight.mul_(factor)
    if layer.bias is not None:
        layer.bias.mul_(factor * size / sizes[name])
    sizes[name] = size
    return again()


def _rates(run: Passes, reached: list[str]) -> tuple[dict[str, float], float]:
    """The rate of each layer that the outputs depend on, and the std of the outputs.

    As eta is independent from sample to sample, the squared gradient of the whole batch's loss is on average the sum of the
    samples' squared gradients.
    """
    positional, named = run.arguments()
    with torch.enable_grad():
        weights = {parameter_name(name, "weight"): run.layers[name].weight.detach().requires_grad_() for name in reached}
        result = torch.func.functional_call(run.module, weights, positional, named)
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor) and leaf.requires_grad]
        etas = [
            fill_(torch.empty_like(output, requires_grad=False), Normal(), stream_of(run.seed, f"data_dependent_.eta.{i}"))
            for i, output in enumerate(outputs)
        ]
        gradients = torch.autograd.grad(outputs, [*weights.values()], etas, allow_unused=True)
    rates = {}
    for name, weight, gradient in zip(reached, weights.values(), gradients):
        if gradient is not None:
            rates[name] = float((gradient.float().square().mean() / weight.detach().float().square().mean()).sqrt())
            if not 0 < rates[name] < math.inf:
                raise ValueError(
                    f"the gradient of {parameter_name(name, 'weight')} is {rates[name]} times its values with this batch"
                )
    if not rates:
        raise ValueError("the outputs depend on no layer: pass between=False")
    return rates, float(torch.cat([output.detach().float().flatten() for output in outputs]).std(correction=0))


def _size(tensor: Tensor) -> float:
    return float(tensor.float().abs().mean())
