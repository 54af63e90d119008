"""`inspect`: one forward and backward pass of a model at its initialization, beside what the theory expects."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, is_lazy
from torch.utils._pytree import tree_leaves, tree_map

from fastinit.core.stream import stream_of
from fastinit.distributions import Normal
from fastinit.lab.measures import Measures, measured
from fastinit.lab.observation import Observer, Row
from fastinit.lab.spectra import Spectrum, jacobian_spectrum, layer_spectra, work_beside
from fastinit.lab.untouched import untouched
from fastinit.runtime import checks
from fastinit.torch.rescaling.passes import Batch, finite_arguments_of
from fastinit.torch.structure.names import tensors_by_name
from fastinit.torch.tensors import fill_

MOST_PASSES, SMALL = 32, 2_000_000  # outputs of a sample, and parameters, up to which the Jacobian is computed by default

Loss: TypeAlias = Callable[[Any], Tensor]
"""Takes what the model gives, and gives a number to go back from."""


@dataclass(frozen=True)
class ParameterRow:
    """A parameter: its values, the loss's gradient by it, and what one step of SGD would change of it.

    `update_ratio`: learning_rate times the rms of the gradient, over the rms of the values. `state`: "frozen", "unused" (the
    loss does not depend on it), or "tied to NAME".
    """

    name: str
    shape: tuple[int, ...]
    values: Measures
    gradient: Measures | None
    update_ratio: float | None
    state: str = ""


@dataclass(frozen=True)
class Observed:
    """What a pass has shown. `layers`: in the order of calls; `spectra`: by module; `has_loss`: whether a loss was given."""

    layers: tuple[Row, ...]
    parameters: tuple[ParameterRow, ...]
    spectra: Mapping[str, Spectrum]
    jacobian: Spectrum | None
    samples: int
    training: bool
    has_loss: bool
    learning_rate: float
    seed: int


def observe(
    model: nn.Module, batch: Batch, loss: Loss | None, spectra: bool | None, learning_rate: float, seed: int
) -> Observed:
    """See `inspect`, which checks the model with words as well."""
    arguments, named = finite_arguments_of(batch)
    model = _whole(model, arguments, named)
    samples = next((len(t) for t in tree_leaves((arguments, named)) if isinstance(t, Tensor) and t.ndim), 0)
    with untouched(model, seed), torch.enable_grad():
        arguments, named, given = _with_gradients(arguments, named)
        observer = Observer(model, samples)
        with observer.watching():
            output = called(model, arguments, named)
        gradients = _gradients(model, output, loss, given, seed)
        jacobian = None
        first = _first_output(output)
        if given is not None and first is not None and first.requires_grad and _wants_jacobian(spectra, model, first[:1]):
            jacobian = jacobian_spectrum(first, given)
        most_work = math.inf if spectra else work_beside(sum(_multiplications(row) for row in observer.rows))
        of_layers = {} if spectra is False else layer_spectra(model, most_work)
    return Observed(
        tuple(observer.rows),
        tuple(_parameter_rows(model, gradients, learning_rate)),
        of_layers,
        jacobian,
        samples,
        model.training,
        loss is not None,
        learning_rate,
        seed,
    )


def is_of(framework: str, model: object) -> bool:
    """Whether it is an object of a class of this framework's, which then has been imported."""
    return any(cls.__module__.partition(".")[0] == framework for cls in type(model).__mro__)


def _whole(model: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> nn.Module:
    """The model, or a copy of one that has lazy parts, which a pass gives their shapes. Errors for what has no values."""
    for framework in ("keras", "flax"):
        if is_of(framework, model):
            others = "Keras models only by lab.inspect" if framework == "keras" else "Flax models are not supported"
            raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}: {others}")
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {checks.shown(model)}")
    model = getattr(model, "_orig_mod", model)  # a compiled module runs no hooks
    parameters = [*model.named_parameters()]
    if not parameters:
        raise ValueError(f"model must have parameters: {type(model).__name__} has none")
    for name, parameter in parameters:
        if not is_lazy(parameter) and parameter.is_meta:
            raise ValueError(f"model must have values: {name} is on the meta device; fill it by fastinit.torch.init_")
    if any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        # torch has no copy of buffers without shapes
        model = copy.deepcopy(model, {id(b): UninitializedBuffer() for b in model.buffers() if is_lazy(b)})
        with torch.no_grad(), torch.random.fork_rng():
            called(model, arguments, named)
    return model


def _with_gradients(
    arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], Tensor | None]:
    """The arguments with floating-point tensors that gradients reach, and the first of these."""
    leaves: list[Tensor] = []

    def taken(value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        leaves.append(value.detach().clone().requires_grad_())
        return leaves[-1].clone()  # no leaf, which operations in place would refuse

    arguments, named = tree_map(taken, (arguments, named))
    return arguments, named, leaves[0] if leaves else None


def called(model: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """What the model gives. ValueError, with the shapes, where it raises anything."""
    try:
        return model(*arguments, **named)
    except Exception as error:
        shapes = ", ".join(str(tuple(t.shape)) for t in tree_leaves((arguments, named)) if isinstance(t, Tensor))
        first_line = str(error).strip().split("\n")[0]
        raise ValueError(f"batch of shape {shapes} does not go through the model: {first_line}") from error


def _first_output(output: Any) -> Tensor | None:
    leaves = tree_leaves(getattr(output, "logits", output))  # Hugging Face's outputs name the first of theirs
    return next((leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()), None)


def _gradients(
    model: nn.Module, output: Any, loss: Loss | None, given: Tensor | None, seed: int
) -> dict[str, Tensor | None]:
    """Of the loss by each parameter that is not frozen, by name; the hooks on outputs note theirs on the way."""
    wanted = {name: p for name, p in tensors_by_name(model) if isinstance(p, nn.Parameter) and p.requires_grad}
    targets = [*wanted.values(), *([given] if given is not None else [])]
    roots, weights = _roots(output, loss, seed)
    if not targets or not roots:
        return {}
    made = torch.autograd.grad(roots, targets, weights, allow_unused=True, retain_graph=True)
    return dict(zip(wanted, made))


def _roots(output: Any, loss: Loss | None, seed: int) -> tuple[list[Tensor], list[Tensor]]:
    """What to go back from: the loss; without one the sum of eta z, eta independent N(0, 1), over the outputs z."""
    if loss is not None:
        value = loss(output)
        if not isinstance(value, Tensor) or value.numel() != 1:
            what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else checks.shown(value)
            raise ValueError(f"loss must give a tensor of one number, got {what}")
        if not value.requires_grad:
            raise ValueError("loss gives a number that does not depend on the model's parameters")
        return [value], [torch.ones_like(value)]
    first = _first_output(output)
    if first is None:
        raise ValueError(f"the model must give a tensor of floats, got {type(output).__name__}")
    if not first.requires_grad:
        return [], []
    eta = torch.empty(first.shape, dtype=torch.float32)
    fill_(eta, Normal(0.0, 1.0), stream_of(seed, "lab.inspect.eta"))
    return [first], [eta.to(first.device, first.dtype)]


def _parameter_rows(model: nn.Module, gradients: Mapping[str, Tensor | None], learning_rate: float) -> list[ParameterRow]:
    rows, first = list[ParameterRow](), dict[int, str]()
    for name, tensor in tensors_by_name(model, remove_duplicate=False):
        if not isinstance(tensor, nn.Parameter) or not tensor.is_floating_point():
            continue
        values, gradient, state = measured(tensor), gradients.get(name), ""
        if id(tensor) in first:
            rows.append(ParameterRow(name, tuple(tensor.shape), values, None, None, f"tied to {first[id(tensor)]}"))
            continue
        first[id(tensor)] = name
        of = None if gradient is None else measured(gradient)
        ratio = learning_rate * of.rms / values.rms if of is not None and values.rms > 0 else None
        state = "frozen" if not tensor.requires_grad else "unused" if gradient is None else ""
        rows.append(ParameterRow(name, tuple(tensor.shape), values, of, ratio, state))
    return rows


def _multiplications(row: Row) -> float:
    """Of one call of a layer: each output is a sum of fan_in products."""
    return math.prod(row.shape) * row.weights.fan_in if row.weights is not None else 0.0


def _wants_jacobian(spectra: bool | None, model: nn.Module, of_sample: Tensor) -> bool:
    """By default where it is cheap: few outputs, each of which is a backward pass, of a small model."""
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    return spectra if spectra is not None else of_sample.numel() <= MOST_PASSES and num_parameters <= SMALL
