"""Torch tensors as memory to fill: which ones can be, and how an initializer's values get into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from fastinit.backends.catalogue import ELEMENTS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.device import DeviceMemory, fill_device, has_kernels
from fastinit.core.division import in_order
from fastinit.core.dtypes import element_type
from fastinit.core.fill import fill
from fastinit.core.stream import Stream
from fastinit.distributions import Distribution, Uniform
from fastinit.initializers import Initializer, distribution_of
from fastinit.initializers.layouts import Layout
from fastinit.runtime import huge_pages
from fastinit.runtime.nearest import did_you_mean
from fastinit.runtime.types import Array, Index
from fastinit.torch.sharding.parts import is_part_tensor, local, part_of

DTYPES: dict[torch.dtype, tuple[np.dtype[Any], torch.dtype | None]] = {
    getattr(torch, element.name): (
        ELEMENT_TYPES[element.name].dtype,
        None if element.library == "numpy" else getattr(torch, element.storage),
    )
    for element in ELEMENTS.values()
}
"""For each dtype of torch NumPy's; and, if NumPy itself has none, the integers that tensors are viewed as on the way."""
TYPES = {
    dtype: (of_numpy if integers is None else np.dtype(f"u{of_numpy.itemsize}")).str
    for dtype, (of_numpy, integers) in DTYPES.items()
}
"""As the array interface names them: those that NumPy itself has, else unsigned integers."""
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
    """Whether `fill_` can fill it: a plain tensor, or one whose local part is a plain one."""
    return is_plain(local(tensor))


def fill_(
    tensor: Tensor, of: Initializer | Distribution, stream: Stream, layout: Layout = TORCH, *, is_fresh: bool = False
) -> Tensor:
    """Fill what is here of a tensor that `is_fillable`. Autograd sees only that its version rises.

    Values are those of the whole (global) tensor. `is_fresh`: whether nothing was written to its memory yet. Returns the
    tensor.
    """
    distribution, part = distribution_of(of, tuple(tensor.shape), layout), part_of(tensor)
    if part is not None:
        _write(local(tensor), distribution, part.shape, stream, part.index, is_fresh)
    if not tensor.is_inference():  # those have no version
        torch.autograd.graph.increment_version(local(tensor) if is_part_tensor(tensor) else tensor)
    return tensor


def check_range(distribution: Distribution, dtype: torch.dtype) -> None:
    """ValueError for parameters beyond the range of the type that the distribution computes in for this dtype, and for a
    uniform one's bounds beyond the dtype's own, which torch refuses too.
    """
    distribution.parameters(np.float64 if dtype is torch.float64 else np.float32)
    if isinstance(distribution, Uniform) and max(abs(distribution.low), abs(distribution.high)) > torch.finfo(dtype).max:
        raise ValueError(f"the bounds of {distribution} are beyond the range of {dtype}, {torch.finfo(dtype).max:g}")


def as_array(tensor: Tensor) -> Array:
    """The same memory as a NumPy array. Writing to it does not raise the tensor's version."""
    dtype, integers = DTYPES[tensor.dtype]
    array = np.asarray(_Memory(tensor))
    return array if integers is None else array.view(dtype)


class _Memory:
    """A tensor's memory for NumPy. (`tensor.numpy()` forbids resizing the memory for ever, as FSDP1 does to free it.)"""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor, size = tensor, tensor.dtype.itemsize  # kept alive
        self.__array_interface__ = {
            "version": 3,
            "data": (tensor.data_ptr(), False),
            "shape": tuple(tensor.shape),
            "strides": tuple([size * stride for stride in tensor.stride()]),
            "typestr": TYPES[tensor.dtype],
        }


def from_array(values: Array, dtype: torch.dtype) -> Tensor:
    """The same memory as a torch tensor of this dtype, whose elements the array has."""
    _, integers = DTYPES[dtype]
    if integers is None:
        return torch.from_numpy(values)
    return torch.from_numpy(values.view(f"u{values.itemsize}")).view(dtype)


def _write(
    tensor: Tensor,
    distribution: Distribution,
    shape: tuple[int, ...],
    stream: Stream,
    index: Index,
    is_fresh: bool = False,
) -> None:
    dtype, _ = DTYPES[tensor.dtype]
    if tensor.device.type == "cpu":
        out = as_array(tensor)
        huge_pages.advise(out)  # torch does not, and its new tensors are often filled here for the first time
        fill(distribution, shape, seed=stream, dtype=dtype, out=out, index=index, is_fresh=is_fresh)
    elif tensor.device.type == "cuda" and draws_on_cuda():
        cuda_stream = torch.cuda.current_stream(tensor.device).cuda_stream
        memory = DeviceMemory(as_array(tensor), tensor.device.index, cuda_stream)
        fill_device(distribution, shape, stream, element_type(dtype), index, memory, fill)
    else:
        parts = [index] if index is not None else (box.slices for box in in_order(distribution, shape, CHUNK))
        chunks = (fill(distribution, shape, seed=stream, dtype=dtype, index=part).reshape(-1) for part in parts)
        write_through(tensor, chunks)


def draws_on_cuda() -> bool:
    """Whether there are kernels for what torch calls "cuda", which also AMD's GPUs are."""
    return torch.version.cuda is not None and has_kernels()


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
