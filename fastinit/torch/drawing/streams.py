"""Which stream a tensor is filled from: by its name within `init_`, else by torch's generators under `accelerate`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch.utils._python_dispatch import _disable_current_modes

from fastinit.backends import c_calls
from fastinit.core.stream import Stream, stream_of
from fastinit.runtime.forks import free_in_child
from fastinit.torch.drawing.by_memory import NamesByMemory


class Source(NamedTuple):
    """What an `accelerate` draws from, None for torch's default generator, and on which types of devices."""

    generator: torch.Generator | None
    devices: frozenset[str]


_names: ContextVar[NamesByMemory | None] = ContextVar("fastinit_names", default=None)
_sources: list[Source] = []  # one for each `accelerate` or `install` in force; the last one counts
_lock = free_in_child(threading.Lock())
_of_thread = threading.local()
_native = c_calls.native()  # which must know of what is in force (csrc/bindings/tensor_methods.c)
WORDS = (0, 2**32)  # the bounds of a stream's words


@contextmanager
def named(names: NamesByMemory | None) -> Iterator[None]:
    """Within the block, in this thread or task alone, tensors that `names` knows are filled from streams of their own."""
    token = _names.set(names)
    hold(1)
    try:
        yield
    finally:
        hold(-1)
        _names.reset(token)


def hold(change: int) -> None:
    """Where a block begins within which C must leave tensors to Python, 1; where it ends, -1."""
    if _native is not None:
        _native.hold_tensors(change)


def names() -> NamesByMemory | None:
    """What `named` has put in force in this thread or task."""
    return _names.get()


def drawn_from(generator: torch.Generator | None) -> Stream:
    """A new stream: four words drawn from a torch generator, by default the CPU's that `torch.manual_seed` seeds."""
    is_elsewhere = generator is not None and generator.device.type != "cpu"
    words = torch.empty(4, dtype=torch.int64, device=generator.device) if generator and is_elsewhere else _words()
    return Stream._make(words.random_(*WORDS, generator=generator).tolist())


def _words() -> torch.Tensor:
    """Memory for four words, one for each thread: to make a tensor each time takes longer than to draw."""
    found: torch.Tensor | None = getattr(_of_thread, "words", None)
    if found is None:
        found = _of_thread.words = new_words()
    return found


def new_words() -> torch.Tensor:
    """Memory for four words."""
    with torch.inference_mode(False), _disable_current_modes():
        return torch.empty(4, dtype=torch.int64, device="cpu")


def source_stream(generator: torch.Generator | None, device: str) -> Stream | None:
    """A stream for a tensor without a name; None where no `accelerate` for its device is in force: torch fills it."""
    with _lock:
        if not _sources or device not in _sources[-1].devices:
            return None
        innermost = _sources[-1].generator
    return drawn_from(innermost if generator is None else generator)


def is_source_for(device: str) -> bool:
    """Whether an `accelerate` is in force for this type of devices."""
    with _lock:
        return bool(_sources) and device in _sources[-1].devices


@contextmanager
def source(seed: int | None, devices: frozenset[str]) -> Iterator[None]:
    """Within the block streams for tensors on these devices are drawn, in all threads, from a generator with this seed, or
    from torch's default one.
    """
    entered = Source(None if seed is None else torch.Generator().manual_seed(_torch_seed(seed)), devices)
    with _lock:
        _sources.append(entered)
        _tell_c()
    try:
        yield
    finally:
        with _lock:
            del _sources[max(i for i, source in enumerate(_sources) if source is entered)]
            _tell_c()


def _tell_c() -> None:
    if _native is not None:
        innermost = _sources[-1] if _sources else Source(None, frozenset())
        options = {} if innermost.generator is None else {"generator": innermost.generator}
        _native.tensor_source(options if "cpu" in innermost.devices else None)


def _torch_seed(seed: int) -> int:
    """64 bits for a torch generator, from fastinit's stream of the seed: seeds of any size, and no two alike."""
    k0, k1, _, _ = stream_of(seed)
    return k1 << 32 | k0
