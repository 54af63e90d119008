"""Runs a model and leaves it as it was: hooks, modes, buffers, gradients, the states of the random generators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from fastinit.core.stream import stream_of


@contextmanager
def untouched(model: nn.Module, seed: int) -> Iterator[None]:
    """Within the block torch's generators are seeded by `seed`; at its end, also after an error, all is as before.

    That is buffers (the running statistics of BatchNorm), `.grad` of parameters, each module's mode, torch's generators of
    the CPU and of the devices that the model is on, and the fast path of attention, which runs no hooks and is off within.
    """
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    modes = [(part, part.training) for part in model.modules()]
    devices = sorted({t.device.index for t in model.parameters() if t.device.type == "cuda" and t.device.index is not None})
    fast_path = torch.backends.mha.get_fastpath_enabled()
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(stream_of(seed).k0)
            torch.backends.mha.set_fastpath_enabled(False)
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for part, mode in modes:
            part.training = mode
