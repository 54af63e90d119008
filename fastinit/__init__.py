"""fastinit: initial values for weight tensors at the speed of memory, the same bits whatever computes them."""

import fastinit.runtime.signals  # noqa: F401  # first: from here on an interrupt of the command is no traceback

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastinit import distributions, initializers
from fastinit.__about__ import __version__
from fastinit.backends import use_backend
from fastinit.core.config import show_config
from fastinit.initializers import (
    HeNormal, Initializer, Layout, Normal, constant, fill_many, gain, get, glorot_normal, glorot_uniform, he_normal,
    he_uniform, identity, kaiming_normal, kaiming_uniform, lecun_normal, lecun_uniform, normal, ones, orthogonal,
    truncated_normal, uniform, variance_scaling, xavier_normal, xavier_uniform, zeros,
)  # fmt: skip
from fastinit.runtime.forks import without_forks
from fastinit.runtime.threads import get_num_threads, set_num_threads

if TYPE_CHECKING:
    from fastinit import random, recipes
    from fastinit.auditing import audit
    from fastinit.initializers.recommendation import recommend
    from fastinit.random.bit_generator import TiledXoshiro128
    from fastinit.random.generator import Generator, default_rng
    from fastinit.random.patch import patch_numpy
    from fastinit.recipes import Recipe, Rule

__all__ = [  # noqa: RUF022  # in groups
    # one tensor: the initializers' functions (all of them, and their classes: fastinit.initializers)
    "constant", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "kaiming_normal",
    "kaiming_uniform", "lecun_normal", "lecun_uniform", "normal", "ones", "orthogonal", "truncated_normal", "uniform",
    "variance_scaling", "xavier_normal", "xavier_uniform", "zeros",
    # initializers as values, and what they are described by
    "HeNormal", "Initializer", "Layout", "Normal", "distributions", "get", "initializers",
    # which initializer to take
    "gain", "recommend",
    # many tensors: by name, by rules over the names of a model, and whether they are what they should be
    "Recipe", "Rule", "audit", "fill_many", "recipes",
    # NumPy's random numbers
    "Generator", "TiledXoshiro128", "default_rng", "patch_numpy", "random",
    # what computes the values
    "get_num_threads", "set_num_threads", "show_config", "use_backend",
    "__version__",
]  # fmt: skip

# What filling a tensor does not need is imported on first use.
_MODULES_OF_LAZY_NAMES = {
    "Generator": "random.generator",
    "Recipe": "recipes",
    "Rule": "recipes",
    "TiledXoshiro128": "random.bit_generator",
    "audit": "auditing",
    "default_rng": "random.generator",
    "patch_numpy": "random.patch",
    "recommend": "initializers.recommendation",
}


def _imported(module: str) -> Any:
    with without_forks():
        return import_module(f"fastinit.{module}")


def __getattr__(name: str) -> Any:
    if name in ("random", "recipes"):
        return _imported(name)
    if name in _MODULES_OF_LAZY_NAMES:
        return getattr(_imported(_MODULES_OF_LAZY_NAMES[name]), name)
    hint = f": it is fastinit.initializers.{name}" if name in initializers.__all__ else ""
    raise AttributeError(f"module 'fastinit' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    helpers = {"Any", "TYPE_CHECKING", "import_module", "without_forks"}
    return sorted({*globals(), *__all__} - helpers)
