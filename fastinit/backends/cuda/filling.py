"""Writes values of a stream to memory of a device: at positions along axes, or any."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.cuda import driver
from fastinit.backends.cuda.launches import Axis, Drawn, Integers, PlacesArguments, places_of, runs_of
from fastinit.backends.request import Parameters, Stream

BYTES_OF_PLACE = 25
"""At most, of a position that the kernel is sent: its lane, where that begins, its place, and its row."""


class Memory(NamedTuple):
    """An array in a GPU's memory; `stream` is CUDA's, in whose order it is written (0: the default one)."""

    pointer: int
    device: int
    stream: int


def fill_axes(
    kernel: str, stream: Stream, parameters: Parameters, origin: int, axes: Sequence[Axis], memory: Memory
) -> None:
    """Write a value for each combination along the axes, whose first position is `origin`."""
    with driver.on_device(memory.device):
        function = driver.kernel(memory.device, kernel, "runs", memory.stream)
        drawn, out = Drawn.of(stream, parameters), ctypes.c_void_p(memory.pointer)
        for runs in runs_of(origin, axes, KERNELS[kernel].words_per_value):
            driver.launch(function, runs.threads, memory.stream, (drawn, runs, out))


@contextmanager
def room_for(n: int, memory: Memory) -> Iterator[int]:
    """The address of memory on the device for n positions, which `fill_places` sends there. MemoryError without it."""
    with driver.on_device(memory.device), driver.reserved(BYTES_OF_PLACE * (n + 1), memory.stream) as address:
        yield address


def fill_places(
    kernel: str, stream: Stream, parameters: Parameters, positions: Integers, places: Integers, memory: Memory, room: int
) -> None:
    """Write the value of each position to its place, counted in elements. `room`: that for as many positions."""
    found = places_of(positions, places, KERNELS[kernel].words_per_value)
    sizes = [array.nbytes for array in found]
    addresses = [room + sum(sizes[:i]) for i in range(len(sizes))]
    with driver.on_device(memory.device):
        function = driver.kernel(memory.device, kernel, "places", memory.stream)
        driver.send(np.concatenate([array.view(np.uint8) for array in found]), room, memory.stream)
        drawn, out = Drawn.of(stream, parameters), ctypes.c_void_p(memory.pointer)
        groups = found.lanes.size
        driver.launch(function, groups, memory.stream, (drawn, PlacesArguments(groups, *addresses), out))


def repeat(value: NDArray[np.generic], n: int, memory: Memory) -> None:
    """Write the value of an array of one element n times, one after the other."""
    with driver.on_device(memory.device):
        driver.repeat(value, n, memory.pointer, memory.stream)


def copy(values: NDArray[np.generic], strides: Sequence[int], memory: Memory) -> None:
    """Copy values that were computed on the host to where they stand `strides` elements apart along each axis."""
    with driver.on_device(memory.device):
        driver.copy(values, strides, memory.pointer, memory.stream)


def wait(memory: Memory) -> None:
    """Until all that was started in its stream is done."""
    with driver.on_device(memory.device):
        driver.wait(memory.stream)
