"""Fills on an NVIDIA GPU beside its memset and torch's fills, and a model: python -m bench.cuda [--fills | --model]

Fills of 1 GiB, timed by the device's events: medians of rounds of several calls, after some to warm up. The model is
Llama 2 7B in bfloat16, 13.5 GB: every tensor drawn by its name, by the wall clock, with the plan and the wait at the end.
Needs an NVIDIA GPU with 16 GB and the extra `cuda`; torch, built for CUDA, for its column.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

import fastinit
from bench import program
from bench.limits import GB
from bench.tables import print_table
from bench.timing import seconds
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.fill import fill
from fastinit.recipes import families

NBYTES = 2**30
WARM_UP, ROUNDS, CALLS = 3, 9, 10
MODEL, MODEL_DTYPE = "llama-2-7b", "bfloat16"
FILLS = {
    "uniform float32": (fastinit.uniform, "float32"),
    "normal float32": (fastinit.normal, "float32"),
    "truncated normal float32": (fastinit.truncated_normal, "float32"),  # within two standard deviations
    "uniform bfloat16": (fastinit.uniform, "bfloat16"),
    "normal bfloat16": (fastinit.normal, "bfloat16"),
    "normal float64": (fastinit.normal, "float64"),
}


class Gpu:
    """Device 0, in its default stream. RuntimeError that says why there is none."""

    def __init__(self) -> None:
        try:
            from cuda.bindings import driver

            self._driver: Any = driver
            self.call("cuInit", 0)
        except (ImportError, RuntimeError) as error:
            raise RuntimeError(f"needs an NVIDIA GPU and the extra cuda: {error}") from error
        device = self.call("cuDeviceGet", 0)
        self.name = self.call("cuDeviceGetName", 128, device).rstrip(b"\0").decode()
        self.call("cuCtxPushCurrent", self.call("cuDevicePrimaryCtxRetain", device))

    def call(self, name: str, *arguments: Any) -> Any:
        status, *values = getattr(self._driver, name)(*arguments)
        if int(status) != 0:
            raise RuntimeError(f"{name}: {status.name}")
        return values[0] if values else None

    def seconds(self, work: Callable[[], object]) -> float:
        """Of one of several calls, by the device's clock; the median of rounds."""
        events = [self.call("cuEventCreate", 0) for _ in "ab"]
        for _ in range(WARM_UP):
            work()
        found = []
        for _ in range(ROUNDS):
            self.call("cuEventRecord", events[0], 0)
            for _ in range(CALLS):
                work()
            self.call("cuEventRecord", events[1], 0)
            self.call("cuEventSynchronize", events[1])
            found.append(self.call("cuEventElapsedTime", *events) / 1000 / CALLS)
        return statistics.median(found)


class Memory:
    """An array in the device's memory."""

    def __init__(self, gpu: Gpu, shape: tuple[int, ...], dtype: str) -> None:
        element = ELEMENT_TYPES[dtype].dtype
        self._gpu, self.pointer = gpu, int(gpu.call("cuMemAlloc", max(1, math.prod(shape)) * element.itemsize))
        typestr = element.str if element.isbuiltin == 1 else f"<V{element.itemsize}"
        self.__cuda_array_interface__ = {
            "version": 3, "shape": shape, "strides": None, "typestr": typestr, "data": (self.pointer, False), "stream": None,
        }  # fmt: skip

    def __del__(self) -> None:
        self._gpu.call("cuMemFree", self.pointer)


def fills() -> None:
    gpu = Gpu()
    print(f"{gpu.name}, {NBYTES / 2**30:g} GiB")
    print_table(("fill", "ms", "GB/s", "of memset", "torch: ms", "torch / fastinit"), rows(gpu))


def rows(gpu: Gpu) -> Iterator[tuple[str, ...]]:
    out = Memory(gpu, (NBYTES // 4,), "float32")
    memset = gpu.seconds(partial(gpu.call, "cuMemsetD32Async", out.pointer, 0, NBYTES // 4, 0))
    yield "memset", f"{1000 * memset:.4g}", f"{NBYTES / memset / GB:.4g}", "1", "", ""
    torchs = fills_of_torch()
    for name, (make, dtype) in FILLS.items():
        n = NBYTES // np.dtype(ELEMENT_TYPES[dtype].dtype).itemsize
        out = Memory(gpu, (n,), dtype)
        taken = gpu.seconds(partial(make, n, seed=0, dtype=dtype, out=out))
        other = gpu.seconds(torchs[name](n)) if name in torchs else None
        beside = ("", "") if other is None else (f"{1000 * other:.4g}", f"{other / taken:.2f}")
        yield name, f"{1000 * taken:.4g}", f"{NBYTES / taken / GB:.4g}", f"{memset / taken:.2f}", *beside


def fills_of_torch() -> dict[str, Callable[[int], Callable[[], object]]]:
    """Makers of torch's fills of n elements, by the names of ours; none where torch has no device."""
    if not find_spec("torch"):
        return {}
    import torch

    if not torch.cuda.is_available():
        return {}
    init, single, half = torch.nn.init, partial(torch.empty, device="cuda"), torch.bfloat16
    return {
        "uniform float32": lambda n: partial(init.uniform_, single(n)),
        "normal float32": lambda n: partial(init.normal_, single(n)),
        "truncated normal float32": lambda n: partial(init.trunc_normal_, single(n)),
        "uniform bfloat16": lambda n: partial(init.uniform_, single(n, dtype=half)),
        "normal bfloat16": lambda n: partial(init.normal_, single(n, dtype=half)),
        "normal float64": lambda n: partial(init.normal_, single(n, dtype=torch.float64)),
    }


def model() -> None:
    """By the wall clock: at first, when kernels may have to be compiled, and the median of later rounds."""
    gpu, of = Gpu(), families.build(MODEL)
    memory = {spec.name: Memory(gpu, spec.shape, MODEL_DTYPE) for spec in of.tensors}

    def initialize() -> None:
        for planned in of.recipe.plan(of.tensors, layout="oi"):
            name, shape = planned.spec.name, planned.spec.shape
            fill(planned.distribution, shape, seed=0, name=name, dtype=MODEL_DTYPE, out=memory[name])
        gpu.call("cuCtxSynchronize")

    taken = {"first": seconds(initialize), "later": statistics.median(seconds(initialize) for _ in range(ROUNDS))}
    nbytes = sum(math.prod(spec.shape) for spec in of.tensors) * ELEMENT_TYPES[MODEL_DTYPE].dtype.itemsize
    print(f"{gpu.name}: {MODEL} in {MODEL_DTYPE} by name, {nbytes / GB:.3g} GB")
    print_table(("call", "seconds", "GB/s"), ((name, f"{s:.3g}", f"{nbytes / s / GB:.4g}") for name, s in taken.items()))


def main() -> None:
    try:
        Gpu()
    except RuntimeError as error:
        print(f"bench.cuda {error}")
        return
    program.main(__doc__, {"fills": fills, "model": model})


if __name__ == "__main__":
    main()
