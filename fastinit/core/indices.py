"""Which positions an index asks for, as NumPy reads indexes: NumPy's guide, "Indexing on ndarrays"."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastinit.core.positions import Positions, Table, TruePlaces, row_major_steps, whole
from fastinit.runtime.types import Array


def wanted(shape: tuple[int, ...], index: Any) -> Positions:
    """Those of an index; without one all."""
    return whole(shape) if index is None else indexed(shape, index)


def entries(shape: tuple[int, ...], index: Any) -> tuple[Any, ...]:
    """An index as None, slices, ints and integer arrays, one of the last three for each axis; an Ellipsis is for none."""
    return tuple(_expanded(shape, _items(index)))


def _items(index: Any) -> tuple[Any, ...]:
    return tuple(_item(item) for item in (index if isinstance(index, tuple) else (index,)))


def indexed(shape: tuple[int, ...], index: Any) -> Positions:
    """The elements that NumPy's `full[index]` would give of an array of this shape; IndexError as NumPy raises it."""
    items = _items(index)
    if any(isinstance(item, np.ndarray) for item in items):
        return _advanced(shape, _expanded(shape, items, with_masks=sum(_is_advanced(item) for item in items) == 1))
    return _basic(shape, items)


def _item(item: Any) -> Any:
    """One entry of an index: None, Ellipsis, a slice, an int, or an array of integers or booleans."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, (bool, np.bool_)) or (isinstance(item, np.ndarray) and item.shape == () and item.dtype == bool):
        raise IndexError(f"index must not hold a single boolean, got {item!r}: use a boolean array, slices or integers")
    try:
        return operator.index(item)
    except TypeError:
        array = np.asarray(item)
    if not array.size and not isinstance(item, np.ndarray):
        return array.astype(np.intp)  # an empty list has no element type
    if array.dtype.kind not in "iub":
        raise IndexError(f"index must hold integers, slices, None, Ellipsis and integer or boolean arrays, got {item!r}")
    return array


def _basic(shape: tuple[int, ...], items: tuple[Any, ...]) -> Positions:
    """NumPy itself applies the index, to a dummy array of 1-byte elements whose memory is never read: its strides count."""
    dummy = as_strided(np.empty(1, np.uint8), shape, row_major_steps(shape))
    if Ellipsis not in items:
        items = (*items, Ellipsis)  # so that the result is an array, also of one element
    view = dummy[items]
    return Positions(view.shape, _address(view) - _address(dummy), view.strides)


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _advanced(shape: tuple[int, ...], entries: list[Any]) -> Positions:
    """NumPy's rules for arrays in an index: they broadcast together, and their axes go where they stood side by side,
    or first where a slice stood between them (NumPy's guide, "Combining advanced and basic indexing")."""
    steps = row_major_steps(shape)
    origin, axis = 0, 0
    lengths: list[int] = []  # of the slices' axes
    slice_steps: list[int] = []
    arrays: list[Array | TruePlaces] = []
    array_axes: list[int] = []
    places: list[tuple[int, int]] = []  # of each array: its place in the index, and how many slices stood before it
    for place, item in enumerate(entries):
        if item is Ellipsis:
            continue  # it stands for no axes, but arrays on either side of it are not side by side
        if item is None:
            lengths.append(1)
            slice_steps.append(0)
        elif isinstance(item, slice):
            start, stop, step = item.indices(shape[axis])
            lengths.append(len(range(start, stop, step)))
            slice_steps.append(step * steps[axis])
            origin += start * steps[axis]
            axis += 1
        elif _is_mask(item):
            axis += item.ndim
            arrays.append(TruePlaces(item))
            array_axes.append(axis - 1)
            places.append((place, len(lengths)))
        else:
            arrays.append(_checked(item, axis, shape[axis]))
            array_axes.append(axis)
            places.append((place, len(lengths)))
            axis += 1
    try:
        broadcast = np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = " ".join(str(array.shape) for array in arrays)
        raise IndexError(f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}") from None
    side_by_side = places[-1][0] - places[0][0] == len(places) - 1
    first = places[0][1] if side_by_side else 0
    last = first + len(broadcast)
    tables = []
    for array, axis in zip(arrays, array_axes):
        table = _table(array, range(first, last), broadcast, shape[axis], steps[axis])
        if table.array.ndim:
            tables.append(table)
        else:
            origin += int(table.look_up(np.newaxis)[0])
    return Positions(
        (*lengths[:first], *broadcast, *lengths[first:]),
        origin,
        (*slice_steps[:first], *(0 for _ in broadcast), *slice_steps[first:]),
        tuple(tables),
        array_axes=range(first, last),
    )


def _table(array: Array | TruePlaces, axes: range, broadcast: tuple[int, ...], length: int, step: int) -> Table:
    """The table of an array that broadcasts to these axes: over no more of them than along which it varies."""
    if isinstance(array, TruePlaces):
        return Table(axes.start, array, length, step)
    missing = len(broadcast) - array.ndim
    varying = [axis for axis, n in enumerate(array.shape) if n != 1]
    low, high = (varying[0], varying[-1] + 1) if varying else (0, 0)
    inside = array.reshape(array.shape[low:high])
    return Table(
        axes.start + missing + low, np.broadcast_to(inside, broadcast[missing + low : missing + high]), length, step
    )


def _expanded(shape: tuple[int, ...], items: tuple[Any, ...], with_masks: bool = False) -> list[Any]:
    """The entries with one for every axis, boolean arrays replaced by the integer arrays they stand for.

    An Ellipsis is replaced by slices, but stays where it stands for no axis. `with_masks`: boolean arrays stay too.
    """
    missing = len(shape) - sum(_axes(item) for item in items)
    if missing < 0:
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {len(shape) - missing} were indexed"
        )
    dots = [place for place, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = dots[0] if dots else len(items)
    entries: list[Any] = []
    axis = 0
    between: list[Any] = [slice(None)] * missing or list(items[at : at + len(dots)])
    for item in (*items[:at], *between, *items[at + len(dots) :]):
        if _is_mask(item):
            _check_mask(item, axis, shape)
        entries += item.nonzero() if _is_mask(item) and not with_masks else [item]
        axis += _axes(item)
    return entries


def _is_mask(item: Any) -> bool:
    return isinstance(item, np.ndarray) and item.dtype == np.bool_


def _is_advanced(item: Any) -> bool:
    return not (item is None or item is Ellipsis or isinstance(item, slice))


def _axes(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if _is_mask(item) else 1


def _check_mask(mask: Array, first: int, shape: tuple[int, ...]) -> None:
    for axis, n in enumerate(mask.shape, first):
        if shape[axis] != n:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis}; size of axis is {shape[axis]} "
                f"but size of corresponding boolean axis is {n}"
            )


def _checked(item: int | Array, axis: int, n: int) -> Array:
    """The integers as an array, once it is known that all are within an axis of length `n`."""
    array = np.asarray(item)
    for entry in (array.min(), array.max()) if array.size else ():
        if not -n <= entry < n:
            raise IndexError(f"index {entry} is out of bounds for axis {axis} with size {n}")
    return array
