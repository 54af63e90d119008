"""Makes code written for NumPy use fastinit: replaces `numpy.random`'s functions, and puts them back exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import fastinit.random
from fastinit.random.random_state import RandomState, State
from fastinit.runtime.scoped_patch import Replacement, ScopedPatch, Use

_hidden: Any = np.random.mtrand._rand  # NumPy's own, which scipy and scikit-learn draw from
_seed_hidden = np.random.seed
_swap_hidden = getattr(np.random, "set_bit_generator", None)  # from NumPy 1.24 on
_hidden_bit_generator: Any = None  # that of the hidden one while the patch is in force
_global = RandomState(fastinit.random.get_bit_generator())  # what draws in place of it


class GlobalState(tuple[Any, ...]):
    """The tuple that NumPy's `get_state` gives of its hidden RandomState, with the place of fastinit's stream."""

    stream: Mapping[str, Any] | None = None


def seed(seed: Any = None) -> None:
    """Seed fastinit's stream and NumPy's hidden RandomState."""
    _seed_hidden(seed)  # raises where NumPy refuses it
    if _is_ours():
        _global.seed(seed)
    else:
        _global._start(_global._bit_generator)  # which the hidden one has too; forgets a normal value kept for the next call


def get_state(legacy: bool = True) -> Any:
    """Where both stand, in NumPy's forms, a tuple or a dictionary."""
    if not _is_ours():
        return _global.get_state(legacy)
    hidden = _hidden.get_state(legacy=False)
    if not legacy or hidden["bit_generator"] != "MT19937":
        return {**hidden, "fastinit": _global.get_state(legacy=False)}
    state = GlobalState(_hidden.get_state())
    state.stream = _global.get_state(legacy=False)
    return state


def set_state(state: State) -> None:
    """Return to where `get_state` was called; with a state of NumPy's own, fastinit's stream is the one that it seeds."""
    if not _is_ours():
        return _global.set_state(state)
    if isinstance(state, Mapping):
        name, stream = state.get("bit_generator"), state.get("fastinit")
    else:
        name, stream = next(iter(state), None), getattr(state, "stream", None)
    if name != "TiledXoshiro128":
        _hidden.set_state(state)  # raises where NumPy refuses it
    _global.set_state(stream or state)


def get_bit_generator() -> np.random.BitGenerator:
    """What the functions draw from."""
    return _global._bit_generator


def set_bit_generator(bitgen: np.random.BitGenerator) -> None:
    """Let the functions, and NumPy's hidden RandomState, draw from another bit generator."""
    assert _swap_hidden is not None  # else nothing is replaced by this function
    _swap_hidden(_hidden_bit_generator if bitgen is fastinit.random.get_bit_generator() else bitgen)
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
    global _hidden_bit_generator
    _hidden_bit_generator = _hidden._bit_generator
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
