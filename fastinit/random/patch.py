"""Makes code written for NumPy use fastinit: replaces `numpy.random`'s functions, and puts them back exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import fastinit.random
from fastinit.random.random_state import RandomState, State
from fastinit.runtime.scoped_patch import Replacement, ScopedPatch, Use

_hidden: Any = np.random.mtrand._rand  # NumPy's own, which scipy and scikit-learn draw from
_global = RandomState(fastinit.random.get_bit_generator())  # what draws in place of it


class GlobalState(tuple[Any, ...]):
    """The tuple that NumPy's `get_state` gives of its hidden RandomState, with the place of fastinit's stream."""

    stream: Mapping[str, Any] | None = None


def seed(seed: Any = None) -> None:
    """Seed fastinit's stream and NumPy's hidden RandomState."""
    if _is_ours():
        _hidden.seed(seed)  # raises where NumPy refuses it
    _global.seed(seed)


def get_state(legacy: bool = True) -> Any:
    """Where both stand, in NumPy's forms, a tuple or a dictionary."""
    if not _is_ours():
        return _global.get_state(legacy)
    if not legacy:
        return {**_hidden.get_state(legacy=False), "fastinit": _global.get_state(legacy=False)}
    state = GlobalState(_hidden.get_state())
    state.stream = _global.get_state(legacy=False)
    return state


def set_state(state: State) -> None:
    """Return to where `get_state` was called; with a state of NumPy's own, fastinit's stream is the one that it seeds."""
    if _is_ours() and (state["bit_generator"] if isinstance(state, Mapping) else state[0]) != "TiledXoshiro128":
        _hidden.set_state(state)  # raises where NumPy refuses it
    stream = state.get("fastinit") if isinstance(state, Mapping) else getattr(state, "stream", None)
    _global.set_state(stream or state)


def get_bit_generator() -> np.random.BitGenerator:
    """What the functions draw from."""
    return _global._bit_generator


def set_bit_generator(bitgen: np.random.BitGenerator) -> None:
    """Let the functions draw from another bit generator, until the patch ends."""
    _global._start(bitgen)


def _is_ours() -> bool:
    """Whether the functions draw from fastinit's stream: nobody has set another bit generator."""
    return _global._generator is not None


_SPECIAL = {
    "default_rng": fastinit.random.default_rng,
    "ranf": _global.random_sample,
    "sample": _global.random_sample,
    **{of.__name__: of for of in (seed, get_state, set_state, get_bit_generator, set_bit_generator)},
}


def _replacements() -> Iterator[Replacement]:
    """All functions of numpy.random. Classes stay NumPy's, so that isinstance tests keep their meaning."""
    _global._start(fastinit.random.get_bit_generator())
    for name in {*np.random.__all__, *_SPECIAL}:
        original = getattr(np.random, name, None)
        if original is not None and not isinstance(original, type):
            yield np.random, name, _SPECIAL[name] if name in _SPECIAL else getattr(_global, name)


_patch = ScopedPatch(_replacements)


def patch_numpy() -> Use:
    """Replace `numpy.random.default_rng` and the functions of `numpy.random` by fastinit's, within a block or a function.

    `with patch_numpy(): ...`, `@patch_numpy()`, or `patch_numpy().install()` until `patch_numpy().uninstall()`; by itself
    the call replaces nothing, and warns of that. The scope is the process: all threads see it, blocks are counted, and the
    last one to end puts NumPy's functions back. Names that a program bound before (`from numpy.random import normal`) stay
    NumPy's, and so do RandomState, the bit generators, and the hidden RandomState that scipy and scikit-learn draw from:
    `numpy.random.seed` and `set_state` set it too. The legacy functions keep their own arguments and errors
    (`fastinit.random.RandomState`). RuntimeError if `uninstall` is called more often than `install`.

    >>> with fastinit.patch_numpy():
    ...     np.random.seed(0)
    ...     np.random.normal(0.0, 0.02, 3)
    array([-0.0226476 , -0.04158995, -0.00367156])
    """
    return Use(_patch, "fastinit.patch_numpy()")
