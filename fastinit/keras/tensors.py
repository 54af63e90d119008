"""Filled tensors of whatever backend Keras runs on."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

import keras

BACKENDS = {name: f"fastinit.keras.on_{name}" for name in ("jax", "torch", "tensorflow", "numpy")}
"""Each module's `tensor(distribution, shape, dtype, next_source, layout)` fills, and `placed(tensor, layout)` distributes."""


@cache
def backend() -> ModuleType:
    """The module of Keras' backend, which a process has one of."""
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise ValueError(f"Keras' backend must be one of {', '.join(BACKENDS)}, got {name!r}: set KERAS_BACKEND")
    return import_module(BACKENDS[name])


def check_no_layout(layout: object) -> None:
    """For the backends on which Keras lays out nothing."""
    if layout is not None:
        raise ValueError(f"layout must be None on Keras' backend {keras.backend.backend()!r}, got {layout!r}: use jax")
