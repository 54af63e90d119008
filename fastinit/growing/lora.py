"""The factors of LoRA's adapters, by the names that peft has for them."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from fastinit.core.fill import fill
from fastinit.distributions import Distribution, Normal, Uniform
from fastinit.initializers import Orthogonal
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Float64Array, Seed

METHODS = ("default", "gaussian", "orthogonal", "pissa", "olora")
ITERATIONS = re.compile(r"pissa_niter_(\d+)")
OF_ORTHOGONAL = 10.0  # what peft divides the factors of "orthogonal" by


class Adapter(NamedTuple):
    """The factors of W + scaling B A: `a` (rank, inputs), `b` (outputs, rank), and `base`, the W (outputs, inputs) to keep.

    `base` is the weight itself where the adapter begins with B A = 0.

    >>> import fastinit.growing
    >>> adapter = fastinit.growing.lora(fastinit.ones((3, 2)), 1, "gaussian", seed=0)
    >>> adapter.b.ravel().tolist(), bool((adapter.base == 1).all())
    ([0.0, 0.0, 0.0], True)
    """

    a: Array
    b: Array
    base: Array


def lora(
    weight: Array,
    rank: int,
    method: str | bool = True,
    *,
    scaling: float = 1.0,
    seed: Seed = None,
    name: str | None = None,
) -> Adapter:
    """The factors of an adapter of low rank for a weight (outputs, inputs), as peft's `init_lora_weights` of that name.

    base + scaling B A is the weight, whatever the method:

    - True or "default": A uniform on +-1 / sqrt(inputs), B = 0 (Hu et al. 2021, arXiv 2106.09685, in peft's form);
    - "gaussian": A normal with std 1 / rank, B = 0;
    - "orthogonal": A = Q_1^T N_1 / 10, B = N_2 Q_2 / 10, N normal, Q_1 and Q_2 the even and odd rows of a random orthogonal
      matrix, so that B A = 0. The rank must be even;
    - "pissa": the largest singular values, A = sqrt(S) V^T and B = U sqrt(S) with S / scaling, the rest the base (Meng, Wang
      and Zhang 2024, arXiv 2404.02948); "pissa_niter_4" finds them by that many subspace iterations (Halko et al. 2011);
    - "olora": B = Q and A = R, the first columns and rows of W = Q R (Büyükakyüz 2024, arXiv 2406.01775).

    `scaling`: alpha / rank, or alpha / sqrt(rank). Computed in float64, given in the dtype of the weight. What is random
    depends on the seed and on `name` with ".lora_A", ".lora_B" or ".lora_Q". ValueError for an unknown method, a rank above
    the lengths of the weight with "pissa" and "olora", and values that are not finite.

    >>> import fastinit.growing
    >>> weight = fastinit.normal((6, 4), seed=0)
    >>> a, b, base = fastinit.growing.lora(weight, 2, "pissa", scaling=2.0)
    >>> a.shape, b.shape, bool(abs(base + 2.0 * b @ a - weight).max() < 1e-6)
    ((2, 4), (6, 2), True)
    """
    weight = np.asarray(weight)
    if weight.ndim != 2:
        raise ValueError(f"weight must be a matrix (outputs, inputs), got shape {weight.shape}")
    checks.integer("rank", rank, least=1)
    scaling = checks.positive("scaling", scaling)
    method = "default" if method is True else method
    niter = ITERATIONS.fullmatch(method) if isinstance(method, str) else None
    if niter is None:
        checks.one_of("init_lora_weights", method, (True, *METHODS, "pissa_niter_[number of iterations]"))
    draws = _Draws(seed, name)
    if method == "default":
        bound = max(weight.shape[1], 1) ** -0.5
        return _from_zero(draws.of(Uniform(-bound, bound), (rank, weight.shape[1]), "lora_A"), weight)
    if method == "gaussian":
        return _from_zero(draws.of(Normal(0.0, 1 / rank), (rank, weight.shape[1]), "lora_A"), weight)
    if method == "orthogonal":
        return _orthogonal(weight, rank, draws)
    wide = weight.astype(np.float64)
    if rank > min(weight.shape):
        raise ValueError(f"rank must be at most the lengths of the weight {weight.shape} for {method!r}, got {rank}")
    if not np.isfinite(wide).all():
        raise ValueError("weight must have finite values, got NaN or infinity among them")
    if method == "olora":
        q, r = np.linalg.qr(wide)
        return _rest(r[:rank], q[:, :rank], wide, scaling, weight.dtype)
    u, s, vt = np.linalg.svd(wide, full_matrices=False) if niter is None else _leading(wide, rank, int(niter[1]), draws)
    root = np.sqrt(s[:rank] / scaling)
    return _rest(root[:, None] * vt[:rank], u[:, :rank] * root, wide, scaling, weight.dtype)


class _Draws:
    def __init__(self, seed: Seed, name: str | None) -> None:
        self._seed = np.random.SeedSequence() if seed is None else seed  # one for all factors
        self._name = "" if name is None else f"{name}."

    def of(self, distribution: Distribution, shape: tuple[int, ...], factor: str) -> Float64Array:
        return np.asarray(fill(distribution, shape, seed=self._seed, name=self._name + factor, dtype=np.float64))


def _from_zero(a: Float64Array, weight: Array) -> Adapter:
    return Adapter(a.astype(weight.dtype), np.zeros((len(weight), len(a)), weight.dtype), weight)


def _orthogonal(weight: Array, rank: int, draws: _Draws) -> Adapter:
    if rank % 2:
        raise ValueError(f"rank must be even for 'orthogonal', got {rank}")
    q = draws.of(Orthogonal().distribution_for((rank, rank)), (rank, rank), "lora_Q")
    normals = draws.of(Normal(0.0, 1.0), (weight.shape[1], rank // 2), "lora_A")
    a = (normals @ q[0::2]).T / OF_ORTHOGONAL
    b = draws.of(Normal(0.0, 1.0), (len(weight), rank // 2), "lora_B") @ q[1::2] / OF_ORTHOGONAL
    return Adapter(np.ascontiguousarray(a).astype(weight.dtype), b.astype(weight.dtype), weight)


def _leading(
    weight: Float64Array, rank: int, iterations: int, draws: _Draws
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """The largest singular values with their vectors, nearly: those within a subspace that iterations turn to them."""
    q, _ = np.linalg.qr(weight @ draws.of(Normal(0.0, 1.0), (weight.shape[1], rank), "lora_Q"))
    for _ in range(iterations):
        back, _ = np.linalg.qr(weight.T @ q)
        q, _ = np.linalg.qr(weight @ back)
    u, s, vt = np.linalg.svd(q.T @ weight, full_matrices=False)
    return q @ u, s, vt


def _rest(a: Float64Array, b: Float64Array, weight: Float64Array, scaling: float, dtype: np.dtype[np.generic]) -> Adapter:
    """The factors in the dtype, and what they leave of the weight."""
    rounded_a, rounded_b = np.ascontiguousarray(a).astype(dtype), np.ascontiguousarray(b).astype(dtype)
    base = weight - scaling * (rounded_b.astype(np.float64) @ rounded_a.astype(np.float64))
    return Adapter(rounded_a, rounded_b, base.astype(dtype))
