"""What records the construction of models in this thread, where `deferred()` is in force."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from fastinit.distributions import Distribution
from fastinit.initializers import Initializer
from fastinit.torch.drawing.streams import hold


class Recorder(Protocol):
    """Takes the fills of tensors that torch's functions ask for (`fastinit.torch.construction.tape`)."""

    def filled(
        self,
        tensor: Tensor,
        make: Callable[[], Initializer | Distribution],
        generator: torch.Generator | None,
        stock: partial[Tensor],
    ) -> Tensor:
        """The tensor; the fill was noted, or made where the tensor has memory."""
        ...


class _Current(threading.local):
    recorder: Recorder | None = None


THREAD = _Current()


def current() -> Recorder | None:
    """The recorder in force in this thread."""
    return THREAD.recorder


def set_current(recorder: Recorder | None) -> None:
    """Put a recorder in force in this thread, or none."""
    hold((recorder is not None) - (THREAD.recorder is not None))
    THREAD.recorder = recorder
