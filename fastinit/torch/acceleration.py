"""Makes code that initializes with torch fast as it stands: a block, or from now on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fastinit.torch import replacements as intercept
from fastinit.torch import streams

_installed: list[torch.Generator | None] = []


@contextmanager
def accelerate(seed: int | None = None) -> Iterator[None]:
    """Within the block, in all threads, torch's random fills of CPU tensors are drawn by fastinit.

    That is whatever ends in `Tensor.normal_`, `Tensor.uniform_` or `torch.nn.init.trunc_normal_`: `torch.nn.init`, the
    constructors of modules, Hugging Face's, under any name they were imported by; and `torch.nn.init.orthogonal_` and
    `sparse_`, of which names that were imported before keep torch's algorithm, with our normals. The distributions are torch's, the
    values are not. Each fill takes the stream of four words drawn from `generator=` where one is given, else from
    a generator of this block's own with `seed`, else from torch's default one: so `torch.manual_seed` governs, and the same
    calls in the same order give the same values, however many threads fastinit uses.

    Values depend on the place in the tensor and not on the memory: a transposed or channels-last tensor gets those of
    a contiguous one. Tensors of float8, and `orthogonal_` of any dtype, are filled too, where torch raises; and where std is
    0, `trunc_normal_` gives the mean. Versions are raised as by torch, and torch raises what it raises without us.

    Left to torch: tensors on other devices, meta and fake tensors, subclasses, integers and complex numbers, what asks for
    gradients in grad mode, elements that share memory, and whatever is compiled, traced, transformed by `torch.func` or
    watched by a mode. Blocks may nest and overlap; `seed` is that of the last one entered. After the last one all is as it
    was.
    """
    source = streams.push_source(seed)
    intercept.enter()
    try:
        yield
    finally:
        intercept.leave()
        streams.remove_source(source)


def install(seed: int | None = None) -> None:
    """`accelerate` from now on, until `uninstall` was called as often as this."""
    _installed.append(streams.push_source(seed))
    intercept.enter()


def uninstall() -> None:
    """Undo the last `install`. RuntimeError where there is none."""
    if not _installed:
        raise RuntimeError("uninstall() without install()")
    intercept.leave()
    streams.remove_source(_installed.pop())
