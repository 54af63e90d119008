"""`normal_` and `uniform_` of small plain tensors in C (csrc/bindings/tensor_methods.c): Python takes longer than a fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C import _is_tracing, _len_torch_dispatch_stack, _len_torch_function_stack
from torch._C._functorch import maybe_current_level
from torch.autograd import forward_ad

from fastinit.backends import c_calls
from fastinit.core.dtypes import element_type
from fastinit.core.pieces import LEAST_FOR_NATIVE_THREADS
from fastinit.core.small_fills import small_fill
from fastinit.distributions import Distribution, Normal, Uniform
from fastinit.torch.drawing import streams
from fastinit.torch.tensors import DTYPES, PLAIN_TYPES, check_range, is_plain

WATCHERS = (_is_tracing, maybe_current_level, _len_torch_function_stack, _len_torch_dispatch_stack)
"""Functions of torch's that say by None, False or 0 that nothing watches what is done to tensors."""


def in_c(normal_: Callable[..., Tensor], uniform_: Callable[..., Tensor]) -> dict[str, Callable[..., Tensor]]:
    """The methods of tensors by name: C's, which calls these for what is not plain, or these where C is not built."""
    native = c_calls.native()
    if native is None:
        return {"normal_": normal_, "uniform_": uniform_}
    methods = native.bind_torch(
        Tensor,
        tuple(PLAIN_TYPES),
        torch.strided,
        WATCHERS,
        torch.compiler,
        forward_ad,
        torch.is_grad_enabled,
        torch.Tensor.random_,
        _new_words,
        torch._C._increment_version,
        LEAST_FOR_NATIVE_THREADS,
        ((normal_, _learner(Normal), ("mean", "std")), (uniform_, _learner(Uniform), ("from", "to"))),
    )
    return dict(zip(("normal_", "uniform_"), methods))


def _plain_address(tensor: Tensor) -> int | None:
    return (tensor.data_ptr() or None) if tensor.is_cpu and is_plain(tensor) and tensor.is_contiguous() else None


plain_address: Callable[[Tensor], int | None] = getattr(c_calls.native(), "plain_address", _plain_address)
"""Where the memory of a plain tensor on the CPU begins, if that is one block with elements; else None."""


def _new_words() -> tuple[tuple[Tensor, int, int], int]:
    """The arguments by which `random_` draws four words, as `streams.drawn_from` does, and their address."""
    words = streams.new_words()
    return (words, *streams.WORDS), words.data_ptr()


def _learner(kind: Callable[[float, float], Distribution]) -> Callable[[float, float, torch.dtype], Any]:
    def learn(first: float, second: float, dtype: torch.dtype) -> Any:
        """The fill of these parameters; None for what is left to Python."""
        if dtype not in DTYPES:
            return None
        try:
            distribution = kind(first, second)
            check_range(distribution, dtype)
        except (TypeError, ValueError):
            return None
        return small_fill(distribution, (1,), element_type(DTYPES[dtype][0]))

    return learn
