"""Vectors that point the same way are found among many, whatever factor, sign and rounding, and no others."""

import ml_dtypes
import numpy as np
import pytest

from fastinit.auditing.alike import _groups, _keys, alike
from fastinit.auditing.leading import ALIKE, directions

rng = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16, ml_dtypes.float8_e5m2], ids=lambda of: of.__name__)
@pytest.mark.parametrize("length", [16, 31, 32, 64])
def test_multiples_are_found_after_rounding(dtype, length):
    first = rng.standard_normal((600, length))
    later = first * rng.choice([-3.1, 0.7, 2.3, 1.0], 600)[:, None] + rng.normal(0, 0.1, (600, 1))
    towards = directions(np.concatenate([first, later]).astype(dtype).astype(np.float64))
    close = np.flatnonzero(np.abs(np.einsum("ij,ij->i", towards[600:], towards[:600])) > ALIKE)
    assert len(close) > 500
    assert [*alike(towards)] == [(600 + i, i) for i in close.tolist()]


def test_independent_vectors_are_not_alike():
    assert [*alike(directions(rng.standard_normal((2000, 16))))] == []


def test_each_of_many_copies_is_a_copy_of_the_first():
    towards = directions(np.repeat(rng.standard_normal((2, 64)), [1, 300], axis=0))
    assert [*alike(towards)] == [(i, 1) for i in range(2, 301)]


@pytest.mark.parametrize("n", [0, 1, 5])
def test_vectors_of_equal_values_are_like_no_other(n):
    assert [*alike(directions(np.ones((n, 16))))] == []


def test_few_pairs_are_compared():
    compared = sum(len(group) ** 2 for group in _groups(_keys(rng.standard_normal((4000, 64)))))
    assert compared < 4000**2 / 1000
