"""Recognizes what a recorded construction leaves in each storage: draws of known distributions, constants, or neither.

The steps are followed once, in order, with what each storage holds in place of values: layers, the later ones on the
earlier ones. A layer is a part of the storage and its content: a draw by one step, whose distribution arithmetic with
numbers has perhaps changed since; or one value. What cannot be said so is left to the steps themselves, to be run again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeAlias

import torch

from fastinit.distributions import Constant, Distribution
from fastinit.distributions.arithmetic import affine, clamped, erfinv
from fastinit.distributions.boxes import Box
from fastinit.torch.construction.geometry import (
    box_of,
    dense_bytes,
    is_injective,
    may_overlap,
    part_of,
    same_elements,
)
from fastinit.torch.construction.recording import Recording
from fastinit.torch.construction.steps import GIVEN, Ref, Step, base_name, callable_of, refs

Number: TypeAlias = bool | int | float | complex


class Draw(NamedTuple):
    """The values that a step drew, with the distribution that arithmetic has left them.

    `seen_as`: the views that they were read through, and the operations that did not keep their order, as minus.
    """

    step: int
    distribution: Distribution
    seen_as: tuple[Ref | str, ...] = ()


class Value(NamedTuple):
    """One value, everywhere; `is_written` is False for memory that nothing wrote."""

    value: Number
    is_written: bool = True


NOTHING = Value(math.nan, is_written=False)

Content: TypeAlias = Draw | Value


class Layer(NamedTuple):
    """A part of a storage, and what it holds."""

    ref: Ref
    content: Content


class Seen(NamedTuple):
    """A box of a tensor, and what it holds."""

    box: Box
    content: Content


class Recognition:
    """What every storage of a recording holds at its end."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._held: dict[int, tuple[Layer, ...] | None] = {}
        for number, step in enumerate(recording.steps):
            self._follow(number, step)

    def content(self, ref: Ref) -> Content | None:
        """What one step has left in all of a tensor and nothing else, which is the usual case; None in every other."""
        held = self._held.get(ref.storage)
        return held[0].content if held and len(held) == 1 and held[0].ref == ref else None

    def seen(self, ref: Ref) -> tuple[Seen, ...] | None:
        """What a tensor holds, later boxes on earlier ones, the first being the whole; None where only the steps tell."""
        held = self._held.get(ref.storage, ())
        if held is None:
            return None
        everywhere = Box.whole(ref.size)
        if len(held) == 1 and held[0].ref == ref:
            return (Seen(everywhere, held[0].content),)
        if not self._is_whole(ref):
            content = self._in_part(held, ref)
            return None if content is None else (Seen(everywhere, content),)
        found = [Seen(everywhere, NOTHING)]
        for layer in held:
            if self._is_whole(layer.ref):
                content = _through(layer, ref)
                if content is None:
                    return None
                found = [Seen(everywhere, content)]
            else:
                box = box_of(layer.ref, ref)
                if box is None:
                    return None
                found.append(Seen(box, layer.content))
        return tuple(found)

    def _in_part(self, held: tuple[Layer, ...], ref: Ref) -> Content | None:
        """What a part of a storage holds, where one layer says it."""
        for layer in reversed(held):
            if self._is_whole(layer.ref) or same_elements(layer.ref, ref):
                return _through(layer, ref)
            if may_overlap(layer.ref, ref):
                return None
        return NOTHING

    def _is_whole(self, ref: Ref) -> bool:
        return dense_bytes(ref.dtype, ref.size, ref.stride) == self._recording.sizes[ref.storage]

    def _follow(self, number: int, step: Step) -> None:
        outputs = step.written or step.outputs
        if len(outputs) != 1:
            self._held |= dict.fromkeys(ref.storage for ref in outputs)
            return
        (ref,) = outputs
        content = self._first_content(number, step, ref)
        if content is not None and self._is_whole(ref):  # the usual case
            self._held[ref.storage] = (Layer(ref, content),)
        else:
            everywhere = (Seen(Box.whole(ref.size), content),) if content is not None else None
            self._write(ref, everywhere or self._result(step, ref))

    def _first_content(self, number: int, step: Step, ref: Ref) -> Content | None:
        """What a step that draws, or gives one value, writes to all of the tensor, without a look at what there was."""
        if step.draws:
            known = step.distribution is not None and number not in self._recording.fixed and ref.dtype.is_floating_point
            return Draw(number, step.distribution) if known else None  # type: ignore[arg-type]
        value = _made_value(step)
        return None if value is None else Value(_in_dtype(value, ref.dtype))

    def _write(self, ref: Ref, result: tuple[Seen, ...] | None) -> None:
        if result is None:
            self._held[ref.storage] = None
            return
        layers = tuple(Layer(part_of(ref, box), content) for box, content in result)
        if self._is_whole(ref):
            self._held[ref.storage] = layers
            return
        before = self._held.get(ref.storage, ())
        if before is not None:
            self._held[ref.storage] = (*(layer for layer in before if not same_elements(layer.ref, ref)), *layers)

    def _result(self, step: Step, ref: Ref) -> tuple[Seen, ...] | None:
        """What the one tensor that a step computes or changes then holds."""
        base = _verb(step)
        if step.draws or step.operation == GIVEN or not (base in CHANGES or _is_pointwise(step)):
            return None
        operands = [*refs([*step.args[base == "copy" :], *step.kwargs.values()])]
        return self._computed(step, ref, operands)

    def _computed(self, step: Step, ref: Ref, operands: list[Ref]) -> tuple[Seen, ...] | None:
        """What an elementwise operation makes of what its operands hold, at most one of which is more than one value."""
        held = [self.seen(operand) for operand in operands]
        values = [_one_value(seen) for seen in held]
        moving = [i for i, value in enumerate(values) if value is None]
        if not operands or len(moving) > 1:
            return None
        if not moving:
            return (Seen(Box.whole(ref.size), Value(_computed_value(step, operands, values, ref))),)
        seen, operand = held[moving[0]], operands[moving[0]]
        if seen is None or operand.size != ref.size:
            return None
        result = [Seen(box, self._changed(step, content, operands, values, ref)) for box, content in seen]  # type: ignore[arg-type]
        return None if any(part.content is None for part in result) else tuple(result)

    def _changed(
        self, step: Step, content: Content, operands: list[Ref], values: list[Number | None], ref: Ref
    ) -> Content | None:
        """What the step makes of the content of the one operand that has no value in `values`."""
        at = values.index(None)
        if isinstance(content, Value):
            with_value = [content.value if value is None else value for value in values]
            return Value(_computed_value(step, operands, with_value, ref)) if content.is_written else None
        change = CHANGES.get(_verb(step))
        if change is None or not ref.dtype.is_floating_point:
            return None
        if operands[at].dtype.itemsize < ref.dtype.itemsize:  # would show the narrow type's rounding
            return None
        numbers = _numbers(step, values)
        distribution = change(content.distribution, numbers, step.kwargs)
        if distribution is None:
            return None
        if change is not _same and not (
            _keeps_digits(content.distribution, operands[at].dtype) and _keeps_digits(distribution, ref.dtype)
        ):
            return None
        seen_as = content.seen_as if _keeps_order(change, numbers, step.kwargs) else (*content.seen_as, _verb(step))
        return Draw(content.step, distribution, seen_as)


def _verb(step: Step) -> str:
    """The name of its operation, the same in place and not: "mul" for aten.mul_.Tensor."""
    return _verb_of(step.operation)


@cache
def _verb_of(operation: str) -> str:
    return base_name(operation).rstrip("_")


def _through(layer: Layer, ref: Ref) -> Content | None:
    """What a tensor of the same storage sees of a layer that has all its elements."""
    content = layer.content
    if ref.dtype != layer.ref.dtype:
        return None
    if isinstance(content, Value) or same_elements(layer.ref, ref):
        return content
    if not content.distribution.is_elementwise or not is_injective(ref):
        return None
    return content._replace(seen_as=(*content.seen_as, ref))


def _one_value(seen: tuple[Seen, ...] | None) -> Number | None:
    if seen is None or len(seen) != 1:
        return None
    content = seen[0].content
    return content.value if isinstance(content, Value) and content.is_written else None


def _made_value(step: Step) -> Number | None:
    """The one value that a step gives its output without a look at other tensors, if it does."""
    make = _maker(step.operation)
    return None if make is None else make(step.args)


@cache
def _maker(operation: str) -> Callable[[Sequence[Any]], Number | None] | None:
    return MADE.get(_verb_of(operation))


def _given_value(args: Sequence[Any]) -> Number | None:
    tensor: torch.Tensor = args[0]
    if tensor.numel() == 0:
        return None
    first: Number = tensor.flatten()[0].item()
    return first if bool((tensor == first).all()) else None


def _number(value: Any) -> Number | None:
    return value if isinstance(value, (bool, int, float, complex)) else None


MADE: dict[str, Callable[[Sequence[Any]], Number | None]] = {
    "zeros": lambda args: 0,
    "zeros_like": lambda args: 0,
    "new_zeros": lambda args: 0,
    "zero": lambda args: 0,
    "ones": lambda args: 1,
    "ones_like": lambda args: 1,
    "new_ones": lambda args: 1,
    "full": lambda args: _number(args[1]),
    "full_like": lambda args: _number(args[1]),
    "new_full": lambda args: _number(args[2]),
    "scalar_tensor": lambda args: _number(args[0]),
    "fill": lambda args: _number(args[1]),
    GIVEN: _given_value,
}
"""By the operation, the one value that it gives all elements."""

Numbers: TypeAlias = "list[Any]"
"""The arguments of an operation, with None in place of the tensor whose distribution is known."""

Change: TypeAlias = Callable[[Distribution, Numbers, "dict[str, Any]"], "Distribution | None"]
"""What an operation makes of a distribution, by its further arguments and options."""


def _times(distribution: Distribution, numbers: Numbers, options: dict[str, Any]) -> Distribution | None:
    return affine(distribution, numbers[numbers[0] is None])


def _divided(distribution: Distribution, numbers: Numbers, options: dict[str, Any]) -> Distribution | None:
    if numbers[0] is not None or not numbers[1] or options.get("rounding_mode") is not None:
        return None
    return affine(distribution, 1 / numbers[1])


def _plus(sign: int, order: int = 1) -> Change:
    """The change by self + sign alpha other, the two in this order."""

    def plus(distribution: Distribution, numbers: Numbers, options: dict[str, Any]) -> Distribution | None:
        first, second = numbers[:2][::order]
        alpha = sign * (numbers[2] if len(numbers) > 2 else options.get("alpha", 1))
        return affine(distribution, 1, alpha * second) if first is None else affine(distribution, alpha, first)

    return plus


def _clamped(distribution: Distribution, numbers: Numbers, options: dict[str, Any]) -> Distribution | None:
    given = [*numbers[1:3], None, None]
    low, high = options.get("min", given[0]), options.get("max", given[1])
    return clamped(distribution, -math.inf if low is None else low, math.inf if high is None else high)


def _same(distribution: Distribution, numbers: Numbers, options: dict[str, Any]) -> Distribution | None:
    return distribution


CHANGES: dict[str, Change] = {
    "mul": _times,
    "div": _divided,
    "add": _plus(1),
    "sub": _plus(-1),
    "rsub": _plus(-1, -1),
    "neg": lambda distribution, numbers, options: affine(distribution, -1),
    "clamp": _clamped,
    "clamp_min": lambda distribution, numbers, options: clamped(distribution, low=numbers[1]),
    "clamp_max": lambda distribution, numbers, options: clamped(distribution, high=numbers[1]),
    "erfinv": lambda distribution, numbers, options: erfinv(distribution),
    "copy": _same,
    "clone": _same,
    "_to_copy": _same,
    "lift_fresh_copy": _same,
}
"""By the operation, the distribution of what it makes of drawn values and numbers; None where that is none of ours."""


def _keeps_order(change: Change, numbers: Numbers, options: dict[str, Any]) -> bool:
    """Whether the change is a line that rises, so that it does to each value what it does to its distribution."""
    low, high = (change(Constant(value), numbers, options) for value in (0.0, 1.0))
    return isinstance(low, Constant) and isinstance(high, Constant) and low.value <= high.value


LEAST_STEPS = 1024.0  # of the dtype's grid in a standard deviation: with fewer, arithmetic would show the grid
FAR_OUT = 10.0  # standard deviations beyond which there are no values: normal ones of float64 end 8.66 from the mean


@lru_cache(maxsize=1024)
def _keeps_digits(distribution: Distribution, dtype: torch.dtype) -> bool:
    """Whether the dtype holds values of it so well that arithmetic with them is that with real numbers.

    Not where they leave the dtype's range, as 1e-30 times 1e-30 does, or are few of its steps apart, as 1 + 1e-9 randn. (Of
    narrow dtypes no more is asked than a mean within 8 standard deviations of 0.)
    """
    limits, value = torch.finfo(dtype), distribution.constant_value
    if value is not None:
        return value == 0 or limits.tiny <= abs(value) <= limits.max
    mean, std = distribution.moments()[:2]
    is_in_range = std >= limits.tiny and abs(mean) + FAR_OUT * std <= limits.max
    return is_in_range and abs(mean) * limits.eps <= std * max(1 / LEAST_STEPS, 8 * limits.eps)


def _numbers(step: Step, values: list[Number | None]) -> Numbers:
    """The step's arguments, tensors of one value as that value."""
    left = iter(values)
    args = step.args[_verb(step) == "copy" :]
    return [next(left) if isinstance(arg, Ref) else arg for arg in args]


def _is_pointwise(step: Step) -> bool:
    return torch.Tag.pointwise in getattr(callable_of(step.operation), "tags", ())


def _computed_value(step: Step, operands: list[Ref], values: Sequence[Number | None], ref: Ref) -> Number:
    """The value of an elementwise operation on tensors of one value each, in the arithmetic of their dtypes."""
    left = iter(zip(operands, values, strict=True))

    def one(operand: Ref) -> torch.Tensor:
        _, value = next(left)
        return torch.full((1,) if operand.size else (), value, dtype=operand.dtype)  # type: ignore[arg-type]

    if _verb(step) == "copy":
        return _in_dtype(one(operands[0]).item(), ref.dtype)
    args = [one(arg) if isinstance(arg, Ref) else arg for arg in step.args]
    kwargs = {key: one(value) if isinstance(value, Ref) else value for key, value in step.kwargs.items()}
    made: torch.Tensor = step.call(args, kwargs)
    return made.item()


def _in_dtype(value: Number, dtype: torch.dtype) -> Number:
    """The value after it was written to a tensor of this dtype."""
    if value in (0, 1) and not isinstance(value, complex):  # most values; floats keep the sign of 0
        return float(value) if dtype.is_floating_point else bool(value) if dtype is torch.bool else int(value)
    return torch.full((), value, dtype=dtype).item()
