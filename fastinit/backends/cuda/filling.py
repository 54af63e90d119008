"""Writes values of a stream to memory of a device: at positions along axes, or any."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.cuda import driver
from fastinit.backends.cuda.launches import Axis, Drawn, Integers, PlacesArguments, places_of, runs_of
from fastinit.backends.request import Parameters, Stream


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
        function = driver.kernel(memory.device, kernel, "runs")
        drawn, out = Drawn.of(stream, parameters), ctypes.c_void_p(memory.pointer)
        for runs in runs_of(origin, axes, KERNELS[kernel].words_per_value):
            driver.launch(function, runs.threads, memory.stream, (drawn, runs, out))


def fill_places(
    kernel: str, stream: Stream, parameters: Parameters, positions: Integers, places: Integers, memory: Memory
) -> None:
    """Write the value of each position to its place, counted in elements."""
    found = places_of(positions, places, KERNELS[kernel].words_per_value)
    with driver.on_device(memory.device), driver.uploaded(found, memory.stream) as addresses:
        function = driver.kernel(memory.device, kernel, "places")
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
