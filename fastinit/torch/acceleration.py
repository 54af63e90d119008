"""Makes fastinit draw what existing code initializes with torch: within a block, or from now on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager

import torch

from fastinit.core.device import has_kernels
from fastinit.runtime.installation import install_hint
from fastinit.runtime.switches import switch
from fastinit.torch.drawing import streams
from fastinit.torch.drawing.replacements import PATCH

_installed: list[AbstractContextManager[None]] = []  # the block of each `install` in force


@switch("fastinit.torch.accelerate()", "fastinit.torch.install()")
def accelerate(seed: int | None = None, devices: Collection[str] = ("cpu",)) -> Iterator[None]:
    """Within the block torch's random fills of tensors on `devices` are drawn by fastinit, in all threads of the process.

    That is all that in the end calls `Tensor.normal_`, `Tensor.uniform_` or `torch.nn.init.trunc_normal_`: `torch.nn.init`,
    the constructors of modules, Hugging Face's models, timm's `trunc_normal_`, under any name they were imported by.
    `torch.nn.init.orthogonal_` and `sparse_` are drawn too; code that has imported these two by name gets torch's algorithm
    on fastinit's normals.

    The distributions are torch's, the values are not. Each fill has a stream of four words, drawn from the block's own
    generator with `seed`, else from torch's default one. So `torch.manual_seed` determines the values, and the same calls
    in the same order give the same values, with any number of threads. Calls that are given a `generator=` of their own
    are torch's, to the bit: they ask for the values that it gives elsewhere too, as peft's VeRA does for its projections.
    Shards of DTensors are drawn from such a generator, as parts of the whole.

    Models of Hugging Face are drawn twice, as by torch: by the constructors of their layers, and by `_init_weights`. The
    first draw cannot be left out here, since code in between may read it where neither replaced functions nor torch's modes
    see it: in another thread, by compiled code or an extension, by address. `deferred` and `build`, whose tensors have no
    memory yet, draw each once.

    Values depend on the place in the tensor and not on the memory: a transposed or channels-last tensor gets those of
    a contiguous one. float8 tensors, and `orthogonal_` of any dtype, are filled too, where torch raises; with a std of 0,
    `trunc_normal_` gives the mean. Otherwise tensors' versions, and errors, are as in torch.

    `devices`: "cpu", "cuda", or both. On CUDA devices, which needs the extra `cuda`, streams are drawn as for the CPU,
    and the values are the CPU's. ImportError without the extra; ValueError for another
    name, and for "cuda" where torch is not built for CUDA.

    torch itself fills tensors on other devices, meta and fake tensors, subclasses, integers and complex numbers, those that
    require gradients in grad mode, those whose elements share memory, and whatever is compiled, traced, transformed by
    `torch.func` or watched by a mode. Blocks may nest and overlap: `seed` is that of the last one entered, and torch's
    functions are back after the last one has ended. TypeError or ValueError for a seed that is no int of at least 0.

    >>> import torch, fastinit.torch
    >>> with fastinit.torch.accelerate(seed=0):
    ...     layer = torch.nn.Linear(512, 512)
    >>> bool(layer.weight.abs().max() <= 512**-0.5)
    True
    """
    with streams.source(seed, _checked(devices)), PATCH:
        yield


def install(seed: int | None = None, devices: Collection[str] = ("cpu",)) -> None:
    """`accelerate` for the whole process from now on, until `uninstall` was called as often as `install`.

    >>> import torch, fastinit.torch
    >>> fastinit.torch.install(seed=0)
    >>> layer = torch.nn.Linear(512, 512)
    >>> fastinit.torch.uninstall()
    """
    block = accelerate(seed, devices)
    block.__enter__()
    _installed.append(block)


def uninstall() -> None:
    """Undo the last `install`. RuntimeError where there is none to undo.

    >>> import fastinit.torch
    >>> fastinit.torch.uninstall()
    Traceback (most recent call last):
    RuntimeError: uninstall() without install()
    """
    if not _installed:
        raise RuntimeError("uninstall() without install()")
    _installed.pop().__exit__(None, None, None)


def _checked(devices: Collection[str]) -> frozenset[str]:
    if isinstance(devices, str) or not devices or not {*devices} <= {"cpu", "cuda"}:
        raise ValueError(f"devices must be some of ('cpu', 'cuda'), got {devices!r}")
    if "cuda" in devices and torch.version.cuda is None:
        raise ValueError(f"devices has 'cuda', but this torch, {torch.__version__}, is not built for CUDA")
    if "cuda" in devices and not has_kernels():
        raise ImportError(f"devices has 'cuda', which needs fastinit's kernels for it: {install_hint('cuda')}")
    return frozenset(devices)
