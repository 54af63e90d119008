"""What the user chose through environment variables; the one place where fastinit reads them."""

from __future__ import annotations

import os

BACKEND, LEVEL, NUM_THREADS = "FASTINIT_BACKEND", "FASTINIT_LEVEL", "FASTINIT_NUM_THREADS"


def chosen_backend() -> str | None:
    return os.environ.get(BACKEND) or None


def chosen_level() -> str | None:
    return os.environ.get(LEVEL) or None


def chosen_num_threads() -> int | None:
    """ValueError where the variable is not a positive whole number."""
    text = os.environ.get(NUM_THREADS)
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{NUM_THREADS} must be a positive whole number, got {text!r}")
    return int(text)
