"""Takes `reset_parameters` of torch's commonest layers as the steps that it is, one for each parameter.

What it does depends on nothing but the class and the geometry of the parameters: it is learned from the first layer, and
noted from then on without calling it, where C is built (csrc/bindings/recording.c).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import chain
from typing import Any

from torch import Tensor, nn

from fastinit.runtime.scoped_patch import Replacement
from fastinit.torch.construction.nn_functions import CALLED, FUNCTIONS, are_in_place, is_one_fill
from fastinit.torch.construction.steps import Step
from fastinit.torch.construction.tape import NATIVE, current_tape

OWNERS = (nn.Linear, nn.modules.conv._ConvNd, nn.LayerNorm)
"""The classes that have the methods."""

LAYERS = {
    *(nn.Linear, nn.LayerNorm),
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
}
"""What is taken: no classes derived from these, which may have parameters elsewhere."""

STOCK: dict[type[nn.Module], Callable[..., None]] = {
    owner: owner.reset_parameters
    for owner in OWNERS
    if owner.reset_parameters.__globals__ is vars(sys.modules[owner.__module__])  # no one's replacement
}

CALLED_BY_METHODS = CALLED | {name: FUNCTIONS[name] for name in ("kaiming_uniform_", "uniform_", "ones_", "zeros_")}
"""What decides on what the methods do: functions that contexts which leave initialization out, and others, replace."""

KNOWN: dict[tuple[Any, ...], tuple[Step, ...]] = {}
"""What a method did: by the method, the layer's class, and of each parameter its name and all of its Ref but the storage, or
None."""

MOST_KNOWN = 4096


def _learned(stock: Callable[..., None], layer: nn.Module) -> None:
    """Run the method, and keep what it did if that was to fill each parameter once."""
    tape = current_tape()
    before = len(tape.recording.steps) if tape else 0
    stock(layer)
    if tape is None or type(layer) not in LAYERS or not are_in_place(CALLED_BY_METHODS):
        return
    parameters = layer._parameters
    if not all(tensor is None or isinstance(tensor, Tensor) for tensor in parameters.values()):
        return
    refs = {name: None if tensor is None else tape.ref(tensor) for name, tensor in parameters.items()}
    steps, filled = tuple(tape.recording.steps[before:]), [ref for ref in refs.values() if ref is not None]
    if len(steps) == len(filled) and all(map(is_one_fill, steps, filled)):
        if len(KNOWN) >= MOST_KNOWN:
            KNOWN.clear()
        key = stock, type(layer), *chain.from_iterable((name, ref and ref[1:]) for name, ref in refs.items())
        KNOWN[key] = steps


def _noting(stock: Callable[..., None]) -> Callable[..., None]:
    @wraps(stock)
    def reset_parameters(self: nn.Module) -> None:
        NATIVE.recorded_reset(stock, self)

    return reset_parameters


def _noting_norms(stock: Callable[..., None]) -> Callable[..., None]:
    """`_noting` for LayerNorm's, which looks at more than the parameters."""
    noting = _noting(stock)

    @wraps(stock)
    def reset_parameters(self: nn.Module) -> None:
        (noting if self.elementwise_affine else stock)(self)

    return reset_parameters


def replacements() -> Iterator[Replacement]:
    """What to replace in the layers' classes: methods that are torch's own."""
    for owner, stock in STOCK.items():
        if NATIVE is not None and vars(owner).get("reset_parameters") is stock:
            yield owner, "reset_parameters", (_noting_norms if owner is nn.LayerNorm else _noting)(stock)


if NATIVE is not None:
    NATIVE.bind_resets(KNOWN, CALLED_BY_METHODS, _learned)
