"""The libraries that are measured, and how each draws: one table, `LIBRARIES`.

A library is a function of (dtype, n, fresh) that returns what it can draw, by the name of the distribution: callables that
fill the warm memory of this process, or return a new array where `fresh`. "uniform" is on [0, 1), "normal" standard, and
"truncated_normal" the standard normal between -2 and 2. Each library works as fast as its documentation says it can: into
given memory where it takes some, compiled where it compiles, on all threads where it has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

import fastinit
from bench.limits import pool
from bench.memory import warm
from fastinit.backends import available_backends, available_levels

Work = Callable[[], object]
Draws = dict[str, Work]

DISTRIBUTIONS = ("uniform", "normal", "truncated_normal")
REAL = ("float32", "float64")
REAL_AND_HALF = (*REAL, "bfloat16", "float16")
PIECE = 2**15  # values: what is drawn and copied at a time by a library that makes arrays only; 256 KiB stay in the cache


class Library(NamedTuple):
    """A library: its name in tables, the module it needs, what it draws, a remark for the reader, its dtypes (None: all)."""

    name: str
    module: str
    draws: Callable[[str, int, bool], Draws]
    remark: str = ""
    dtypes: tuple[str, ...] | None = None


def draw(library: str, distribution: str, dtype: str, n: int, fresh: bool = False) -> Work | None:
    """A maker for bench.worker: n values from a library, None where it lacks distribution, dtype or kind of memory."""
    chosen = LIBRARIES[library]
    has_dtype = chosen.dtypes is None or dtype in chosen.dtypes
    return chosen.draws(dtype, n, fresh).get(distribution) if has_dtype else None


def fastinit_draws(dtype: str, n: int, fresh: bool, backend: str | None = None, level: str | None = None) -> Draws:
    out = None if fresh else warm(n, dtype)

    def on_backend(work: Work) -> object:
        with fastinit.use_backend(backend, level):
            return work()

    works = {name: partial(getattr(fastinit, name), n, seed=0, dtype=dtype, out=out) for name in DISTRIBUTIONS}
    return {name: partial(on_backend, work) for name, work in works.items()} if backend else works


def numpy_draws(dtype: str, n: int, fresh: bool, bit_generator: Callable[[int], Any] = np.random.PCG64) -> Draws:
    rng, out = np.random.Generator(bit_generator(0)), None if fresh else warm(n, dtype)
    return {"uniform": partial(rng.random, n, dtype, out), "normal": partial(rng.standard_normal, n, dtype, out)}


def numpy_recipe_draws(dtype: str, n: int, fresh: bool) -> Draws:
    """Multithreaded generation, as numpy.org/doc/stable/reference/random/multithreading.html has it."""
    num_threads = fastinit.get_num_threads()
    workers = pool(num_threads)
    rngs = [np.random.default_rng(seed) for seed in np.random.SeedSequence(0).spawn(num_threads)]
    step = -(-n // num_threads)

    def work(method: str) -> np.ndarray:
        out = _array(dtype, n, fresh)
        parts = [out[i * step : (i + 1) * step] for i in range(num_threads)]
        list(workers.map(lambda rng, part: getattr(rng, method)(dtype=dtype, out=part), rngs, parts))
        return out

    return {"uniform": partial(work, "random"), "normal": partial(work, "standard_normal")}


def randomgen_draws(dtype: str, n: int, fresh: bool) -> Draws:
    from randomgen import SFC64

    return numpy_draws(dtype, n, fresh, SFC64)


def mkl_random_draws(dtype: str, n: int, fresh: bool) -> Draws:
    from mkl_random import MKLRandomState

    rng = MKLRandomState(0, brng="SFMT19937")
    return _drawn_by_pieces({"uniform": rng.random_sample, "normal": rng.standard_normal}, dtype, n, fresh)


def scipy_draws(dtype: str, n: int, fresh: bool) -> Draws:
    from scipy import stats

    rng = np.random.default_rng(0)
    makers = {
        name: partial(distribution.rvs, random_state=rng)
        for name, distribution in zip(DISTRIBUTIONS, (stats.uniform(), stats.norm(), stats.truncnorm(-2, 2)))
    }
    return _drawn_by_pieces(makers, dtype, n, fresh)


def _drawn_by_pieces(makers: dict[str, Callable[[int], np.ndarray]], dtype: str, n: int, fresh: bool) -> Draws:
    """Draws of functions that take a number of values and return a new array."""
    if fresh:
        return {name: partial(make, n) for name, make in makers.items()}
    pieces = _pieces(warm(n, dtype))

    def work(make: Callable[[int], np.ndarray]) -> None:
        for piece in pieces:
            piece[...] = make(piece.size)

    return {name: partial(work, make) for name, make in makers.items()}


def scipy_quantile_draws(dtype: str, n: int, fresh: bool) -> Draws:
    """The normal's quantile of NumPy's uniforms, in place and by pieces: SciPy's fast way to a truncated normal."""
    from scipy.special import ndtr, ndtri

    rng, real = np.random.default_rng(0), np.dtype(dtype).type

    def work(low: float, high: float) -> np.ndarray:
        out = _array(dtype, n, fresh)
        for piece in _pieces(out):
            rng.random(dtype=dtype, out=piece)
            piece *= real(high - low)
            piece += real(low)
            ndtri(piece, out=piece)
        return out

    return {"normal": partial(work, 0.0, 1.0), "truncated_normal": partial(work, ndtr(-2.0), ndtr(2.0))}


def _array(dtype: str, n: int, fresh: bool) -> np.ndarray:
    return np.empty(n, dtype) if fresh else warm(n, dtype)


def _pieces(out: np.ndarray) -> list[np.ndarray]:
    return [out[start : start + PIECE] for start in range(0, out.size, PIECE)]


def torch_draws(dtype: str, n: int, fresh: bool) -> Draws:
    os.environ["THP_MEM_ALLOC_ENABLE"] = "1"  # torch's own switch for huge pages; read once, at the first allocation
    import torch

    kind = getattr(torch, dtype)
    fillers = zip(DISTRIBUTIONS, (torch.Tensor.uniform_, torch.Tensor.normal_, torch.nn.init.trunc_normal_))
    if fresh:
        return {name: lambda fill=fill: fill(torch.empty(n, dtype=kind)) for name, fill in fillers}
    tensor = torch.from_numpy(warm(n * kind.itemsize, np.uint8)).view(kind)
    return {name: partial(fill, tensor) for name, fill in fillers}


def jax_draws(dtype: str, n: int, fresh: bool) -> Draws:
    """JAX writes into no memory but its own: the results are new arrays, whether warm or fresh is asked for."""
    import jax

    jax.config.update("jax_enable_x64", True)
    truncated_normal = partial(jax.random.truncated_normal, lower=-2.0, upper=2.0)
    key = jax.random.key(0)

    def drawing(make: Callable[..., jax.Array]) -> Work:
        compiled = jax.jit(lambda key: make(key, shape=(n,), dtype=dtype))
        return lambda: compiled(key).block_until_ready()

    makers = jax.random.uniform, jax.random.normal, truncated_normal
    return {name: drawing(make) for name, make in zip(DISTRIBUTIONS, makers)}


def tensorflow_draws(dtype: str, n: int, fresh: bool) -> Draws:
    """The plain operations, without the passes of `tf.random.normal` for mean and deviation; always new arrays."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from tensorflow import raw_ops

    operations = raw_ops.RandomUniform, raw_ops.RandomStandardNormal, raw_ops.TruncatedNormal
    return {name: partial(operation, shape=[n], dtype=dtype) for name, operation in zip(DISTRIBUTIONS, operations)}


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
        Library("numpy", "numpy", numpy_draws, "Generator(PCG64), out=", REAL),
        Library("numpy recipe", "numpy", numpy_recipe_draws, "the documentation's multithreaded generation", REAL),
        Library("torch", "torch", torch_draws, "in place", REAL_AND_HALF),
        Library("jax", "jax", jax_draws, "jit, block_until_ready; a new array each time", REAL_AND_HALF),
        Library("tensorflow", "tensorflow", tensorflow_draws, "raw operations; a new array each time", REAL_AND_HALF),
        Library(
            "mkl_random", "mkl_random", mkl_random_draws, "SFMT19937, inverse CDF; by pieces into warm memory", ("float64",)
        ),
        Library("randomgen", "randomgen", randomgen_draws, "NumPy's Generator on its SFC64, out=", REAL),
        Library("scipy", "scipy", scipy_draws, "rvs; by pieces into warm memory", ("float64",)),
        Library("scipy ndtri", "scipy", scipy_quantile_draws, "quantile of uniforms, in place, by pieces", REAL),
    )
}


def installed() -> list[str]:
    return [name for name, library in LIBRARIES.items() if find_spec(library.module)]
