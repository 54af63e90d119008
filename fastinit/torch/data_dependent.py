"""Initializers that look at data: each layer's weights are scaled so that its output has unit variance on a batch.

The scaling goes along with a single forward pass: when a layer is called, those before it have their final weights; it is
initialized, scaled, and called again, and the pass goes on with its new output. A layer that is called several times is
scaled at its first call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_leaves

from fastinit.core.stream import stream_of
from fastinit.initializers import Initializer, LecunNormal, Normal, Orthogonal
from fastinit.torch.layers import affine_layers, channel_axis, check_memory, of, scale_channels_, weight_layout
from fastinit.torch.names import tensors_by_name
from fastinit.torch.report import InitReport
from fastinit.torch.tensors import fill_

MOST_DRIFT = 0.25  # of the logarithm of the output's std, as in the authors' code of Krähenbühl et al.

Visit = Callable[[str, nn.Module, Tensor, Callable[[], Tensor]], Tensor]
"""What is done at a layer: (name, layer, input, a function that calls the layer again) -> its output from now on."""


def lsuv_(module: nn.Module, batch: Any, *, seed: int = 0, tolerance: float = 0.1, max_iterations: int = 10) -> InitReport:
    """LSUV: orthonormal weights, each layer's divided by the std of its output on the batch, until |Var - 1| <= tolerance.

    Layers are `nn.Linear` and convolutions that a call of `module(batch)` reaches, and whose weight is theirs alone; their
    biases become zero; everything else stays. `batch`: a tensor, a tuple of positional arguments, or a mapping of keyword
    ones. The orthonormal weights depend on `seed` and the weights' names, as those of `init_`. Gives a report.

    The pass is made in evaluation mode, but that BatchNorm normalizes by the batch; modes, buffers, gradients and torch's
    generator are as before at the end. ValueError, with the module as it was, where an output's variance is 0 or not finite,
    or not within the tolerance after `max_iterations` divisions, where nothing is reached, and for weights that are sharded
    or on the meta device; whatever the module itself raises for the batch, also with the module as it was.

    Mishkin and Matas 2015, "All you need is a good init", arXiv 1511.06422, algorithm 1 (whose tolerance is 0.1).
    """
    _check_positive("tolerance", tolerance)
    _check_positive("max_iterations", max_iterations)
    report = InitReport()

    def visit(name: str, layer: nn.Module, _: Tensor, again: Callable[[], Tensor]) -> Tensor:
        _restart(name, layer, Orthogonal(), seed)
        scale = 1.0
        for divisions in range(max_iterations + 1):
            output = again()
            variance = float(output.float().var(correction=0))
            _check_variance(name, variance)
            if abs(variance - 1) <= tolerance:
                report.filled[of(name, "weight")] = f"Orthogonal(), times {scale:.4g}"
                return output
            if divisions < max_iterations:
                layer.weight.mul_(variance**-0.5)
                scale *= variance**-0.5
        raise ValueError(f"the output of {name or 'the module'} has variance {variance:.4g} after {divisions} divisions")

    with _rehearsal(module, seed) as layers:
        _walk(module, layers, batch, visit)
    return _finished(report, module)


def data_dependent_(
    module: nn.Module,
    batch: Any,
    *,
    seed: int = 0,
    bias: float = 0.1,
    between: bool = True,
    tolerance: float = 0.1,
    max_iterations: int = 10,
) -> InitReport:
    """Krähenbühl's: each output channel of each layer gets mean `bias` and variance 1; then all layers learn at one rate.

    Within a layer (algorithm 1): normal weights, W_c = W_c / s_c and b_c = bias - m_c / s_c for a channel's mean m_c and
    std s_c on the batch; where there is no bias, the mean stays. Between layers, if `between` (algorithm 2): with the rate
    C_k = sqrt(E[(dl/dW_k)^2] / E[W_k^2]) of the loss l = sum of eta z, z the outputs of the module, eta independent N(0, 1),
    weights are multiplied by sqrt(C_k / C), C the geometric mean of all rates, and biases as their layer's input and weights
    were, until each rate is within `tolerance` of C, relatively. That keeps the outputs in networks without normalization
    and branches whose activations are homogeneous, as ReLU; the channels' variances are then no longer 1.

    Layers, `batch`, `seed`, the report and what is restored: as in `lsuv_`. ValueError, with the module as it was, where a
    channel's variance or a rate is 0 or not finite; where the rates have not come together after `max_iterations`, or the
    outputs' std has changed by more than a factor exp(0.25): then pass between=False.

    Krähenbühl, Doersch, Donahue and Darrell 2016, "Data-dependent Initializations of Convolutional Neural Networks",
    arXiv 1511.06856; rates, the treatment of biases, 10 iterations and the bias of 0.1 as in the authors' code.
    """
    _check_positive("tolerance", tolerance)
    _check_positive("max_iterations", max_iterations)
    report = InitReport()
    with _rehearsal(module, seed) as layers:
        inputs: dict[str, float] = {}

        def normalize(name: str, layer: nn.Module, given: Tensor, again: Callable[[], Tensor]) -> Tensor:
            inputs[name] = _size(given)
            return _normalized(name, layer, again, seed, bias)

        reached = {name: layers[name] for name in _walk(module, layers, batch, normalize)}
        if between:
            _equalize(module, reached, batch, inputs, seed, tolerance, max_iterations)
        for name, layer in reached.items():
            report.filled[of(name, "weight")] = "LecunNormal(), each channel scaled by the data"
            if layer.bias is not None:
                report.filled[of(name, "bias")] = "minus the channel's mean"
    return _finished(report, module)


def _normalized(name: str, layer: nn.Module, again: Callable[[], Tensor], seed: int, bias: float) -> Tensor:
    """The layer's output when its channels have mean `bias` and variance 1."""
    _restart(name, layer, LecunNormal(), seed)
    output = again()
    of_others = [axis for axis in range(output.ndim) if axis != channel_axis(layer, output)]
    variance, mean = torch.var_mean(output.float(), dim=of_others, correction=0)
    for channel in ((variance > 0) & variance.isfinite()).logical_not().nonzero()[:1].flatten().tolist():
        _check_variance(f"channel {channel} of {name}", float(variance[channel]))
    scale_channels_(layer, variance.rsqrt().to(layer.weight.dtype))
    if layer.bias is not None:
        layer.bias.copy_(bias - mean * variance.rsqrt())
    return again()


def _equalize(
    module: nn.Module,
    layers: Mapping[str, nn.Module],
    batch: Any,
    inputs: dict[str, float],
    seed: int,
    tolerance: float,
    max_iterations: int,
) -> None:
    """Bring the rates of all layers together; `inputs`: the size of each layer's input, kept up to date."""
    before = None
    for _ in range(max_iterations + 1):
        rates, std = _rates(module, layers, batch, seed)
        before = std if before is None else before
        mean_log = sum(map(math.log, rates.values())) / len(rates)
        factors = {name: math.exp((math.log(rate) - mean_log) / 2) for name, rate in rates.items()}
        if all(abs(factor**2 - 1) <= tolerance for factor in factors.values()):
            break
        _walk(module, layers, batch, partial(_rescaled, inputs, factors))
    else:
        spread = max(rates.values()) / min(rates.values())
        raise ValueError(
            f"the layers' rates still differ by a factor {spread:.3g} after {max_iterations} iterations, as they may where "
            "some layer is not homogeneous: pass between=False"
        )
    if abs(math.log(std / before)) > MOST_DRIFT:
        raise ValueError(
            f"equal rates would change the std of the outputs from {before:.3g} to {std:.3g}, as some layer is not "
            "homogeneous: pass between=False"
        )


def _rescaled(
    inputs: dict[str, float],
    factors: Mapping[str, float],
    name: str,
    layer: nn.Module,
    given: Tensor,
    again: Callable[[], Tensor],
) -> Tensor:
    factor, size = factors.get(name, 1.0), _size(given)
    layer.weight.mul_(factor)
    if layer.bias is not None:
        layer.bias.mul_(factor * size / inputs[name])
    inputs[name] = size
    return again()


def _rates(module: nn.Module, layers: Mapping[str, nn.Module], batch: Any, seed: int) -> tuple[dict[str, float], float]:
    """The rate of each layer that the outputs depend on, and the std of the outputs.

    As eta is independent from sample to sample, the squared gradient of the whole batch's loss is on average the sum of the
    samples' squared gradients.
    """
    positional, named = _arguments(batch)
    with torch.enable_grad():
        weights = {of(name, "weight"): layer.weight.detach().requires_grad_() for name, layer in layers.items()}
        result = torch.func.functional_call(module, weights, positional, named)
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor) and leaf.requires_grad]
        etas = [
            fill_(torch.empty_like(output, requires_grad=False), Normal(), stream_of(seed, f"data_dependent_.eta.{i}"))
            for i, output in enumerate(outputs)
        ]
        gradients = torch.autograd.grad(outputs, list(weights.values()), etas, allow_unused=True)
    rates = {}
    for name, weight, gradient in zip(layers, weights.values(), gradients):
        if gradient is not None:
            rates[name] = float((gradient.float().square().mean() / weight.detach().float().square().mean()).sqrt())
            if not 0 < rates[name] < math.inf:
                raise ValueError(f"the gradient of {of(name, 'weight')} is {rates[name]} of its values with this batch")
    if not rates:
        raise ValueError("the outputs depend on no layer: pass between=False")
    return rates, float(torch.cat([output.detach().float().flatten() for output in outputs]).std(correction=0))


def _size(tensor: Tensor) -> float:
    return float(tensor.float().abs().mean())


def _walk(module: nn.Module, layers: Mapping[str, nn.Module], batch: Any, visit: Visit) -> list[str]:
    """Call the module, and visit each layer at its first call. Gives the names of those visited, in that order."""
    visited: list[str] = []

    def hook_of(name: str):
        def hook(layer, positional, named, output):
            if name in visited:
                return None
            visited.append(name)
            given = positional[0] if positional else next(iter(named.values()))
            return visit(name, layer, given, lambda: layer.forward(*positional, **named))

        return hook

    positional, named = _arguments(batch)
    handles = [layer.register_forward_hook(hook_of(name), with_kwargs=True) for name, layer in layers.items()]
    try:
        module(*positional, **named)
    finally:
        for handle in handles:
            handle.remove()
    if not visited:
        raise ValueError("batch reaches no nn.Linear and no convolution of the module")
    return visited


@contextmanager
def _rehearsal(module: nn.Module, seed: int) -> Iterator[dict[str, nn.Module]]:
    """For passes that leave no trace but in the weights and biases of the layers, and after an error not there either."""
    layers = affine_layers(module)
    for name, layer in layers.items():
        check_memory(of(name, "weight"), layer.weight)
    of_layers = [t for layer in layers.values() for t in (layer.weight, layer.bias) if t is not None]
    parameters = [(t, t.detach().clone()) for t in of_layers]
    buffers = [(t, t.detach().clone()) for t in module.buffers()]
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.train()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_of(seed).k0)
            yield layers
    except BaseException:
        _restore(parameters)
        raise
    finally:
        _restore(buffers)
        for part, mode in modes:
            part.training = mode


@torch.no_grad()
def _restore(values: list[tuple[Tensor, Tensor]]) -> None:
    for tensor, before in values:
        tensor.copy_(before)


def _restart(name: str, layer: nn.Module, initializer: Initializer, seed: int) -> None:
    weight = of(name, "weight")
    distribution = initializer.distribution_for(tuple(layer.weight.shape), layout=weight_layout(layer))
    fill_(layer.weight, distribution, stream_of(seed, weight))
    if layer.bias is not None:
        layer.bias.zero_()


def _arguments(batch: Any) -> tuple[tuple, dict[str, Any]]:
    if isinstance(batch, Mapping):
        return (), dict(batch)
    return (tuple(batch), {}) if isinstance(batch, (tuple, list)) else ((batch,), {})


def _check_variance(what: str, variance: float) -> None:
    if not 0 < variance < math.inf:
        what = what or "the module"
        raise ValueError(f"the output of {what} has variance {variance} with this batch: it must be positive")


def _check_positive(name: str, value: float) -> None:
    if not (isinstance(value, (int, float)) and 0 < value < math.inf):
        raise ValueError(f"{name} must be a positive number, got {value!r}")


def _finished(report: InitReport, module: nn.Module) -> InitReport:
    for name in [*report.filled]:
        if name.endswith("weight"):
            report.filled.setdefault(name.removesuffix("weight") + "bias", "zeros")
    names = [name for name, _ in tensors_by_name(module)]
    report.filled = {name: report.filled[name] for name in names if name in report.filled}
    report.untouched = [name for name in names if name not in report.filled]
    return report
