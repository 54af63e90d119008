"""The pass of a Keras model, on any backend: its layers one after the other, by wrapping what each calls.

Gradients are those of torch by its hooks, of JAX by the derivative by zeros that are added to each layer's outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from fastinit.core.fill import fill
from fastinit.distributions import Normal
from fastinit.lab.activations import BOUNDS, ZERO_BELOW, Activation, named
from fastinit.lab.inspection import Observed, ParameterRow
from fastinit.lab.layers import Weights, drawn_as
from fastinit.lab.measures import correlation_of_samples, mean_square, measured, share_beyond, share_never_positive
from fastinit.lab.observation import Row
from fastinit.runtime import checks
from fastinit.runtime.forks import without_forks
from fastinit.torch.rescaling.passes import Batch, finite_arguments_of

layers = keras.layers
CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
OTHER_CONVOLUTIONS = (
    layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose, layers.DepthwiseConv1D,
    layers.DepthwiseConv2D, layers.SeparableConv1D, layers.SeparableConv2D,
)  # fmt: skip
KINDS: dict[type[Any], str] = {
    **dict.fromkeys((layers.Dense, layers.EinsumDense), "linear"),
    **dict.fromkeys((*CONVOLUTIONS, *OTHER_CONVOLUTIONS), "conv"),
    layers.Embedding: "embedding",
    **dict.fromkeys((layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization), "norm"),
    **dict.fromkeys((layers.RMSNormalization, layers.UnitNormalization), "norm"),
    layers.RNN: "recurrent",
}
"""The kinds of rows, by the classes of layers; subclasses count as their bases."""

PASSED_ON = (
    layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D, layers.AlphaDropout,
    layers.Flatten, layers.Reshape, layers.Permute, layers.ZeroPadding2D, layers.Identity, layers.MaxPooling1D,
    layers.MaxPooling2D, layers.MaxPooling3D, layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D,
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D,
)  # fmt: skip
NAMES = {"hard_sigmoid": "hardsigmoid", "hard_silu": "hardswish", "hard_tanh": "hardtanh", "swish": "silu"}
"""Keras' names of activations where torch has another."""


def observe_keras(model: Any, batch: Batch, loss: Callable[[Any], Any] | None, learning_rate: float, seed: int) -> Observed:
    """What `inspect` shows of a Keras model, in inference. Without singular values."""
    if not isinstance(model, keras.Layer):
        raise TypeError(f"model must be a Keras model or layer, got {checks.shown(model)}")
    if not model.built:
        raise ValueError("model must be built, so that it has weights: call it on the batch once before")
    if not model.weights:
        raise ValueError(f"model must have parameters: {type(model).__name__} has none")
    positional, named_arguments = finite_arguments_of(batch)
    if len(positional) != 1 or named_arguments:
        raise ValueError("batch must be one tensor for a Keras model")
    inputs = keras.ops.convert_to_tensor(positional[0].detach().cpu().numpy())
    watch = _Watch(model, len(positional[0]))
    passes: Callable[..., Gradients] = _GRADIENTS.get(str(keras.backend.backend()), _without_gradients)
    gradients, by_variable = passes(model, inputs, loss, watch, seed)
    for row, gradient in zip(watch.rows, gradients):
        row.gradient = None if gradient is None else measured(gradient.detach())
    parameters = [_parameter(v, by_variable.get(v.path), learning_rate) for v in model.trainable_variables]
    return Observed(
        tuple(watch.rows), tuple(parameters), {}, None, len(positional[0]), False, loss is not None, learning_rate, seed
    )


class _Watch:
    """Collects the rows of a pass. `added`: what a second pass adds to the values of each row, in the same order."""

    def __init__(self, model: Any, samples: int) -> None:
        self.rows: list[Row] = []
        self.values: list[Any] = []
        self.added: Iterator[Any] | None = None
        self._samples = samples
        parts = [*model._flatten_layers()]
        self._leaves = [part for part in parts if not [*part._flatten_layers(include_self=False)]]
        self._leaves += [part for part in parts if isinstance(part, layers.RNN)]
        self._rows_of: dict[int, tuple[Any, Row]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block the layers' calls are noted; the layers are as before at its end."""
        with ExitStack() as stack:
            for part in self._leaves:
                self._wrap(part, stack)
            yield
        self._rows_of.clear()

    def _wrap(self, part: Any, stack: ExitStack) -> None:
        kind = next((kind for cls, kind in KINDS.items() if isinstance(part, cls)), None)
        own = _activation(part)
        if kind in ("linear", "conv") and getattr(part, "activation", None) is not None:
            given, function = [None], part.activation

            def activated(z: Any) -> Any:
                z = self._note_layer(part, kind, given[0], z)
                return self._note_activation(f"{_name(part)}:{own.name}", own, z, function(z)) if own else function(z)

            def called(x: Any, *rest: Any, **named_rest: Any) -> Any:
                given[0] = x
                return part.__class__.call(part, x, *rest, **named_rest)

            part.activation = activated
            stack.callback(setattr, part, "activation", function)
        else:

            def called(x: Any, *rest: Any, **named_rest: Any) -> Any:
                return self._note(part, kind, own, x, part.__class__.call(part, x, *rest, **named_rest))

        part.call = called
        stack.callback(delattr, part, "call")

    def _note(self, part: Any, kind: str | None, own: Activation | None, x: Any, given: Any) -> Any:
        if kind is not None:
            return self._note_layer(part, kind, x, given)
        if own is not None:
            return self._note_activation(_name(part), own, x, given)
        if isinstance(part, layers.Add) and isinstance(x, (list, tuple)):
            return self._note_sum(part, x, given)
        if isinstance(part, PASSED_ON) and self._row(x) is not None:
            self._rows_of[id(given)] = (given, self._rows_of[id(x)][1])
        return given

    def _note_layer(self, part: Any, kind: str, x: Any, given: Any) -> Any:
        if isinstance(given, (list, tuple)):
            return given
        if self.added is not None:
            return given + next(self.added)
        row, values = self._row_of(_name(part), kind, given, self._row(x))
        row.module = _name(part)
        row.unit_axis = _unit_axis(part)
        if kind in ("linear", "conv"):
            row.input_square = mean_square(_tensor(x))
            row.weights, row.symmetric = _weights(part), _is_symmetric(part)
        return self._added_row(row, values, given)

    def _note_activation(self, name: str, own: Activation, x: Any, given: Any) -> Any:
        if self.added is not None:
            return given + next(self.added)
        row, values = self._row_of(name, "activation", given, self._row(x))
        row.activation = own
        row.unit_axis = row.source.unit_axis if row.source is not None else -1
        if own.name in ZERO_BELOW and values.ndim > 1:
            row.dead = share_never_positive(values, row.unit_axis)
        if own.name in BOUNDS:
            row.saturated = share_beyond(values, *BOUNDS[own.name])
        return self._added_row(row, values, given)

    def _note_sum(self, part: Any, x: Any, given: Any) -> Any:
        if self.added is not None:
            return given + next(self.added)
        row, values = self._row_of(_name(part), "sum", given, None)
        row.addends = tuple(self._row(one) for one in x)
        return self._added_row(row, values, given)

    def _row_of(self, name: str, kind: str, given: Any, source: Row | None) -> tuple[Row, Tensor]:
        values = _tensor(given)
        return Row(name, kind, measured(values), tuple(values.shape), source), values

    def _added_row(self, row: Row, values: Tensor, given: Any) -> Any:
        row.correlation = correlation_of_samples(values, self._samples)
        self.rows.append(row)
        self.values.append(given)
        self._rows_of[id(given)] = (given, row)
        return given

    def _row(self, value: Any) -> Row | None:
        found = self._rows_of.get(id(value))
        return found[1] if found is not None else None


Gradients = tuple[list[Tensor | None], dict[str, Tensor]]
"""Of the loss by the values of each row, and by the variables, by their paths."""


def _without_gradients(model: Any, inputs: Any, loss: Any, watch: _Watch, seed: int) -> Gradients:
    with watch.watching():
        _called(model, inputs, model)
    return [None] * len(watch.rows), {}


def _by_torch(model: Any, inputs: Any, loss: Any, watch: _Watch, seed: int) -> Gradients:
    if inputs.is_floating_point():
        inputs = inputs.requires_grad_()
    with watch.watching(), torch.enable_grad():
        output = _called(model, inputs, model)
        number = _number(output, loss, seed)
    variables = {v.path: v.value for v in model.trainable_variables}
    wanted = [value for value in (*watch.values, *variables.values()) if value.requires_grad]
    made = torch.autograd.grad(number, wanted, allow_unused=True) if number.requires_grad else (None,) * len(wanted)
    by_tensor = {id(value): gradient for value, gradient in zip(wanted, made)}
    found = {path: by_tensor.get(id(value)) for path, value in variables.items()}
    return [by_tensor.get(id(value)) for value in watch.values], {p: g.detach() for p, g in found.items() if g is not None}


def _by_jax(model: Any, inputs: Any, loss: Any, watch: _Watch, seed: int) -> Gradients:
    with without_forks():
        import jax

    with watch.watching():
        _called(model, inputs, model)
    fixed = [v.value for v in model.non_trainable_variables]

    def number_of(trained: list[Any], added: list[Any]) -> Any:
        watch.added = iter(added)
        output, _ = model.stateless_call(trained, fixed, inputs, training=False)
        return _number(output, loss, seed)

    zeros = [keras.ops.zeros_like(value) for value in watch.values]
    with watch.watching():
        by_variables, by_values = jax.grad(number_of, (0, 1))([v.value for v in model.trainable_variables], zeros)
    watch.added = None
    paths = (v.path for v in model.trainable_variables)
    return [_tensor(g) for g in by_values], {path: _tensor(g) for path, g in zip(paths, by_variables)}


_GRADIENTS: dict[str, Callable[..., Gradients]] = {"torch": _by_torch, "jax": _by_jax}
"""By the name of Keras' backend; of others the forward pass alone is seen."""


def _called(model: Any, inputs: Any, function: Callable[..., Any]) -> Any:
    try:
        return function(inputs, training=False) if "training" in model.call_signature_parameters else function(inputs)
    except Exception as error:
        shown = str(error).strip().split("\n")[0]
        raise ValueError(f"batch of shape {tuple(inputs.shape)} does not go through the model: {shown}") from error


def _number(output: Any, loss: Any, seed: int) -> Any:
    """The loss; without one the sum of eta z, eta independent N(0, 1), over the outputs z."""
    if loss is not None:
        value = loss(output)
        if getattr(value, "size", None) is None or math.prod(value.shape) != 1:
            raise ValueError(f"loss must give a tensor of one number, got {checks.shown(value)}")
        return value.reshape(())
    first = tree_leaves(output)[0]
    eta = fill(Normal(0.0, 1.0), tuple(first.shape), seed=seed, name="lab.inspect.eta")
    return keras.ops.sum(keras.ops.convert_to_tensor(eta) * first)


def _activation(part: Any) -> Activation | None:
    """That which the layer is, or ends with; None for none, and for one that the theory does not know."""
    if isinstance(part, layers.ReLU):
        plain = part.max_value is None and not part.threshold
        return named("leaky_relu" if part.negative_slope else "relu", **_slope(part.negative_slope)) if plain else None
    if isinstance(part, layers.LeakyReLU):
        return named("leaky_relu", negative_slope=float(part.negative_slope))
    if isinstance(part, layers.ELU):
        return named("elu", alpha=float(part.alpha))
    function = getattr(part, "activation", None)
    called = str(getattr(function, "__name__", ""))
    if called == "leaky_relu":
        return named("leaky_relu", negative_slope=0.2)  # Keras' default
    try:
        return named(NAMES.get(called, called))
    except ValueError:
        return None


def _slope(slope: float) -> dict[str, float]:
    return {"negative_slope": float(slope)} if slope else {}


def _name(part: Any) -> str:
    """With the models that it is in; layers without weights have none of these."""
    return str(part.path or part.name)


def _unit_axis(part: Any) -> int:
    if isinstance(part, layers.BatchNormalization):
        return int(part.axis)
    return 1 if getattr(part, "data_format", None) == "channels_first" else -1


def _weights(part: Any) -> Weights | None:
    """Those of dense layers and convolutions, whose kernels are (*kernel, in / groups, out)."""
    if not isinstance(part, (layers.Dense, *CONVOLUTIONS)):
        return None
    kernel = _tensor(part.kernel)
    groups, strides = getattr(part, "groups", 1), math.prod(getattr(part, "strides", ()))
    *field, inputs, outputs = kernel.shape
    fan_in, fan_out = float(math.prod(field) * inputs), math.prod(field) * outputs / groups / strides
    bias = None if part.bias is None else mean_square(_tensor(part.bias))
    square = mean_square(kernel)
    return Weights(fan_in, fan_out, square, bias or 0.0, outputs, drawn_as(fan_in, fan_out, square, kernel.numel()))


def _is_symmetric(part: Any) -> bool:
    """Whether all units of a dense layer or convolution have the same weights."""
    if not isinstance(part, (layers.Dense, *CONVOLUTIONS)):
        return False
    kernel = _tensor(part.kernel)
    return kernel.shape[-1] > 1 and bool((kernel == kernel[..., :1]).all()) and bool((kernel != 0).any())


def _parameter(variable: Any, gradient: Tensor | None, learning_rate: float) -> ParameterRow:
    values = measured(_tensor(variable))
    of = None if gradient is None else measured(gradient)
    ratio = learning_rate * of.rms / values.rms if of is not None and values.rms > 0 else None
    state = "unused" if gradient is None and keras.backend.backend() in _GRADIENTS else ""
    return ParameterRow(variable.path, tuple(variable.shape), values, of, ratio, state)


def _tensor(values: Any) -> Tensor:
    """As a tensor of torch, in float32 at least."""
    array = np.asarray(keras.ops.convert_to_numpy(values))
    return torch.from_numpy(array.astype(np.float64 if array.dtype == np.float64 else np.float32))
