"""The libraries that are measured, and how each draws: one table, `LIBRARIES`.

A library is a function of (dtype, n, fresh) that returns what it can draw, by the name of the distribution: callables that fill the
warm memory of this process, or return a new array where `fresh`. "uniform" is on [0, 1), "normal" standard, and
"truncated_normal" cut at -2 and 2. Each library works as fast as its documentation says it can: into given memory where it
takes some, compiled where it compiles, on all threads where it has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

import fastinit
from bench.memory import warm
from fastinit.backends import available_backends, available_levels
from fastinit.core.fill import DTYPES

Draws = dict[str, Callable[[], object]]

PIECE = 2**15  # values: what is drawn and copied at a time by a library that makes arrays only; 256 KiB stay in the cache


class Library(NamedTuple):
    """A library: its name in tables, the module it needs, what it draws, and a remark for the reader."""

    name: str
    module: str
    draws: Callable[[str, int, bool], Draws]
    remark: str = ""


def draw(library: str, distribution: str, dtype: str, n: int, fresh: bool = False) -> Callable[[], object] | None:
    """A maker for bench.worker: n values from a library, None where it has no such distribution, dtype or way."""
    return LIBRARIES[library].draws(dtype, n, fresh).get(distribution)


def fastinit_draws(dtype: str, n: int, fresh: bool, backend: str | None = None, level: str | None = None) -> Draws:
    out = None if fresh else warm(n, DTYPES[dtype].dtype)

    def drawing(distribution):
        def work():
            return distribution(n, seed=0, dtype=dtype, out=out)

        def work_on_backend():
            with fastinit.use_backend(backend, level):
                return work()

        return work_on_backend if backend else work

    return {
        distribution: drawing(getattr(fastinit, distribution)) for distribution in ("uniform", "normal", "truncated_normal")
    }


def numpy_draws(dtype: str, n: int, fresh: bool, bit_generator: Callable[[int], Any] = np.random.PCG64) -> Draws:
    if dtype not in ("float32", "float64"):
        return {}
    rng, out = np.random.Generator(bit_generator(0)), None if fresh else warm(n, dtype)
    return {
        "uniform": lambda: rng.random(n, dtype, out),
        "normal": lambda: rng.standard_normal(n, dtype, out),
    }


def numpy_recipe_draws(dtype: str, n: int, fresh: bool) -> Draws:
    """Multithreaded generation, as numpy.org/doc/stable/reference/random/multithreading.html has it."""
    if dtype not in ("float32", "float64"):
        return {}
    num_threads = fastinit.get_num_threads()
    rngs = [np.random.default_rng(seed) for seed in np.random.SeedSequence(0).spawn(num_threads)]
    step = -(-n // num_threads)
    pool = _pool(num_threads)

    def drawing(method: str) -> Callable[[], object]:
        def work():
            out = np.empty(n, dtype) if fresh else warm(n, dtype)
            parts = [out[i * step : (i + 1) * step] for i in range(num_threads)]
            list(pool.map(lambda rng, part: getattr(rng, method)(dtype=dtype, out=part), rngs, parts))
            return out

        return work

    return {"uniform": drawing("random"), "normal": drawing("standard_normal")}


@cache
def _pool(num_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(num_threads)


def randomgen_draws(dtype: str, n: int, fresh: bool) -> Draws:
    from randomgen import SFC64

    return numpy_draws(dtype, n, fresh, SFC64)


def mkl_random_draws(dtype: str, n: int, fresh: bool) -> Draws:
    from mkl_random import MKLRandomState

    rng = MKLRandomState(0, brng="SFMT19937")
    return _drawn_by_pieces({"uniform": rng.random_sample, "normal": rng.standard_normal}, dtype, n, fresh)


def scipy_draws(dtype: str, n: int, fresh: bool) -> Draws:
    from scipy import stats

    distributions = {"uniform": stats.uniform(), "normal": stats.norm(), "truncated_normal": stats.truncnorm(-2, 2)}
    rng = np.random.default_rng(0)
    return _drawn_by_pieces(
        {distribution: partial(it.rvs, random_state=rng) for distribution, it in distributions.items()}, dtype, n, fresh
    )


def _drawn_by_pieces(makers: dict[str, Callable[[int], np.ndarray]], dtype: str, n: int, fresh: bool) -> Draws:
    """float64 from functions of a size that return a new array."""
    if dtype != "float64":
        return {}
    if fresh:
        return {distribution: partial(make, n) for distribution, make in makers.items()}
    out = warm(n, dtype)

    def drawing(make: Callable[[int], np.ndarray]) -> Callable[[], None]:
        def work():
            for start in range(0, n, PIECE):
                part = out[start : start + PIECE]
                part[...] = make(part.size)

        return work

    return {distribution: drawing(make) for distribution, make in makers.items()}


def scipy_quantile_draws(dtype: str, n: int, fresh: bool) -> Draws:
    """The normal distribution's quantile of NumPy's uniforms, in place and piece by piece: SciPy's fast way to a truncated normal."""
    from scipy.special import ndtr, ndtri

    if dtype not in ("float32", "float64"):
        return {}
    rng, real = np.random.default_rng(0), np.dtype(dtype).type

    def drawing(low: float, high: float) -> Callable[[], object]:
        def work():
            out = np.empty(n, dtype) if fresh else warm(n, dtype)
            for start in range(0, n, PIECE):
                part = out[start : start + PIECE]
                rng.random(dtype=dtype, out=part)
                part *= real(high - low)
                part += real(low)
                ndtri(part, out=part)
            return out

        return work

    return {"normal": drawing(0.0, 1.0), "truncated_normal": drawing(ndtr(-2.0), ndtr(2.0))}


def torch_draws(dtype: str, n: int, fresh: bool) -> Draws:
    os.environ["THP_MEM_ALLOC_ENABLE"] = "1"  # torch's own switch for huge pages; read once, at the first allocation
    import torch

    kind = getattr(torch, dtype, None)
    if dtype.startswith("float8") or kind is None:
        return {}
    fillers = {
        "uniform": torch.Tensor.uniform_,
        "normal": torch.Tensor.normal_,
        "truncated_normal": torch.nn.init.trunc_normal_,
    }
    if fresh:
        return {distribution: lambda fill=fill: fill(torch.empty(n, dtype=kind)) for distribution, fill in fillers.items()}
    tensor = torch.from_numpy(warm(n * kind.itemsize, np.uint8)).view(kind)
    return {distribution: partial(fill, tensor) for distribution, fill in fillers.items()}


def jax_draws(dtype: str, n: int, fresh: bool) -> Draws:
    """JAX writes into no memory but its own: the results are new arrays in both ways."""
    import jax

    if dtype.startswith("float8"):
        return {}
    jax.config.update("jax_enable_x64", True)
    makers = {
        "uniform": jax.random.uniform,
        "normal": jax.random.normal,
        "truncated_normal": partial(jax.random.truncated_normal, lower=-2.0, upper=2.0),
    }
    key = jax.random.key(0)

    def drawing(make: Callable[..., jax.Array]) -> Callable[[], jax.Array]:
        compiled = jax.jit(lambda key: make(key, shape=(n,), dtype=dtype))
        return lambda: compiled(key).block_until_ready()

    return {distribution: drawing(make) for distribution, make in makers.items()}


def tensorflow_draws(dtype: str, n: int, fresh: bool) -> Draws:
    """The plain operations, without the passes of `tf.random.normal` for mean and deviation; new arrays in both ways."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    if dtype.startswith("float8"):
        return {}
    operations = {
        "uniform": tf.raw_ops.RandomUniform,
        "normal": tf.raw_ops.RandomStandardNormal,
        "truncated_normal": tf.raw_ops.TruncatedNormal,
    }
    return {distribution: partial(operation, shape=[n], dtype=dtype) for distribution, operation in operations.items()}


def _fastinit_libraries() -> list[Library]:
    """The default first, then the C backend's lower levels, then the other backends."""
    lower = [("c", level) for level in available_levels()[-2::-1]]
    others = [(name, None) for name in available_backends() if name != "c"]
    return [
        Library("fastinit", "fastinit", fastinit_draws),
        *(
            Library(f"fastinit {level or backend}", "fastinit", partial(fastinit_draws, backend=backend, level=level))
            for backend, level in (lower + others if available_levels() else others[1:])
        ),
    ]


LIBRARIES = {
    library.name: library
    for library in (
        *_fastinit_libraries(),
        Library("numpy", "numpy", numpy_draws, "Generator(PCG64), out="),
        Library("numpy recipe", "numpy", numpy_recipe_draws, "the documentation's multithreaded generation"),
        Library("torch", "torch", torch_draws, "in place"),
        Library("jax", "jax", jax_draws, "jit, block_until_ready; a new array each time"),
        Library("tensorflow", "tensorflow", tensorflow_draws, "raw operations; a new array each time"),
        Library("mkl_random", "mkl_random", mkl_random_draws, "SFMT19937, inverse CDF; by pieces into warm memory"),
        Library("randomgen", "randomgen", randomgen_draws, "NumPy's Generator on its SFC64, out="),
        Library("scipy", "scipy", scipy_draws, "rvs; by pieces into warm memory"),
        Library("scipy ndtri", "scipy", scipy_quantile_draws, "quantile of uniforms, in place, by pieces"),
    )
}


def installed() -> list[str]:
    return [name for name, library in LIBRARIES.items() if find_spec(library.module)]
