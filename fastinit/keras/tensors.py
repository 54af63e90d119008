"""Filled tensors of whatever backend Keras runs on."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, cast

import keras

from fastinit.core.fill import fill
from fastinit.runtime.forks import without_forks

BACKENDS = {name: f"fastinit.keras.on_{name}" for name in ("jax", "torch", "tensorflow", "numpy")}

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastinit.core.stream import Stream
    from fastinit.distributions import Distribution
    from fastinit.keras.seeds import Source
    from fastinit.runtime.types import Array

    Tensor: TypeAlias = Any  # a tensor of Keras' backend; the backends have no type in common


class Request(NamedTuple):
    """The tensor that is asked for. `next_source` is called once where values are drawn, else not at all."""

    distribution: Distribution
    shape: tuple[int, ...]
    dtype: str
    next_source: Callable[[], Source]

    def values(self, stream: Stream) -> Array:
        """The values as an array of NumPy."""
        return fill(self.distribution, self.shape, seed=stream, dtype=self.dtype)


class Backend(Protocol):
    """What the module of a Keras backend offers."""

    def tensor(self, request: Request, layout: Any) -> Tensor:
        """The tensor, filled, or in traced code what fills it later. `layout` is None but on jax (`backend`)."""


def backend(layout: object = None) -> Backend:
    """The module of Keras' backend. ValueError for a backend that has none, and for a layout on all but jax."""
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise ValueError(f"Keras' backend must be one of {', '.join(BACKENDS)}, got {name!r}: set KERAS_BACKEND")
    if layout is not None and name != "jax":
        raise ValueError(f"layout must be None on Keras' backend {name!r}, got {layout!r}: use jax")
    with without_forks():
        return cast(Backend, import_module(BACKENDS[name]))
