"""fastinit: initial values for weight tensors at the speed of memory, the same bits whatever computes them."""

from importlib import import_module

from fastinit import initializers
from fastinit.__about__ import __version__
from fastinit.backends import use_backend
from fastinit.core.config import show_config
from fastinit.initializers import *
from fastinit.initializers.layouts import Layout
from fastinit.runtime.threads import get_num_threads, set_num_threads

_LOADED_ON_FIRST_USE = {
    "Generator": "fastinit.random.generator",
    "Recipe": "fastinit.recipes",
    "Rule": "fastinit.recipes",
    "TiledXoshiro128": "fastinit.random.bit_generator",
    "audit": "fastinit.auditing",
    "default_rng": "fastinit.random.generator",
    "gain": "fastinit.initializers.gains",
    "patch_numpy": "fastinit.random.patch",
    "recommend": "fastinit.initializers.recommendation",
    "second_moment": "fastinit.initializers.gains",
}


def __getattr__(name: str):
    """What filling a tensor does not need: NumPy's part of the API, and what is asked about initializers."""
    if name in ("random", "recipes"):
        return import_module(f"fastinit.{name}")
    if name not in _LOADED_ON_FIRST_USE:
        raise AttributeError(f"module 'fastinit' has no attribute {name!r}")
    return getattr(import_module(_LOADED_ON_FIRST_USE[name]), name)


__all__ = [
    "__version__",
    "Generator",
    "Layout",
    "Recipe",
    "Rule",
    "TiledXoshiro128",
    "audit",
    "default_rng",
    "gain",
    "get_num_threads",
    "patch_numpy",
    "random",
    "recipes",
    "recommend",
    "second_moment",
    "set_num_threads",
    "show_config",
    "use_backend",
    *initializers.__all__,
]
