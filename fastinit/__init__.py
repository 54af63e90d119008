"""fastinit: initial values for weight tensors at the speed of memory, the same bits whatever computes them."""

from importlib import import_module

from fastinit.backends import use_backend
from fastinit.config import show_config
from fastinit.initializers import (
    constant,
    gaussian_init,
    glorot_normal,
    glorot_uniform,
    he_init,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    ones,
    random_init,
    truncated_normal,
    uniform,
    variance_scaling,
    xavier_init,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from fastinit.threads import get_num_threads, set_num_threads

_LOADED_ON_FIRST_USE = {
    "Generator": "fastinit.generator",
    "TiledXoshiro128": "fastinit.bit_generator",
    "default_rng": "fastinit.generator",
    "patch_numpy": "fastinit.patch",
}


def __getattr__(name: str):
    """NumPy's part of the API, which an initializer does not need: `fastinit.random` and the classes behind it."""
    if name == "random":
        return import_module("fastinit.random")
    if name not in _LOADED_ON_FIRST_USE:
        raise AttributeError(f"module 'fastinit' has no attribute {name!r}")
    return getattr(import_module(_LOADED_ON_FIRST_USE[name]), name)


__version__ = "0.1.0.dev0"

__all__ = [
    "Generator",
    "TiledXoshiro128",
    "constant",
    "default_rng",
    "gaussian_init",
    "get_num_threads",
    "glorot_normal",
    "glorot_uniform",
    "he_init",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "patch_numpy",
    "random",
    "random_init",
    "set_num_threads",
    "show_config",
    "truncated_normal",
    "uniform",
    "use_backend",
    "variance_scaling",
    "xavier_init",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
