"""New rows with the mean and the covariance of the old ones, as for tokens that a vocabulary gets."""

from __future__ import annotations

import numpy as np

from fastinit.core.fill import fill
from fastinit.distributions import Normal
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Seed

OF_HUGGING_FACE = 1e-9  # what resize_token_embeddings multiplies the covariance by
CHUNK = 2**24  # normals that are in memory at a time


def new_rows(
    old: Array, count: int, *, covariance_scale: float = OF_HUGGING_FACE, seed: Seed = None, name: str | None = None
) -> Array:
    """`count` rows, independent N(m, covariance_scale C), m the mean of the old rows and C their covariance.

    C = 1/n sum (x_i - m)(x_i - m)^T of the n rows x_i. Row k is m + sqrt(covariance_scale / n) sum_i z_ki (x_i - m), z_ki
    independent N(0, 1): that has this distribution also where C has no inverse. z is a tensor (count, n) of the seed and the
    name, so that row k depends on them and on k, and not on how many there are.

    `old`: (n, d) or (n,), n > 0. `covariance_scale`: the default is that of Hugging Face's `resize_token_embeddings`, which
    puts new rows almost on the mean; 1 spreads them like the old ones. Computed in float64 and given in the dtype of
    `old`, to about an ulp on another BLAS. ValueError for old rows that are not finite.

    Hewitt 2021, "Initializing New Word Embeddings for Pretrained Language Models", and transformers 4.46 and later.

    >>> import numpy as np, fastinit.growing
    >>> old = fastinit.normal((1000, 2), mean=3.0, std=0.5, seed=0)
    >>> fastinit.growing.new_rows(old, 4000, covariance_scale=1.0, seed=0, name="embed").std(0).round(1)
    array([0.5, 0.5], dtype=float32)
    """
    old = np.asarray(old)
    checks.integer("count", count, least=0)
    scale = checks.not_negative("covariance_scale", covariance_scale)
    if old.ndim not in (1, 2) or not len(old):
        raise ValueError(f"old must have rows, got an array of shape {old.shape}")
    wide = old.reshape(len(old), -1).astype(np.float64)
    if not np.isfinite(wide).all():
        raise ValueError("old must have finite values, got NaN or infinity among them")
    mean = wide.mean(axis=0)
    wide -= mean
    rows, step = np.empty((count, wide.shape[1])), max(1, CHUNK // len(wide))
    seed = np.random.SeedSequence() if seed is None else seed  # one for all chunks
    for first in range(0, count, step):
        part = slice(first, min(first + step, count))
        normals = fill(Normal(0.0, 1.0), (count, len(wide)), seed=seed, name=name, dtype=np.float64, index=part)
        rows[part] = mean + (scale / len(wide)) ** 0.5 * (normals @ wide)
    return rows.reshape(count, *old.shape[1:]).astype(old.dtype)
