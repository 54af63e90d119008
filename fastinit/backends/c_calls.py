"""Common calls answered in C, without running Python code that would take longer than they do: csrc/bindings/calls.h."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastinit.backends.extensions import bound


@cache
def native() -> Any:
    """The extension, bound to the kernels; None where one of the two is not built, as for free-threaded interpreters."""
    return bound("_calls", ("fi_fill_axes", "fi_fill_many"))
