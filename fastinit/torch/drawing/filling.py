"""Fills a tensor by fastinit where that is possible and allowed, else by torch's own function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import maybe_current_level
from torch.autograd import forward_ad
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext
from torch.utils._python_dispatch import _get_current_dispatch_mode

from fastinit.core import remembered_fills
from fastinit.core.stream import Stream
from fastinit.distributions import Distribution
from fastinit.initializers import Initializer, distribution_of
from fastinit.torch.drawing import streams
from fastinit.torch.drawing.recorder import current as current_recorder
from fastinit.torch.reports.report import Write
from fastinit.torch.tensors import DTYPES, PLAIN_TYPES, TORCH, check_range, draws_on_cuda, fill_, is_fillable, is_plain


class AllowsFills:
    """A dispatch mode of this class lets fastinit's fills go on under it; under every other mode torch fills."""


def filled(
    tensor: Tensor,
    make: Callable[[], Initializer | Distribution],
    generator: torch.Generator | None,
    stock: partial[Tensor],
    *,
    explicit: bool = False,
    asked: tuple[object, ...] = (),
) -> Tensor:
    """The tensor, filled by fastinit with what `make` gives, or else by `stock`, which is torch's own on it.

    What torch refuses goes to `stock` as well, so that errors are torch's. `explicit`: a function of fastinit was called,
    which fills without any `accelerate` in force. `asked`: what decides on the distribution, beside the shape.
    """
    if not isinstance(tensor, Tensor) or not _is_drawable(tensor, generator):
        return stock()
    recorder = current_recorder()
    if recorder is not None:
        return recorder.filled(tensor, make, generator, stock)
    names = streams.names()
    if not (names or explicit) and _asks_for_torchs_values(tensor, generator):
        return stock()
    if names and names.is_skipped(tensor):
        return tensor
    foreseen = names.foresee(tensor, make, stock) if names else None
    if foreseen is not None:
        return foreseen
    named = names.stream(tensor) if names and generator is None else None
    device = tensor.device.type
    if not named and not _draws_on(device, generator, explicit):
        return stock()
    if not _may_fill(tensor) or not is_fillable(tensor) or tensor.numel() == 0:
        return stock()
    known = None if names or device != "cpu" else _known_fill(tensor, asked)
    try:
        distribution = None if known else distribution_of(make(), tuple(tensor.shape), TORCH)
        if distribution is not None:
            check_range(distribution, tensor.dtype)
    except (TypeError, ValueError) as error:
        if not is_of_arguments(error, stock):
            raise
        return stock()
    stream = named or (streams.drawn_from(generator) if explicit or names else streams.source_stream(generator, device))
    if stream is None:
        return stock()
    if distribution is None:
        return _filled_as_before(tensor, known, stream)
    if names:
        names.note(tensor, Write.of(distribution))
    elif known is False:
        remembered_fills.learn(FILLS, _small(tensor, asked), distribution, (tensor.numel(),))
    return fill_(tensor, distribution, stream)


def is_of_arguments(error: Exception, stock: partial[Tensor]) -> bool:
    """Whether the error may be about the arguments of torch's function, which then says what is wrong, or takes them.

    Where all but the last, a generator or None, are numbers, an error of type is a fault of fastinit, which torch's fill
    would hide.
    """
    *numbers, _ = (*stock.args[1:], *stock.keywords.values())
    return isinstance(error, ValueError) or not all(type(one) in (int, float) for one in numbers)


FILLS = remembered_fills.new_fills()
"""The fills of small tensors that were asked for before."""


def _small(tensor: Tensor, asked: tuple[object, ...]) -> remembered_fills.Asked:
    return tuple(tensor.shape), asked, {}, DTYPES[tensor.dtype][0], None


def _known_fill(tensor: Tensor, asked: tuple[object, ...]) -> Any:
    """The fill of a small plain tensor, if it is known; False where it may be learned, else None."""
    if not asked or FILLS is None or type(tensor) not in PLAIN_TYPES or not tensor.is_contiguous():
        return None
    return FILLS.find(*_small(tensor, asked))


def _filled_as_before(tensor: Tensor, known: Any, stream: Stream) -> Tensor:
    remembered_fills.run(known, stream, tensor.data_ptr())
    if not tensor.is_inference():  # those have no version
        torch.autograd.graph.increment_version(tensor)
    return tensor


def _is_drawable(tensor: Tensor, generator: torch.Generator | None) -> bool:
    """Whether a stream can be drawn from it; else torch says what is wrong with it."""
    if generator is None:
        return True
    return isinstance(generator, torch.Generator) and generator.device.type in ("cpu", tensor.device.type)


def _asks_for_torchs_values(tensor: Tensor, generator: torch.Generator | None) -> bool:
    """Whether the caller passes a generator of its own, as for values that it can have again elsewhere. Not for DTensors,
    into each shard of which torch draws the same.
    """
    is_own = generator not in (None, torch.default_generator, *torch.cuda.default_generators)
    return is_own and is_plain(tensor)


def _draws_on(device: str, generator: torch.Generator | None, explicit: bool) -> bool:
    """Whether fastinit fills tensors without names on this type of devices: on GPUs by its kernels alone, where it is asked
    to, and from a generator that torch would take for them.
    """
    if device != "cuda":
        return device == "cpu"
    is_asked = explicit or streams.is_source_for(device)
    return is_asked and (generator is None or generator.device.type == device) and draws_on_cuda()


def _may_fill(tensor: Tensor) -> bool:
    """Whether fastinit may: not while torch traces, compiles or watches, nor where autograd would have to know."""
    if torch.compiler.is_compiling() or torch._C._is_tracing() or _is_transforming():
        return False
    if tensor.requires_grad and torch.is_grad_enabled():
        return False
    functions = _get_current_function_mode_stack()
    mode = _get_current_dispatch_mode()
    return isinstance(mode, (AllowsFills, type(None))) and all(isinstance(mode, DeviceContext) for mode in functions)


def _is_transforming() -> bool:
    """Within `torch.func`'s transformations and forward-mode derivatives, where a fill means more than its values."""
    return maybe_current_level() is not None or forward_ad._current_level >= 0
