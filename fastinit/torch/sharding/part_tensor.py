"""A plain tensor that is a part of a larger one, which stands for the whole while the module's tensors are filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from fastinit.runtime.types import Array
from fastinit.torch.sharding.indices import index_of, is_run
from fastinit.torch.sharding.parts import Part, is_part_tensor

aten = torch.ops.aten
OVERWRITING = {"normal_", "uniform_", "bernoulli_", "random_", "exponential_", "log_normal_", "cauchy_", "geometric_"}


class PartTensor(Tensor):
    """A tensor of the whole's shape and strides, of which only a part has memory: what is written to it goes there.

    So code that looks at shapes, to count fans for instance, sees those of the whole, and a fill draws the part's values.
    Views by select, slice, unbind and split are such tensors too. NotImplementedError for what needs the rest of the values.
    """

    _local_tensor: Tensor
    whole_name: str
    part: Part | None
    """None for a view that has no element of the part: its memory is a placeholder."""
    part_by_axis: tuple[Array, ...] | None
    """The indices of the part along each axis, if it is of that kind."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # as torch's own subclasses do

    @staticmethod
    def __new__(
        cls,
        local: Tensor,
        name: str,
        part: Part | None,
        by_axis: Sequence[Array] | None,
        shown: Tensor,
    ) -> PartTensor:
        """`shown`: a tensor of the whole's shape, strides and offset."""
        made: PartTensor = Tensor._make_wrapper_subclass(
            cls,
            shown.shape,
            strides=shown.stride(),
            storage_offset=shown.storage_offset(),
            dtype=local.dtype,
            device=local.device,
            requires_grad=local.requires_grad,
        )
        made._local_tensor, made.whole_name, made.part = local, name, part
        made.part_by_axis = None if by_axis is None else tuple(by_axis)
        return made

    @classmethod
    def of(cls, local: Tensor, name: str, part: Part, by_axis: Sequence[Array] | None) -> PartTensor:
        """The whole tensor of this name, whose part `local` is."""
        made = cls(local, name, part, by_axis, torch.empty(part.shape, device="meta"))
        vars(made).update(vars(local))  # marks that others have set
        if isinstance(local, nn.Parameter):
            vars(made)["_is_param"] = True  # isinstance(made, nn.Parameter) looks at it
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]  # a class's parameter of no name
        return f"PartTensor({self.whole_name}, shape={tuple(self.shape)}, part={self.part})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch's own annotation lacks `func`
        cls, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs, tensor = kwargs or {}, args[0] if args else None
        if not is_part_tensor(tensor):
            raise _refusal(func, next(a for a in (*args, *kwargs.values()) if is_part_tensor(a)))
        if func in VIEWS:
            return VIEWS[func](tensor, *args[1:], **kwargs)
        if func is aten.copy_.default:
            return _copied(tensor, args[1], func)
        if func._opname in OVERWRITING:  # drawn by torch, as a whole
            return _copied(tensor, func(_empty(tensor), *args[1:], **kwargs), func)
        if func._opname.endswith("_like"):
            return func(_empty(tensor), *args[1:], **kwargs)
        elementwise = torch.Tag.pointwise in func.tags or func._opname in ("fill_", "zero_")
        others = [a for a in (*args[1:], *kwargs.values()) if isinstance(a, Tensor)]
        if elementwise and func._schema.is_mutable and all(other.ndim == 0 for other in others):
            func(tensor._local_tensor, *args[1:], **kwargs)
            return tensor
        raise _refusal(func, tensor)


def _refusal(func: OpOverload, tensor: PartTensor) -> NotImplementedError:
    return NotImplementedError(
        f"{func} of {tensor.whole_name} needs all values of the tensor of shape {tuple(tensor.shape)}, of which a part "
        f"is here: skip {tensor.whole_name}, or initialize it by a Recipe"
    )


def _empty(tensor: PartTensor) -> Tensor:
    """A plain tensor like the whole one."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device)


def _copied(tensor: PartTensor, source: Tensor, func: OpOverload) -> PartTensor:
    """The tensor, its part filled from a whole one, or from an equal part."""
    if is_part_tensor(source):
        if source.part is None or tensor.part is None or not _same_part(tensor, source):
            raise _refusal(func, tensor)
        tensor._local_tensor.copy_(source._local_tensor)
    elif tensor.part is not None:
        whole: Any = source.expand(tensor.shape)
        tensor._local_tensor.copy_(whole if tensor.part.index is None else whole[tensor.part.index])
    return tensor


def _same_part(a: PartTensor, b: PartTensor) -> bool:
    if a.part_by_axis is None or b.part_by_axis is None or a.shape != b.shape:
        return False
    return all(map(np.array_equal, a.part_by_axis, b.part_by_axis))


# ---- views ----


def _alias(tensor: PartTensor) -> PartTensor:
    return PartTensor(tensor._local_tensor.detach(), tensor.whole_name, tensor.part, tensor.part_by_axis, _shown(tensor))


def _select(tensor: PartTensor, dim: int, index: int) -> PartTensor:
    axis, by_axis, local = dim % tensor.ndim, _by_axis(tensor, aten.select.int), tensor._local_tensor
    places = np.flatnonzero(by_axis[axis] == index % tensor.shape[axis])
    rest = [indices for i, indices in enumerate(by_axis) if i != axis]
    is_here = tensor.part is not None and len(places) > 0
    if is_here:
        view = local.select(axis, int(places[0]))
    else:
        view = local.new_full([len(indices) for indices in rest], torch.nan if local.is_floating_point() else 0)
    return _view(tensor, view, rest, _shown(tensor).select(dim, index), is_here=is_here)


def _slice(tensor: PartTensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> PartTensor:
    axis, by_axis = dim % tensor.ndim, _by_axis(tensor, aten.slice.Tensor)
    taken = range(tensor.shape[axis])[slice(start, end, step)]
    places = np.flatnonzero(np.isin(by_axis[axis], taken))
    apart = int(places[1] - places[0]) if len(places) > 1 else 1
    if not is_run(places, apart):
        raise _refusal(aten.slice.Tensor, tensor)
    here = slice(int(places[0]), int(places[-1]) + 1, apart) if len(places) else slice(0, 0)
    kept = [(indices[here] - taken.start) // step if i == axis else indices for i, indices in enumerate(by_axis)]
    before = (slice(None),) * axis
    in_view, in_whole = (*before, here), (*before, slice(taken.start, taken.stop, step))
    view, shown = tensor._local_tensor[in_view], _shown(tensor)[in_whole]
    return _view(tensor, view, kept, shown, is_here=tensor.part is not None)


def _unbind(tensor: PartTensor, dim: int = 0) -> list[PartTensor]:
    return [_select(tensor, dim, i) for i in range(tensor.shape[dim])]


def _split(tensor: PartTensor, split_size: int | Sequence[int], dim: int = 0) -> list[PartTensor]:
    n = tensor.shape[dim]
    sizes = [split_size] * -(-n // split_size) if isinstance(split_size, int) else split_size
    ends = np.cumsum(sizes).tolist()
    return [_slice(tensor, dim, end - size, min(end, n)) for size, end in zip(sizes, ends)]


VIEWS: dict[OpOverload, Any] = {
    aten.detach.default: _alias,
    aten.alias.default: _alias,
    aten.select.int: _select,
    aten.slice.Tensor: _slice,
    aten.unbind.int: _unbind,
    aten.split.Tensor: _split,
    aten.split_with_sizes.default: _split,
}
"""For each operation that gives views whose part of the whole is known, the function that gives them."""


def _by_axis(tensor: PartTensor, func: OpOverload) -> tuple[Array, ...]:
    if tensor.part_by_axis is None:
        raise _refusal(func, tensor)
    return tensor.part_by_axis


def _shown(tensor: PartTensor) -> Tensor:
    """A tensor without memory of the same shape, strides and offset."""
    return torch.empty(0, device="meta").as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())


def _view(tensor: PartTensor, view: Tensor, by_axis: list[Array], shown: Tensor, *, is_here: bool) -> PartTensor:
    part = Part(tuple(shown.shape), index_of(by_axis)) if is_here else None
    return PartTensor(view, tensor.whole_name, part, by_axis, shown)
