"""Parts of tensors: which box of a whole a view is, and which elements of a storage it reaches."""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from fastinit.distributions.boxes import Box
from fastinit.torch.construction.steps import Ref


def part_of(ref: Ref, box: Box) -> Ref:
    """The tensor that is this box of another."""
    if box.shape == ref.size:
        return ref
    offset = ref.offset + sum(first * stride for first, stride in zip(box.start, ref.stride, strict=True))
    return ref._replace(size=box.shape, offset=offset)


def box_of(part: Ref, whole: Ref) -> Box | None:
    """The box of `whole` that a view of it is; None where it is none, as every second row or a transposed part."""
    if part.dtype != whole.dtype or part.storage != whole.storage:
        return None
    start, left = [0] * len(whole.size), part.offset - whole.offset
    for axis in sorted(range(len(whole.size)), key=lambda axis: -whole.stride[axis]):
        if whole.size[axis] > 1 and whole.stride[axis]:
            start[axis], left = divmod(left, whole.stride[axis])
    if left:
        return None
    shape = [1] * len(whole.size)
    axes = iter(range(len(whole.size)))
    for length, stride in zip(part.size, part.stride, strict=True):
        if length == 1:
            continue
        found = next((axis for axis in axes if whole.stride[axis] == stride and whole.size[axis] > 1), None)
        if found is None:
            return None
        shape[found] = length
    if any(first < 0 or first + length > n for first, length, n in zip(start, shape, whole.size, strict=True)):
        return None
    return Box(tuple(start), tuple(shape)) if math.prod(shape) == part.numel else None


def is_injective(ref: Ref) -> bool:
    """Whether no two elements share memory, as they do in an expanded tensor."""
    return _is_injective(ref.size, ref.stride)


def _is_injective(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    reach = 1
    for along, n in sorted((along, n) for along, n in zip(stride, size, strict=True) if n > 1):
        if along < reach:
            return False
        reach += along * (n - 1)
    return True


@lru_cache(maxsize=4096)
def dense_bytes(dtype: torch.dtype, size: tuple[int, ...], stride: tuple[int, ...]) -> int | None:
    """The bytes of a tensor whose elements, in some order of the axes, follow each other in memory without gaps or overlaps;
    None for others.
    """
    numel, reach = math.prod(size), sum(along * (n - 1) for along, n in zip(stride, size, strict=True)) + 1
    return numel * dtype.itemsize if numel == 0 or (reach == numel and _is_injective(size, stride)) else None


def may_overlap(a: Ref, b: Ref) -> bool:
    """Whether two tensors of one storage may share elements: the stretches of memory that they span do."""
    return _first_byte(a) < _last_byte(b) and _first_byte(b) < _last_byte(a)


def are_apart(a: Ref, b: Ref, whole: Ref) -> bool:
    """Whether two views of one storage have no element in common; `whole`: a tensor that they may be boxes of."""
    if a.storage != b.storage:
        return False
    boxes = box_of(a, whole), box_of(b, whole)
    if boxes[0] is not None and boxes[1] is not None:
        return boxes[0].within(boxes[1]).size == 0
    return not may_overlap(a, b)


def same_elements(a: Ref, b: Ref) -> bool:
    """Whether both have the same elements in the same order."""
    if a == b:
        return True
    return (a.storage, a.dtype, a.offset) == (b.storage, b.dtype, b.offset) and _strides(a) == _strides(b)


def _strides(ref: Ref) -> list[tuple[int, int]]:
    return [(n, stride) for n, stride in zip(ref.size, ref.stride, strict=True) if n != 1]


def _first_byte(ref: Ref) -> int:
    return ref.offset * ref.dtype.itemsize


def _last_byte(ref: Ref) -> int:
    reach = sum(stride * (n - 1) for stride, n in zip(ref.stride, ref.size, strict=True)) + 1 if ref.numel else 0
    return (ref.offset + reach) * ref.dtype.itemsize
