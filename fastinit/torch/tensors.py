"""Torch tensors as memory to fill: which ones can be, and how an initializer's values get into them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from fastinit.backends.catalogue import ELEMENTS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.fill import fill
from fastinit.core.stream import Stream
from fastinit.distributions import Distribution, WholeTensor
from fastinit.initializers import Initializer
from fastinit.initializers.layouts import Layout
from fastinit.runtime import huge_pages

DTYPES = {
    getattr(torch, element.name): (
        ELEMENT_TYPES[element.name].dtype,
        None if element.library == "numpy" else getattr(torch, element.storage),
    )
    for element in ELEMENTS.values()
}
"""By torch's dtype: NumPy's, and the integers that pass for it on the way where NumPy itself has no such type."""
TORCH = Layout("oi")
CHUNK = 2**24  # elements that go to another device at a time
_PLAIN = {torch.Tensor, torch.nn.Parameter, getattr(torch.nn, "Buffer", torch.nn.Parameter)}  # Buffer: since torch 2.5


def is_dtensor(tensor: Tensor) -> bool:
    """Whether it is a DTensor; torch.distributed is not imported to find out."""
    return hasattr(tensor, "_local_tensor") and hasattr(tensor, "placements")


def local(tensor: Tensor) -> Tensor:
    """What of it is here: of a DTensor, this rank's shard."""
    return tensor._local_tensor if is_dtensor(tensor) else tensor


def is_plain(tensor: Tensor) -> bool:
    """Whether it is a tensor with memory of its own that holds floats we draw: no meta, fake, wrapped or sparse one."""
    return (
        (type(tensor) in _PLAIN or _is_parameter_by_another_name(type(tensor)))
        and tensor.dtype in DTYPES
        and tensor.layout is torch.strided
        and not tensor.is_meta
        and not tensor.is_neg()
        and (torch.is_inference_mode_enabled() or not tensor.is_inference())
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        and (tensor.is_contiguous() or not _may_overlap_itself(tensor))
    )


def _is_parameter_by_another_name(kind: type) -> bool:
    """A subclass of Parameter that behaves as such: it only bears marks or methods."""
    hooks = ("__torch_function__", "__torch_dispatch__")
    return issubclass(kind, torch.nn.Parameter) and all(
        getattr(kind, hook) == getattr(torch.nn.Parameter, hook) for hook in hooks
    )


def _may_overlap_itself(tensor: Tensor) -> bool:
    """Whether two elements may share memory: an axis steps less far than the axes of smaller steps reach."""
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
    """Fill a tensor that `is_fillable`, past autograd but for its version; of a DTensor the local shard alone.

    `of`: an initializer, or a distribution. Values are those of the whole (global) tensor. Returns the tensor.
    """
    shape = tuple(tensor.shape)
    distribution = of.distribution_for(shape, layout=layout) if isinstance(of, Initializer) else of
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
    if not isinstance(distribution, WholeTensor):
        distribution.parameters(np.float64 if dtype is torch.float64 else np.float32)


def as_array(tensor: Tensor) -> np.ndarray:
    """The same memory as a NumPy array. Writing to it does not raise the tensor's version."""
    dtype, storage = DTYPES[tensor.dtype]
    tensor = tensor.detach()
    return tensor.numpy() if storage is None else tensor.view(storage).numpy().view(dtype)


def from_array(values: np.ndarray, dtype: torch.dtype) -> Tensor:
    """The same memory, of our dtype, as a torch tensor of this one."""
    _, storage = DTYPES[dtype]
    if storage is None:
        return torch.from_numpy(values)
    return torch.from_numpy(values.view(f"u{values.itemsize}")).view(dtype)


def _write(tensor: Tensor, distribution: Distribution, shape: tuple[int, ...], stream: Stream, index: tuple | None) -> None:
    dtype, _ = DTYPES[tensor.dtype]
    if tensor.device.type == "cpu":
        out = as_array(tensor)
        huge_pages.advise(out)  # torch does not, and its new tensors are often filled here for the first time
        fill(distribution, shape, seed=stream, dtype=dtype, out=out, index=index)
    elif index is not None or isinstance(distribution, WholeTensor):
        values = fill(distribution, shape, seed=stream, dtype=dtype, index=index)
        write_through(tensor, iter([values.reshape(-1)]))
    else:
        n = tensor.numel()
        cuts = (slice(at, min(at + CHUNK, n)) for at in range(0, n, CHUNK))
        write_through(tensor, (fill(distribution, n, seed=stream, dtype=dtype, index=cut) for cut in cuts))


def write_through(tensor: Tensor, chunks: Iterator[np.ndarray]) -> None:
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
