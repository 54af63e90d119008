"""What all tests share: every backend and level this machine can run, every dtype, distributions in every regime."""

from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import pytest

import fastinit
from fastinit.backends import available_backends, available_levels, backend, reference
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.request import FillRequest
from fastinit.distributions import Distribution, Normal, TruncatedNormal, Uniform
from fastinit.initializers import INITIALIZERS

BACKENDS = [
    *(("c", level) for level in available_levels()),
    *((name, None) for name in available_backends() if name != "c"),
]

DISTRIBUTIONS = {
    "uniform": Uniform(-0.05, 0.05),
    "uniform of unequal ends": Uniform(-1.0, 3.0),
    "standard normal": Normal(0.0, 1.0),
    "shifted normal": Normal(0.5, 0.02),
    "truncated": TruncatedNormal(0.0, 0.02, -2.0, 2.0),
    "truncated, wide": TruncatedNormal(1.0, 2.0, -8.0, 7.0),
    "truncated, narrow": TruncatedNormal(0.0, 1.0, 0.25, 0.250001),
    "truncated, upper half": TruncatedNormal(0.0, 1.0, 0.0, np.inf),
    "truncated, lower side": TruncatedNormal(0.0, 1.0, -np.inf, -3.0),
    "truncated, far tail": TruncatedNormal(0.0, 1.0, 8.0, 9.0),
    "truncated, beyond float32": TruncatedNormal(0.0, 1.0, 20.0, np.inf),  # the tail's mass is 3e-89
    "truncated, farthest": TruncatedNormal(0.0, 1.0, -np.inf, -36.0),
}

ARGUMENTS = {
    "constant": {"value": 0.5},
    "sparse": {"sparsity": 0.5},
    "chrono_bias": {"longest": 9.0, "gates": "fi"},
    **{name: {"initializer": "he_normal"} for name in ("icnr", "looks_linear")},
    "stacked": {"initializer": "normal"},
    "mimetic_attention": {"part": "value"},
    "parts": {"axis": 0, "parts": ((0.5, "zeros"), (0.5, "he_normal"))},
    "with_slabs": {"slabs": (((0, 0), (1, 6), "zeros"),), "initializer": "he_normal"},
    **{name: {"depth": 12} for name in ("wang_init", "depth_scaled", "layer_scale")},
    "ds_init": {"layer": 11},
    "deep_norm": {"encoder": 12},
    "fixup": {"branches": 12},
    "t_fixup": {"part": "encoder", "depth": 12},
}
"""For the name of an initializer's function, the arguments that it needs: parameters without a default."""

SHAPES_OF_OTHERS = {
    **dict.fromkeys(("bilinear", "delta_orthogonal", "dirac"), (5, 5, 3)),
    **dict.fromkeys(("icnr", "looks_linear", "lstm_bias", "parts"), (8, 4)),
    "stft": (5, 1, 6),
}
"""For the names of initializers that do not take a matrix of 5 x 6, a shape that they take."""

GENERATORS_PARAMETERS = {
    "laplace_float64": [(0.0, 1.0), (2.5, 3.0)],
    "logistic_float64": [(0.0, 1.0), (1.0, 0.25)],
    "gumbel_float64": [(0.0, 1.0), (-1.0, 2.0)],
    "rayleigh_float64": [(1.0,), (2.5,)],
    "weibull_float64": [(1.0,), (30.0,), (0.01,)],  # the last overflows and underflows
    "pareto_float64": [(3.0,), (1e6,), (0.01,)],
    "power_float64": [(3.0,), (1e9,), (0.01,)],
    "cauchy_float64": [()],
    "triangular_float64": [(0.0, 1.0, 4.0), (0.0, 0.0, 1.0), (-1e308, 7e307, 7e307)],
    "gamma_float64": [(2.0, 1.0), (0.5, 3.0), (1.0, 0.5), (1e-3, 1.0), (1e12, 1.0)],
    "beta_float64": [(2.0, 3.0), (0.5, 0.5), (1e-3, 4.0), (1e8, 0.01)],
    "fisher_float64": [(3.0, 5.0), (1.0, 0.5), (1e6, 1e-2)],
    "student_float64": [(5.0,), (1.0,), (0.01,), (1e10,)],
    "poisson_uint64": [(0.0,), (0.5,), (9.9,), (10.0,), (37.5,), (1e6,), (1e18,)],
    "binomial_uint64": [(10.0, 0.3), (3.0, 1.0), (30.0, 0.5), (1000.0, 0.97), (1e15, 0.3), (1e15, 1e-15)],
    "geometric_uint64": [(0.2,), (0.7,), (1.0,), (1e-9,), (1e-300,)],
}
"""Of kernels that only generators draw with, and whose parameters may be each value's own: some in each regime."""

STREAM = (0xB0F478BE, 0xDB2CD7E7, 0x2C71BA49, 0xABF4641A)  # of seed 0


FRAMEWORKS = ("torch", "jax", "keras", "dask")
"""What fastinit has adapters for, each with a folder of tests of its name."""


LIBRARIES_OF_LAB = ("torch", "scipy", "matplotlib", "sklearn", "scikit_posthocs", "jinja2")
"""What `fastinit.lab` and its examples need."""


def is_installed(room: str) -> bool:
    """Whether the framework of this adapter is here; what is no adapter needs none. (tests/torch does not count.)"""
    needed = LIBRARIES_OF_LAB if room == "lab" else (room if room in FRAMEWORKS else "fastinit",)
    found = [find_spec(name) for name in needed]
    return all(one is not None and one.origin is not None for one in found)


def made(name: str, **parameters) -> fastinit.Initializer:
    """The initializer whose function has this name, with these parameters and those that it needs."""
    return INITIALIZERS[name].initializer(**{**ARGUMENTS.get(name, {}), **parameters})


def own_parameters(*numbers: float) -> np.ndarray:
    """What such a kernel takes where all values have these parameters."""
    return np.array([*numbers, *[0.0] * (5 - len(numbers))])


def bits(array: np.ndarray) -> np.ndarray:
    """The elements as unsigned integers, so that NaNs and the signs of zeros compare as well."""
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}").reshape(array.shape)


def run(chosen, distribution: Distribution, dtype: str, starts=(0,), count=2048, step=1, stream=STREAM) -> np.ndarray:
    """What the backend `chosen` = (name, level) writes for runs of positions."""
    element = ELEMENT_TYPES[dtype]
    out = np.empty(len(starts) * count, element.storage)
    kernel, parameters = f"{distribution.kernel}_{dtype}", distribution.parameters(element.real)
    backend(*chosen).fill(FillRequest(kernel, stream, parameters, np.array(starts, np.uint64), count, step, out))
    return out.view(element.dtype)


def draw(rng, name: str, arguments, *options, **others):
    """What the generator's method draws whose name stands before the comma: "beta, 2 3" is a case of `beta`."""
    return getattr(rng, name.split(",")[0])(*arguments, *options, **others)


def draw_in_python(rng, name: str, arguments, *options, **others):
    """The same by the backend in use, also where the draw is short (csrc/bindings/short_draws.c)."""
    method = getattr(type(rng), name.split(",")[0])
    return getattr(method, "__wrapped__", method)(rng, *arguments, *options, **others)


def error_of(call, *arguments) -> tuple[type[BaseException], str]:
    """The type and the words of the error that a call raises."""
    with pytest.raises(Exception) as caught:
        call(*arguments)
    return caught.type, str(caught.value)


def ks_distance(values: np.ndarray, cdf, n: int | None = None) -> float:
    """The greatest distance of a sample's cumulative shares from its cdf; `values` may be the smallest of n."""
    steps = np.arange(len(values) + 1) / (n or len(values))
    expected = cdf(np.sort(values))
    return max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())


def words(chosen, start=0, count=2048, stream=STREAM) -> np.ndarray:
    """Words `start`, start + 1, ... of a stream."""
    out = np.empty(count, np.uint32)
    starts = np.array([start], np.uint64)
    backend(*chosen).fill(FillRequest("words_uint32", stream, np.empty(0), starts, count, 1, out))
    return out


@lru_cache(maxsize=1024)
def reference_tile(distribution: Distribution, dtype: str, tile: int) -> np.ndarray:
    """All values of a tile, from the reference."""
    values = reference.tile_values(
        f"{distribution.kernel}_{dtype}", STREAM, distribution.parameters(ELEMENT_TYPES[dtype].real), tile
    )
    return values.view(ELEMENT_TYPES[dtype].dtype)


def reference_values(distribution: Distribution, dtype: str, positions) -> np.ndarray:
    """The values at these positions, each looked up in its tile."""
    tile_elements = 1024 if dtype == "float64" else 2048
    return np.array(
        [reference_tile(distribution, dtype, p // tile_elements)[p % tile_elements] for p in positions],
        ELEMENT_TYPES[dtype].dtype,
    )
