"""The source of a kernel for GPUs: the headers of csrc/, each once, and the lines that define the kernel."""

from __future__ import annotations

from pathlib import Path

from fastinit.backends.catalogue import ELEMENTS, KERNELS, Kernel

C_TYPES = {"float32": "float", "float64": "double", "uint16": "uint16_t", "uint8": "uint8_t"}
PACKED = Path(__file__).parent / "kernels.h"
"""The headers in one file, which csrc/build.py writes: an installed package has no csrc/."""

KERNEL_NAMES = tuple(name for name, kernel in KERNELS.items() if kernel.distribution.fills_tensors)
"""The kernels that there are for GPUs: those of the distributions that fill tensors."""


def headers() -> str:
    """All that a kernel includes. FileNotFoundError where the package was not built."""
    return PACKED.read_text(encoding="utf-8")


def source(name: str) -> str:
    """What the compiler is given for a kernel of KERNEL_NAMES."""
    return f"{headers()}\nCUDA_KERNELS({arguments(KERNELS[name])})\n"


def arguments(kernel: Kernel) -> str:
    """A kernel as arguments of CUDA_KERNELS."""
    element = ELEMENTS[kernel.element]
    real = f"f{element.real.removeprefix('float')}"
    narrow = f"narrow_{element.name}" if kernel.is_rounded else "narrow_none"
    return f"{kernel.name}, {kernel.distribution.name}, {real}, {C_TYPES[element.storage]}, {narrow}"
