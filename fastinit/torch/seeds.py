"""The seeds of what is drawn for a model, on every rank the same."""

from __future__ import annotations

from fastinit.core.stream import stream_of


def check_seed(seed: int) -> None:
    """TypeError or ValueError for what is no seed, as None, which elsewhere means fresh entropy."""
    if seed is None:
        raise TypeError("seed must be an int, got None: every rank would draw a model of its own; draw one, and share it")
    stream_of(seed)  # raises for an invalid seed
