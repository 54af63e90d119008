"""Watches one forward and backward pass: what each layer, activation and residual sum gives, and what flows back to it.

Layers are seen by hooks; activations and sums, which may be functions, by a mode of torch that sees each call of a function.
Both end with the pass. What flows from where is followed by the identity of tensors, through reshapes, dropout and pooling.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from fastinit.lab.activations import BOUNDS, GATES, ZERO_BELOW, Activation, activation_of
from fastinit.lab.layers import Weights, is_symmetric, kind_of, unit_axis, weights_of
from fastinit.lab.measures import (
    Measures,
    correlation_of_samples,
    mean_square,
    measured,
    share_beyond,
    share_never_positive,
)  # fmt: skip
from fastinit.torch.structure.names import modules_by_name

PASSED_ON = {
    "view", "reshape", "flatten", "permute", "transpose", "contiguous", "unsqueeze", "squeeze", "to", "float", "dropout",
    "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "identity", "avg_pool1d", "avg_pool2d",
    "max_pool1d", "max_pool2d", "boolean_dispatch", "fn", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "mean", "clone",
}  # fmt: skip
"""Functions of torch whose result counts as their input: what is fed by it is fed by the layer before."""

SUMS = ("add", "__add__", "__radd__", "__iadd__", "add_")
PRODUCTS = ("mul", "__mul__", "__rmul__", "multiply")


@dataclass
class Row:
    """What one call of a layer, of an activation, or of a residual sum has given, in the order of calls.

    `source`: the row whose values it takes; of a sum, `addends` are the rows of both. `input_square`: the mean square of
    a layer's inputs. `correlation`: the mean cosine between the outputs of two samples. `dead`: the share of units that are
    never positive; `saturated`: of values at the bounds. `gradient`: of the loss by the outputs. `weights`: a linear
    layer's or a convolution's.
    """

    name: str
    kind: str
    output: Measures
    shape: tuple[int, ...]
    source: Row | None = field(default=None, repr=False)
    addends: tuple[Row | None, ...] = field(default=(), repr=False)
    input_square: float | None = None
    correlation: float | None = None
    activation: Activation | None = None
    dead: float | None = None
    saturated: float | None = None
    weights: Weights | None = None
    gradient: Measures | None = None
    module: str | None = None
    symmetric: bool = False
    unit_axis: int = -1


class Observer(TorchFunctionMode):
    """Collects the rows of one pass. `samples`: the length of the batch's axis 0."""

    def __init__(self, model: nn.Module, samples: int) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._samples = samples
        self._names = {part: name for name, part in modules_by_name(model)}
        self._within: list[nn.Module] = []
        self._rows_of: dict[int, tuple[Tensor, Row]] = {}  # by identity; the tensor is kept, so that it stays its own
        self._asleep = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block each call is noted; hooks and mode are gone at its end."""
        with ExitStack() as stack:
            for module in self._names:
                stack.enter_context(module.register_forward_pre_hook(self._enter))
                stack.enter_context(module.register_forward_hook(self._leave, with_kwargs=True, always_call=True))
            stack.enter_context(self)
            yield
        self._rows_of.clear()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if self._asleep:
            return func(*args, **named)
        activation = activation_of(func, args, named)
        called = getattr(func, "__name__", "")
        before = [self._row(argument) for argument in args[:2]]
        given = func(*args, **named)
        if not isinstance(given, Tensor) or not given.is_floating_point():
            return given
        with self._not_noting():
            if activation is not None:
                self._note_activation(activation, given, before[0])
            elif called in PASSED_ON and before and before[0]:
                self._rows_of[id(given)] = (given, before[0])
            elif len(before) == 2 and self._same_shape(args, given):
                self._note_pair(called, given, before)
        return given

    @contextmanager
    def _not_noting(self) -> Iterator[None]:
        before, self._asleep = self._asleep, True
        try:
            with torch.no_grad():
                yield
        finally:
            self._asleep = before

    def _row(self, value: object) -> Row | None:
        found = self._rows_of.get(id(value))
        return found[1] if found is not None else None

    @staticmethod
    def _same_shape(arguments: tuple[Any, ...], given: Tensor) -> bool:
        return given.ndim > 1 and all(isinstance(a, Tensor) and a.shape == given.shape for a in arguments[:2])

    # ---- calls ----

    def _enter(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        self._within.append(module)

    def _leave(self, module: nn.Module, positional: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        self._within.pop()
        kind = kind_of(module)
        given = next((leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)), None)
        if kind is None or given is None or not given.is_floating_point():
            return
        taken = next((leaf for leaf in tree_leaves((positional, named)) if isinstance(leaf, Tensor)), None)
        with self._not_noting():
            row = Row(self._names[module], kind, measured(given), tuple(given.shape), self._row(taken))
            row.module = row.name
            if taken is not None and taken.is_floating_point():
                row.input_square = _input_square(row.source, taken)
            row.weights = weights_of(module)
            row.symmetric = is_symmetric(module)
            row.unit_axis = unit_axis(module, given)
            self._add(row, given)

    def _note_activation(self, activation: Activation, given: Tensor, source: Row | None) -> None:
        row = Row(self._place(activation.name), "activation", measured(given), tuple(given.shape), source)
        row.activation = activation
        row.unit_axis = source.unit_axis if source is not None and source.kind in ("linear", "conv", "norm") else -1
        if given.ndim == 4:
            row.unit_axis = 1
        if activation.name in ZERO_BELOW and given.ndim > 1:
            row.dead = share_never_positive(given, row.unit_axis)
        if activation.name in BOUNDS:
            row.saturated = share_beyond(given, *BOUNDS[activation.name])
        self._add(row, given)

    def _note_pair(self, called: str, given: Tensor, before: list[Row | None]) -> None:
        """A sum of two tensors of one shape, and the product of a gated unit."""
        if called in SUMS and any(before):
            row = Row(self._place("sum"), "sum", measured(given), tuple(given.shape))
            row.addends = tuple(before)
            self._add(row, given)
        elif called in PRODUCTS:
            gate = next((row for row in before if row is not None and row.activation is not None), None)
            if gate is not None and gate.activation is not None and gate.activation.name in GATES and all(before):
                self._note_activation(Activation(GATES[gate.activation.name]), given, gate)

    def _place(self, function: str) -> str:
        """The name of the module that a function is called in, and the function's unless the module is nothing else."""
        if not self._within:
            return function
        module = self._within[-1]
        name = self._names[module]
        if type(module).__module__.startswith("torch.nn.modules.activation"):
            return name or function
        return f"{name}:{function}" if name else function

    def _add(self, row: Row, given: Tensor) -> None:
        row.correlation = correlation_of_samples(given, self._samples)
        self.rows.append(row)
        self._rows_of[id(given)] = (given, row)
        if given.requires_grad:
            given.register_hook(lambda gradient: self._note_gradient(row, gradient))

    def _note_gradient(self, row: Row, gradient: Tensor) -> None:
        if row.gradient is None:  # the first pass is the loss's; those of the Jacobian's rows follow
            with self._not_noting():
                row.gradient = measured(gradient)


def _input_square(source: Row | None, taken: Tensor) -> float:
    """The mean square of what a layer takes, which is known where it is what its source gave, as it was."""
    if source is not None and source.shape == tuple(taken.shape):
        return source.output.rms**2
    return mean_square(taken)
