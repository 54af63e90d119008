"""Puts our fills in the place of torch's: few functions, through which all that torch and others build on them goes.

`torch.nn.init.kaiming_uniform_`, `nn.Linear`, Hugging Face's `_init_weights`, whatever name they were imported under: they
end in `Tensor.normal_`, `Tensor.uniform_` and `torch.nn.init._no_grad_trunc_normal_`, which are replaced; so are
`orthogonal_` and `sparse_`, whose work is not a fill, where they are known by name. Shapes, fans, warnings and
errors stay torch's own.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext
from torch.utils._python_dispatch import _get_current_dispatch_mode

from fastinit import distributions
from fastinit.core.stream import Stream
from fastinit.distributions import Distribution
from fastinit.initializers import Constant, Initializer, Orthogonal, Sparse, TruncatedNormal
from fastinit.torch import streams
from fastinit.torch.tensors import check_range, fill_, is_fillable

STOCK: dict[str, Callable[..., Any]] = {
    "normal_": torch.Tensor.normal_,
    "uniform_": torch.Tensor.uniform_,
    "_no_grad_trunc_normal_": torch.nn.init._no_grad_trunc_normal_,
    "orthogonal_": torch.nn.init.orthogonal_,
    "sparse_": torch.nn.init.sparse_,
}
"""What torch has in the places that we take."""


class Watching:
    """A dispatch mode with this mark is ours: fills go on under it."""


def filled(
    tensor: Tensor,
    of: Callable[[], Initializer | Distribution],
    generator: torch.Generator | None,
    stock: Callable[[], Tensor],
    asked: bool = False,
    layout: str = "oi",
) -> Tensor:
    """Fill by `of()` where we can and may, else `stock()`: also for what only torch can say is wrong.

    `asked`: by name, so that no `accelerate` needs to be in force.
    """
    if not isinstance(tensor, Tensor) or not _draws(generator):
        return stock()
    names = streams.names()
    if names and names.is_kept(tensor):
        return tensor
    named = names.stream(tensor) if names and generator is None else None
    if not _may_fill(tensor, named) or not is_fillable(tensor) or tensor.numel() == 0:
        return stock()
    try:
        distribution = of()
        distribution = (
            distribution.distribution_for(tuple(tensor.shape), layout=layout)
            if isinstance(distribution, Initializer)
            else distribution
        )
        check_range(distribution, tensor.dtype)
    except (TypeError, ValueError):
        return stock()
    stream = named or (streams.drawn_from(generator) if asked or names else streams.source_stream(generator))
    if stream is None:
        return stock()
    if names:
        names.note(tensor, distribution)
    return fill_(tensor, distribution, stream)


def _draws(generator: torch.Generator | None) -> bool:
    """Whether streams can be drawn from it; else torch says what is wrong with it."""
    return generator is None or (isinstance(generator, torch.Generator) and generator.device.type == "cpu")


def _may_fill(tensor: Tensor, named: Stream | None) -> bool:
    """Not while torch traces, compiles or watches, nor past autograd, nor on a device that torch fills faster itself."""
    if torch.is_grad_enabled() and tensor.requires_grad:
        return False
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or _is_transforming():
        return False
    if tensor.device.type != "cpu" and named is None:
        return False
    mode = _get_current_dispatch_mode()
    if mode is not None and not isinstance(mode, Watching):
        return False
    return all(isinstance(mode, DeviceContext) for mode in _get_current_function_mode_stack())


def _is_transforming() -> bool:
    """Within `torch.func`'s transformations and forward-mode derivatives, where a fill means more than its values."""
    return torch._C._functorch.maybe_current_level() is not None or forward_ad._current_level >= 0


@wraps(STOCK["normal_"])
def _normal_(self, mean=0.0, std=1.0, *, generator=None):
    return filled(
        self,
        lambda: distributions.Normal(mean, std),
        generator,
        lambda: STOCK["normal_"](self, mean, std, generator=generator),
    )


@wraps(STOCK["uniform_"])
def _uniform_(self, *bounds, generator=None, **named):
    def stock():
        return STOCK["uniform_"](self, *bounds, generator=generator, **named)

    low, high = (*bounds, *(0.0, 1.0)[len(bounds) :])[:2]
    low, high = named.get("from", low), named.get("to", high)
    return filled(self, lambda: distributions.Uniform(low, high), generator, stock)


def trunc_normal(tensor, mean, std, a, b, generator=None, asked=False):
    """`torch.nn.init.trunc_normal_` as a whole: its own redraws until all values are inside."""

    def stock():
        with streams.named(None):  # which would give it the same values each time
            return STOCK["_no_grad_trunc_normal_"](tensor, mean, std, a, b, generator=generator)

    if torch.compiler.is_compiling():  # which cannot look into what `stock` does
        return STOCK["_no_grad_trunc_normal_"](tensor, mean, std, a, b, generator=generator)
    with torch.no_grad():
        return filled(tensor, lambda: _truncated(mean, std, a, b), generator, stock, asked)


def _truncated(mean: float, std: float, a: float, b: float) -> Initializer:
    if std == 0 and a <= b:  # the limit, where torch divides by zero
        return Constant(min(max(mean, a), b))
    distribution = TruncatedNormal(mean, std, a, b, bounds="absolute")
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.",
            stacklevel=5,
        )
    return distribution


def orthogonal(tensor, gain=1, generator=None, asked=False):
    """`torch.nn.init.orthogonal_` as a whole."""

    def stock():
        return STOCK["orthogonal_"](tensor, gain, generator)

    with torch.no_grad():
        return filled(tensor, lambda: Orthogonal(gain), generator, stock, asked)


def sparse(tensor, sparsity, std=0.01, generator=None, asked=False):
    """`torch.nn.init.sparse_` as a whole: rows are inputs and columns outputs, each of which gets its share of zeros."""

    def stock():
        return STOCK["sparse_"](tensor, sparsity, std, generator)

    def initializer():
        if tensor.ndim != 2:
            raise ValueError("stock() says so")
        return Sparse(sparsity, std, convention="torch")

    with torch.no_grad():
        return filled(tensor, initializer, generator, stock, asked)


@wraps(STOCK["_no_grad_trunc_normal_"])
def _trunc_normal_(tensor, mean, std, a, b, generator=None):
    return trunc_normal(tensor, mean, std, a, b, generator)


@wraps(STOCK["orthogonal_"])
def _orthogonal_(tensor, gain=1, generator=None):
    return orthogonal(tensor, gain, generator)


@wraps(STOCK["sparse_"])
def _sparse_(tensor, sparsity, std=0.01, generator=None):
    return sparse(tensor, sparsity, std, generator)


_METHODS = {"normal_": _normal_, "uniform_": _uniform_}
_FUNCTIONS = {"_no_grad_trunc_normal_": _trunc_normal_, "orthogonal_": _orthogonal_, "sparse_": _sparse_}
_lock = threading.RLock()
_uses = 0


@contextmanager
def in_place() -> Iterator[None]:
    """Within the block torch's functions are ours. Counted: blocks may overlap, also in several threads."""
    enter()
    try:
        yield
    finally:
        leave()


def enter() -> None:
    global _uses
    with _lock:
        _uses += 1
        if _uses == 1:
            for name, method in _METHODS.items():
                setattr(torch.Tensor, name, method)
            for table in _tables():
                table.update({name: _FUNCTIONS[name] for name in table.keys() & _FUNCTIONS.keys()})


def leave() -> None:
    global _uses
    with _lock:
        _uses -= 1
        if _uses == 0:
            for name in _METHODS:
                delattr(torch.Tensor, name)  # inherited again from the C class
            for table in _tables():
                table.update({name: STOCK[name] for name, ours in _FUNCTIONS.items() if table.get(name) is ours})


def _tables() -> Iterator[dict[str, Any]]:
    """What the functions that we replace are looked up in; Hugging Face's has them from when it was first imported."""
    yield vars(torch.nn.init)
    yield getattr(sys.modules.get("transformers.initialization"), "TORCH_INIT_FUNCTIONS", {})
