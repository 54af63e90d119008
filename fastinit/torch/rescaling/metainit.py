"""MetaInit: the norms of weights, learned so that a step of gradient descent changes the gradient little."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_leaves, tree_map

from fastinit.core.fill import fill
from fastinit.core.stream import stream_of
from fastinit.distributions import Normal, Uniform
from fastinit.recipes.grouping import aligned
from fastinit.runtime import checks
from fastinit.torch.layers import check_memory
from fastinit.torch.rescaling.passes import Batch, finite_arguments_of
from fastinit.torch.seeds import check_seed
from fastinit.torch.structure.names import tensors_by_name

Loss: TypeAlias = Callable[[Any], Tensor]
"""Takes what the module gives, and gives a number."""

LEAST_GRADIENT = 1e-5  # epsilon of the quotient, as in the authors' code: appendix A of Dauphin and Schoenholz


def metainit_(
    module: nn.Module,
    batch: Batch,
    loss: Loss | None = None,
    *,
    seed: int = 0,
    steps: int = 500,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    inputs: str = "normal",
) -> LearnedScales:
    """Multiply each weight by a learned scale, so that gradients change little in a step of gradient descent.

    The directions of weights stay, and their norms |W| descend on the gradient quotient, g the gradient of the loss and H
    its Hessian by all parameters, n their number: GQ = 1 / n sum |(g - H g) / (g + eps sign g) - 1|. In each step |W|
    changes by m, m = momentum m - learning_rate sign(d GQ / d|W|): at most by learning_rate / (1 - momentum). Weights are
    the parameters of 2 axes or more that are neither frozen nor all 0.

    - `batch`: a tensor, a tuple of positional arguments, or a mapping of keyword ones. `inputs`: "normal" takes their shapes
      alone and draws N(0, 1) for tensors of floats in each step, as the paper does; "batch" takes them as they are.
    - `loss`: a function of the module's output. Without one it is the cross-entropy with classes drawn in each step, over
      the last axis of outputs (n, classes) or (n, length, classes); where that is 1, the squared error from N(0, 1).
    - `seed`: of what is drawn, by names of their own.

    Evaluation mode, in float64, on a copy: the module itself changes at the end, and only its weights do. TypeError and
    ValueError for wrong arguments, for weights on the meta device or sharded, and where the quotient is not finite.

    Dauphin and Schoenholz 2019, "MetaInit: Initializing learning by learning to initialize", NeurIPS, algorithm 1.

    >>> import torch, fastinit.torch
    >>> from torch import nn
    >>> model = nn.Sequential(*[part for _ in range(6) for part in (nn.Linear(16, 16), nn.ReLU())])
    >>> report = fastinit.torch.init_(model, fastinit.Recipe([("*bias", "zeros"), ("*", fastinit.Normal(std=1.0))]))
    >>> learned = fastinit.torch.metainit_(model, torch.zeros(32, 16), steps=40)
    >>> min(learned.quotients) < 0.1 * learned.quotients[0], learned.scales["0.weight"] < 0.6
    (True, True)
    """
    check_seed(seed)
    checks.integer("steps", steps, least=1)
    checks.positive("learning_rate", learning_rate)
    if checks.not_negative("momentum", momentum) >= 1:
        raise ValueError(f"momentum must be below 1, got {momentum!r}")
    checks.one_of("inputs", inputs, ("normal", "batch"))
    if loss is not None and not callable(loss):
        raise TypeError(f"loss must be a callable that takes the module's output, got {checks.shown(loss)}")
    run = _Run(module, batch, loss, seed, inputs == "normal")
    velocity, quotients = dict.fromkeys(run.weights, 0.0), list[float]()
    with _twice_differentiable(seed):
        for step in range(steps):
            quotient, slopes = run.slopes(step)
            quotients.append(quotient)
            for name, weight in run.weights.items():
                velocity[name] = momentum * velocity[name] - learning_rate * slopes[name]
                run.lengthen_(weight, velocity[name])
    learned = LearnedScales(run.scales(), tuple(quotients))
    learned.apply_(module)
    return learned


@dataclass(frozen=True)
class LearnedScales:
    """The factor that each weight was multiplied by, and the gradient quotient before each step. Printed, a table.

    >>> import torch, fastinit.torch
    >>> scales = fastinit.torch.LearnedScales({"weight": 2.0}, (1.2, 0.9))
    >>> print(scales)
    weight  times 2
    gradient quotient 1.2 to 0.9 in 2 steps
    """

    scales: Mapping[str, float]
    quotients: tuple[float, ...]

    def apply_(self, module: nn.Module) -> None:
        """Multiply the weights of a module, as one that is drawn again from the same distributions.

        ValueError, with the module as it was, for scales of weights that it does not have.

        >>> import torch, fastinit.torch
        >>> layer = torch.nn.Linear(1, 1)
        >>> before = layer.weight.item()
        >>> fastinit.torch.LearnedScales({"weight": 2.0}, ()).apply_(layer)
        >>> layer.weight.item() == 2 * before
        True
        """
        tensors = dict(tensors_by_name(module))
        absent = [name for name in self.scales if name not in tensors]
        if absent:
            raise ValueError(f"module has no {', '.join(absent)}, whose scales these are")
        with torch.no_grad():
            for name, scale in self.scales.items():
                tensors[name].mul_(scale)

    def __str__(self) -> str:
        rows = [(name, f"times {scale:.4g}") for name, scale in self.scales.items()]
        first, last = (f"{quotient:.4g}" for quotient in (self.quotients[:1] + self.quotients[-1:]) or (math.nan,) * 2)
        return "\n".join([*aligned(rows), f"gradient quotient {first} to {last} in {len(self.quotients)} steps"])


class _Run:
    """A copy of the module in float64, and what goes through it."""

    def __init__(self, module: nn.Module, batch: Batch, loss: Loss | None, seed: int, draws: bool) -> None:
        _check(module)
        self._arguments = _doubled(batch)
        self._loss, self._seed, self._draws = loss, seed, draws
        self._module = copy.deepcopy(module).double().eval()
        trained = {n: t for n, t in tensors_by_name(self._module) if isinstance(t, nn.Parameter) and t.requires_grad}
        self._parameters = [*trained.values()]
        self.weights = {name: t for name, t in trained.items() if t.ndim >= 2 and bool((t != 0).any())}
        if not self.weights:
            raise ValueError("module must have a weight of 2 axes or more that is neither frozen nor all 0")
        self._norms = {name: _norm(weight) for name, weight in self.weights.items()}
        self._signs = dict.fromkeys(self.weights, 1.0)
        self._names = {id(weight): name for name, weight in self.weights.items()}

    def slopes(self, step: int) -> tuple[float, dict[str, float]]:
        """The gradient quotient, and the sign of its derivative by each weight's norm."""
        loss = self._loss_of(self._output(step), step)
        quotient = gradient_quotient(loss, self._parameters)
        value = float(quotient.detach())
        if not math.isfinite(value):
            raise ValueError(
                f"the gradient quotient is {value} in step {step}: what is computed must be within float64; scale down first"
            )
        made = torch.autograd.grad(quotient, [*self.weights.values()], allow_unused=True)
        slopes = (
            0.0 if of is None else float((of * weight.detach()).sum()) for of, weight in zip(made, self.weights.values())
        )
        return value, {name: float(np.sign(slope)) for name, slope in zip(self.weights, slopes)}

    @torch.no_grad()
    def lengthen_(self, weight: Tensor, change: float) -> None:
        """Add to the norm; one below 0 turns the weight around, and there is no step to 0, which has no direction."""
        before = _norm(weight)
        after = before + change
        if after != 0:
            weight.mul_(after / before)
            if after < 0:
                self._signs[self._names[id(weight)]] *= -1

    def scales(self) -> dict[str, float]:
        return {name: self._signs[name] * _norm(weight) / self._norms[name] for name, weight in self.weights.items()}

    def _output(self, step: int) -> Any:
        positional, named = self._arguments
        if self._draws:
            numbers = iter(range(len(tree_leaves(self._arguments))))
            positional, named = tree_map(lambda leaf: self._drawn(leaf, step, next(numbers)), self._arguments)
        return self._module(*positional, **named)

    def _drawn(self, leaf: Any, step: int, number: int) -> Any:
        if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
            return leaf
        return self._normals(leaf, f"input.{step}.{number}")

    def _normals(self, like: Tensor, name: str) -> Tensor:
        values = fill(Normal(0.0, 1.0), tuple(like.shape), seed=self._seed, name=f"metainit_.{name}", dtype="float64")
        return torch.from_numpy(np.asarray(values)).to(like.device)

    def _loss_of(self, output: Any, step: int) -> Tensor:
        if self._loss is not None:
            value = self._loss(output)
            if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
                raise ValueError(
                    f"loss must give a tensor of one number that depends on the weights, got {checks.shown(value)}"
                )
            return value.reshape(())
        leaves = tree_leaves(getattr(output, "logits", output))  # Hugging Face's outputs name theirs
        first = next((leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()), None)
        if first is None or first.ndim not in (2, 3):
            shape = type(output).__name__ if first is None else f"shape {tuple(first.shape)}"
            raise ValueError(f"loss must be given for outputs of {shape}: by default it is for (n, classes)")
        if first.shape[-1] == 1:
            return functional.mse_loss(first, self._normals(first, f"target.{step}"))
        classes = first.shape[-1]
        uniform = fill(
            Uniform(0.0, float(classes)), (first.numel() // classes,), seed=self._seed, name=f"metainit_.class.{step}"
        )
        target = torch.from_numpy(np.asarray(uniform)).long().clamp_(max=classes - 1).to(first.device)
        return functional.cross_entropy(first.flatten(0, -2), target)


def gradient_quotient(loss: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    """GQ of the parameters that the loss depends on, which autograd can differentiate."""
    with_gradients = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    used = [(parameter, of) for parameter, of in zip(parameters, with_gradients) if of is not None]
    if not used:
        raise ValueError("the loss depends on no parameter of the module")
    half_square = torch.stack([of.square().sum() / 2 for _, of in used]).sum()
    products: tuple[Tensor | None, ...] = (None,) * len(used)
    if half_square.requires_grad:  # else gradients are constant, and H is 0
        products = torch.autograd.grad(half_square, [p for p, _ in used], create_graph=True, allow_unused=True)
    terms = []
    for (_, of), product in zip(used, products):
        away_from_zero = torch.where(of >= 0, LEAST_GRADIENT, -LEAST_GRADIENT)
        changed = of if product is None else of - product
        terms.append((changed / (of + away_from_zero) - 1).abs().sum())
    return torch.stack(terms).sum() / sum(parameter.numel() for parameter, _ in used)


def _check(module: nn.Module) -> None:
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {checks.shown(module)}")
    for name, tensor in tensors_by_name(module):
        if is_lazy(tensor):
            raise ValueError(f"{name} has no shape yet: call the module once before")
        if isinstance(tensor, nn.Parameter) and tensor.requires_grad and tensor.ndim >= 2:
            check_memory(name, tensor)


def _doubled(batch: Batch) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The batch as positional and keyword arguments, its floats in float64."""
    doubled: tuple[tuple[Any, ...], dict[str, Any]] = tree_map(
        lambda leaf: leaf.double() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf,
        finite_arguments_of(batch),
    )
    return doubled


def _norm(weight: Tensor) -> float:
    return float(torch.linalg.vector_norm(weight.detach()))


@contextmanager
def _twice_differentiable(seed: int) -> Iterator[None]:
    """Within the block attention has second derivatives, and torch's generator is seeded by the seed."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        with torch.enable_grad(), torch.random.fork_rng(devices=[]), sdpa_kernel(SDPBackend.MATH):
            torch.manual_seed(stream_of(seed).k0)
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
