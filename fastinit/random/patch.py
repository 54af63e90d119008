"""Makes code written for NumPy use fastinit: replaces `numpy.random`'s functions, and puts them back exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastinit.random
from fastinit.runtime.scoped_patch import Replacement, ScopedPatch


def _replacements() -> Iterator[Replacement]:
    """The functions that both modules have. Classes stay NumPy's, so that isinstance tests keep their meaning."""
    for name in fastinit.random.__all__:
        original = getattr(np.random, name, None)
        if original is not None and not isinstance(original, type) and name != "get_bit_generator":
            yield np.random, name, getattr(fastinit.random, name)


_patch = ScopedPatch(_replacements)


def patch_numpy() -> ScopedPatch:
    """Replace `numpy.random.default_rng` and the functions of `numpy.random` by fastinit's, within a block or a function.

    `with patch_numpy(): ...`, `@patch_numpy()`, or `patch_numpy().install()` until `.uninstall()`. The scope is the process:
    all threads see it, blocks are counted, and the last one to end puts NumPy's functions back. Names that a program bound
    before (`from numpy.random import normal`) stay NumPy's, and so do RandomState and the bit generators. RuntimeError if
    `uninstall` is called more often than `install`.

    >>> with fastinit.patch_numpy():
    ...     np.random.seed(0)
    ...     np.random.normal(0.0, 0.02, 3)
    array([-0.0226476 , -0.04158995, -0.00367156])
    """
    return _patch
