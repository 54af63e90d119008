"""fastinit: initial values for weight tensors at the speed of memory, the same bits whatever computes them."""

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

__version__ = "0.1.0.dev0"

__all__ = [
    "constant",
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
