"""Torch tensors as memory to fill: which ones can be, and how an initializer's values get into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from fastinit.backends.catalogue import ELEMENTS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.fill import fill
from fastinit.core.stream import Stream
from fastinit.distributions import Distribution
from fastinit.initializers import Initializer, distribution_of
from fastinit.initializers.layouts import Layout
from fastinit.runtime import huge_pages
from fastinit.runtime.nearest import did_you_mean
from fastinit.runtime.types import Array, Index

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor
    from typing_extensions import TypeIs

DTYPES: dict[torch.dtype, tuple[np.dtype[Any], torch.dtype | None]] = {
    getattr(torch, element.name): (
        ELEMENT_TYPES[element.name].dtype,
        None if element.library == "numpy" else getattr(torch, element.storage),
    )
    for element in ELEMENTS.values()
}
"""For each dtype of torch NumPy's; and, if NumPy itself has none, the integers that tensors are viewed as on the way."""
TORCH = Layout("oi")
CHUNK = 2**24  # elements that go to another device at a time
PLAIN_TYPES = {torch.Tensor, torch.nn.Parameter, getattr(torch.nn, "Buffer", torch.nn.Parameter)}  # Buffer: since torch 2.5
TENSOR_HOOKS = ("__torch_function__", "__torch_dispatch__")


def dtype_of(dtype: torch.dtype | str | None) -> torch.dtype | None:
    """torch's dtype for its name, as "bfloat16"; TypeError for one that fastinit does not draw."""
    if not isinstance(dtype, str):
        return dtype
    known = {str(known).removeprefix("torch."): known for known in DTYPES}
    if dtype not in known:
        hint = did_you_mean(dtype, {name: name for name in known})
        raise TypeError(f"dtype must be a torch.dtype or one of {', '.join(known)}, got {dtype!r}: {hint}".rstrip(": "))
    return known[dtype]


def is_dtensor(tensor: Tensor) -> TypeIs[DTensor]:
    """Whether it is a DTensor; torch.distributed is not imported to find out."""
    return hasattr(tensor, "_local_tensor") and hasattr(tensor, "placements")


def local(tensor: Tensor) -> Tensor:
    """The part of the tensor that is here: of a DTensor, this rank's shard."""
    return tensor._local_tensor if is_dtensor(tensor) else tensor


def is_plain(tensor: Tensor) -> bool:
    """Whether it has memory of its own with floats that fastinit draws, and is no meta, fake, wrapped or sparse tensor."""
    return (
        (type(tensor) in PLAIN_TYPES or _behaves_as_a_parameter(type(tensor)))
        and tensor.dtype in DTYPES
        and tensor.layout is torch.strided
        and not tensor.is_meta
        and not tensor.is_neg()
        and (torch.is_inference_mode_enabled() or not tensor.is_inference())
        and not is_functorch_wrapped_tensor(tensor)
        and (tensor.is_contiguous() or not _may_overlap_itself(tensor))
    )


def _behaves_as_a_parameter(kind: type) -> bool:
    """Whether it is a subclass of Parameter that only adds attributes or methods."""
    parameter = torch.nn.Parameter
    return issubclass(kind, parameter) and all(getattr(kind, hook) == getattr(parameter, hook) for hook in TENSOR_HOOKS)


def _may_overlap_itself(tensor: Tensor) -> bool:
    """Whether two elements may share memory: a stride is shorter than what the axes of smaller strides cover."""
    reach = 1
    for stride, n in sorted((stride, n) for stride, n in zip(tensor.stride(), tensor.shape) if n > 1):
        if stride < reach:
            return True
        reach += stride * (n - 1)
    return False


def is_fillable(tensor: Tensor) -> bool:
    """Whether `fill_` can fill it: a plain tensor, or a DTensor whose local part is one."""
    return is_plain(local(tensor))


def fill_(tensor: Tensor, of: Initializer | Distribution, stream: Stream, layout: Layout = TORCH) -> Tensor:
    """Fill a tensor that `is_fillable`; of a DTensor the local shard alone. Autograd sees only that its version rises.

    Values are those of the whole (global) tensor. Returns the tensor.
    """
    shape = tuple(tensor.shape)
    distribution = distribution_of(of, shape, layout)
    if is_dtensor(tensor):
        from fastinit.torch.sharded import local_index

        index = local_index(tensor)
        if index is not None:
            _write(tensor._local_tensor, distribution, shape, stream, index)
    else:
        _write(tensor, distribution, shape, stream, None)
    if not tensor.is_inference():  # those have no version
        torch.autograd.graph.increment_version(tensor)
    return tensor


def check_range(distribution: Distribution, dtype: torch.dtype) -> None:
    """ValueError for parameters beyond the range of the type that the distribution computes in for this dtype."""
    distribution.parameters(np.float64 if dtype is torch.float64 else np.float32)


def as_array(tensor: Tensor) -> Array:
    """The same memory as a NumPy array. Writing to it does not raise the tensor's version."""
    dtype, integers = DTYPES[tensor.dtype]
    tensor = tensor.detach()
    return tensor.numpy() if integers is None else tensor.view(integers).numpy().view(dtype)


def from_array(values: Array, dtype: torch.dtype) -> Tensor:
    """The same memory as a torch tensor of this dtype, whose elements the array has."""
    _, integers = DTYPES[dtype]
    if integers is None:
        return torch.from_numpy(values)
    return torch.from_numpy(values.view(f"u{values.itemsize}")).view(dtype)


def _write(tensor: Tensor, distribution: Distribution, shape: tuple[int, ...], stream: Stream, index: Index) -> None:
    dtype, _ = DTYPES[tensor.dtype]
    if tensor.device.type == "cpu":
        out = as_array(tensor)
        huge_pages.advise(out)  # torch does not, and its new tensors are often filled here for the first time
        fill(distribution, shape, seed=stream, dtype=dtype, out=out, index=index)
    elif index is not None or not distribution.is_elementwise:
        values = fill(distribution, shape, seed=stream, dtype=dtype, index=index)
        write_through(tensor, iter([values.reshape(-1)]))
    else:
        n = tensor.numel()
        parts = (slice(at, min(at + CHUNK, n)) for at in range(0, n, CHUNK))
        write_through(tensor, (fill(distribution, n, seed=stream, dtype=dtype, index=part) for part in parts))


def write_through(tensor: Tensor, chunks: Iterator[Array]) -> None:
    """Copy the chunks, one after the other, into a tensor on any device, in the order of its rows."""
    tensor = tensor.detach()
    rows = tensor if tensor.is_contiguous() else torch.empty_like(tensor, memory_format=torch.contiguous_format)
    flat, at = rows.view(-1), 0
    for chunk in chunks:
        values = from_array(chunk, tensor.dtype)
        if tensor.device.type == "cuda":
            values = values.pin_memory()
        flat[at : at + chunk.size].copy_(values)
        at += chunk.size
    if rows is not tensor:
        tensor.copy_(rows)
