"""`deferred`: constructs models on the meta device, and records how."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from fastinit.runtime import checks
from fastinit.runtime.switches import switch
from fastinit.torch.construction import functions
from fastinit.torch.construction.records import attach
from fastinit.torch.construction.tape import Tape
from fastinit.torch.drawing import recorder
from fastinit.torch.drawing.replacements import PATCH
from fastinit.torch.seeds import check_seed


@switch("fastinit.torch.deferred()")
def deferred(seed: int = 0, *, independent_copies: bool = False) -> Iterator[None]:
    """Within the block models are built on the meta device, without memory, and how they initialize themselves is kept.

    `init_(model, seed=...)` afterwards gives every tensor the distribution that construction gave it, from the stream of its
    name, on any sharding: what constructors, parents, `apply`, wrappers and the model's own methods do, in order.
    Plain modules, Hugging Face's `from_config`, timm's `create_model` and peft's `get_peft_model` need no change.

    - What is drawn once, also through arithmetic with numbers, is that distribution; parts may differ, as padding rows do.
    - Anything else is kept as the operations that computed it, which `init_` runs again for the whole tensor, on every rank
      that needs a part.
    - Copies stay copies: layers made by `deepcopy`, as those of `torch.nn.TransformerEncoder`, are equal here too. With
      `independent_copies` each is drawn from the stream of its own name.
    - A random value that construction looks at, as an index, is drawn at once from the construction's own stream, which
      `seed` determines; `init_` then takes that seed only. What a `torch.Generator` of the code's own draws stays so.
    - Tensors that construction makes of lists, NumPy arrays or loaded files have their values at once.
    - Code within the block, torch's own excepted, sees what the block makes on the CPU (`device`, `is_meta`, `is_cpu`), so
      that libraries leave nothing out; what came from the meta device stays there. Memory has no address: `data_ptr()` is 0.

    The record belongs to the modules: sharding, `to(dtype)`, compiling, `deepcopy`, wrapping and pickling leave it alone.
    What the block does not see has no record, and what changes a recorded tensor afterwards (`model.apply(my_init)`) is
    refused by `init_`, which names the tensor; writes by way of `.data`, or of a DTensor's `to_local()`, cannot be seen.
    A tensor put in another's place (`load_state_dict(assign=True)`) is filled as that one was to be: `init_missing_` keeps
    what was loaded.

    `torch.manual_seed` inside the block has no effect, and torch's generator is as before when it ends. The scope is the
    calling thread. RuntimeError for a block within a block; TypeError or ValueError for a seed that is no int of at least 0.

    >>> import torch, fastinit.torch
    >>> with fastinit.torch.deferred():
    ...     model = torch.nn.Linear(20, 9)
    ...     _ = torch.nn.init.trunc_normal_(model.weight, std=0.02)
    >>> print(fastinit.torch.init_(model, seed=0))
    weight  TruncatedNormal(std=0.02, low=-100.0, high=100.0)  (9, 20)
    bias    Uniform(low=-0.223607, high=0.223607)              (9,)
    2 tensors, 189 parameters, 756 bytes, float32
    """
    check_seed(seed)
    tape = Tape(seed, checks.boolean("independent_copies", independent_copies))
    if recorder.current() is not None:
        raise RuntimeError("deferred() within deferred(): one block records all that is constructed in it")
    recorder.set_current(tape)
    try:
        with torch.random.fork_rng(devices=()), PATCH, functions.PATCH, tape:
            yield
    finally:
        recorder.set_current(None)
    attach(tape)
