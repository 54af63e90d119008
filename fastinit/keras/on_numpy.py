"""NumPy arrays for Keras."""

from __future__ import annotations

from fastinit.keras.tensors import Request
from fastinit.runtime.types import Array


def tensor(request: Request, layout: None) -> Array:
    return request.values(request.next_source().stream())
