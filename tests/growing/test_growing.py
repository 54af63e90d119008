"""Weights from other weights, on arrays: selection, new rows, units' copies, adapters."""

import math

import numpy as np
import pytest

import fastinit
from fastinit.growing import lora, new_rows, select, widened_units

# ---- selection ----


def test_places_are_evenly_spaced_where_lengths_divide():
    large = np.arange(12 * 9).reshape(12, 9)
    assert np.array_equal(select(large, (4, 3)), large[::3, ::3])


def test_places_reach_from_end_to_end_where_lengths_do_not_divide():
    assert select(np.arange(10), (4,)).tolist() == [0, 3, 6, 9]
    assert select(np.arange(8), (5,)).tolist() == [0, 2, 4, 5, 7]  # 0, 1.75, 3.5, 5.25, 7, half to even


def test_consecutive_ones_are_the_first():
    large = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(select(large, (1, 2, 3), method="consecutive"), large[:1, :2, :3])


@pytest.mark.parametrize("shape", [(3, 4), (0, 2), ()])
def test_a_selection_has_its_shape_and_memory_of_its_own(shape):
    large = np.ones((3, 4) if shape else (), np.float16)
    small = select(large, shape)
    assert small.shape == shape and small.dtype == large.dtype and not np.shares_memory(small, large)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((5, 4), {}, r"shape must have at most the lengths of the larger one's \(3, 4\), got \(5, 4\)"),
        ((3,), {}, r"shape must have at most the lengths .*, got \(3,\)"),
        ((3, 4), {"method": "random"}, "method must be one of 'uniform', 'consecutive', got 'random'"),
    ],
)
def test_a_selection_that_does_not_fit_is_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        select(np.ones((3, 4)), shape, **options)


# ---- new rows ----


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_new_rows_have_the_mean_and_the_covariance_of_the_old_ones(scale):
    """20,000 rows: a mean within 5 standard errors, and each covariance likewise (1 in a million by chance each)."""
    mixing = np.array([[1.0, 0.8, 0.0], [0.0, 0.5, 0.3], [0.0, 0.0, 0.2]])
    old = np.random.default_rng(0).normal(size=(300, 3)) @ mixing + [5.0, -1.0, 0.0]
    made, n = new_rows(old, 20_000, covariance_scale=scale, seed=0, name="embed"), 20_000
    wanted = scale * np.cov(old.T, bias=True)
    std = np.sqrt(wanted.diagonal())
    assert (abs(made.mean(0) - old.mean(0)) < 5 * std / math.sqrt(n)).all()
    error = np.sqrt((np.outer(std, std) ** 2 + wanted**2) / n)  # of a covariance of normal values
    assert (abs(np.cov(made.T) - wanted) < 5 * error).all()


def test_a_covariance_without_an_inverse_serves():
    old = np.repeat(np.arange(4.0)[:, None], 6, axis=1)  # six equal columns of 4 rows
    made = new_rows(old, 50, covariance_scale=1.0, seed=0)
    assert np.allclose(made, made[:, :1]) and made.std() > 0.5


def test_a_new_row_depends_on_its_place_and_not_on_how_many_there_are():
    old = np.random.default_rng(0).normal(size=(20, 3))
    few, many = (new_rows(old, count, covariance_scale=1.0, seed=1, name="embed") for count in (3, 10))
    np.testing.assert_allclose(few, many[:3], rtol=1e-12)
    assert not np.allclose(many, new_rows(old, 10, covariance_scale=1.0, seed=1, name="head"))


def test_pieces_of_new_rows_are_those_of_the_whole(monkeypatch):
    from fastinit.growing import rows

    old = np.random.default_rng(0).normal(size=(20, 3))
    whole = new_rows(old, 10, covariance_scale=1.0, seed=1)
    monkeypatch.setattr(rows, "CHUNK", 60)
    np.testing.assert_allclose(new_rows(old, 10, covariance_scale=1.0, seed=1), whole, rtol=1e-12)


def test_biases_are_rows_of_one():
    made = new_rows(np.array([1.0, 3.0], np.float32), 1000, covariance_scale=1.0, seed=0)
    assert made.shape == (1000,) and made.dtype == np.float32 and abs(made.mean() - 2) < 5 / math.sqrt(1000)


@pytest.mark.parametrize(
    ("old", "options", "message"),
    [
        (np.ones((0, 3)), {}, r"old must have rows, got an array of shape \(0, 3\)"),
        (np.ones(()), {}, r"old must have rows"),
        (np.full((2, 2), np.nan), {}, "old must have finite values"),
        (np.ones((2, 2)), {"count": -1}, "count must be an int of at least 0, got -1"),
        (np.ones((2, 2)), {"covariance_scale": -1.0}, "covariance_scale must be a finite number that is not negative"),
    ],
)
def test_what_has_no_covariance_is_refused(old, options, message):
    with pytest.raises(ValueError, match=message):
        new_rows(old, **{"count": 3, **options})


# ---- units ----


def test_copies_are_uniform_among_the_units():
    """Chi-squared of 4,000 copies of 8 units: below 24.3 but for 1 in 1000 seeds."""
    copied = widened_units(8, 4008, seed=0, name="fc")
    counts = np.bincount(copied[8:], minlength=8)
    assert copied[:8].tolist() == [*range(8)]
    assert ((counts - 500) ** 2 / 500).sum() < 24.3


def test_fewer_units_are_refused():
    with pytest.raises(ValueError, match="width must be at least the 8 units that there are, got 7"):
        widened_units(8, 7)


# ---- adapters ----

METHODS = [True, "default", "gaussian", "orthogonal", "pissa", "pissa_niter_4", "olora"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(12, 8), (8, 12)])
@pytest.mark.parametrize("scaling", [1.0, 2.5])
def test_the_base_with_its_adapter_is_the_weight(method, shape, scaling):
    weight = fastinit.normal(shape, seed=1)
    a, b, base = lora(weight, 4, method, scaling=scaling, seed=0, name="q")
    assert a.shape == (4, shape[1]) and b.shape == (shape[0], 4)
    np.testing.assert_allclose(base + scaling * b @ a, weight, atol=2e-6)
    assert {array.dtype for array in (a, b, base)} == {np.dtype(np.float32)}


def test_pissa_takes_the_largest_singular_values_and_leaves_the_rest():
    weight = fastinit.normal((12, 8), seed=1, dtype="float64")
    singular = np.linalg.svd(weight, compute_uv=False)
    a, b, base = lora(weight, 3, "pissa", scaling=2.0)
    np.testing.assert_allclose(np.linalg.svd(2.0 * b @ a, compute_uv=False)[:3], singular[:3])
    np.testing.assert_allclose(np.linalg.svd(base, compute_uv=False)[:5], singular[3:])
    np.testing.assert_allclose(a @ a.T, b.T @ b, atol=1e-12)  # both have sqrt(S / scaling)


def test_iterations_come_to_the_singular_values():
    weight = fastinit.normal((12, 8), seed=1, dtype="float64")
    errors = [
        np.linalg.norm(lora(weight, 3, f"pissa_niter_{n}", seed=0).base - lora(weight, 3, "pissa").base) for n in (0, 40)
    ]
    assert errors[1] < 1e-6 < errors[0]


def test_olora_has_orthonormal_columns():
    b = lora(fastinit.normal((12, 8), seed=1, dtype="float64"), 3, "olora").b
    np.testing.assert_allclose(b.T @ b, np.eye(3), atol=1e-12)


def test_orthogonal_factors_have_the_product_0_and_the_size_of_pefts():
    """Elements are normal with std sqrt(1/2) / 10 to the accuracy of Haar's rows: each column has norm^2 of chi^2(r/2)."""
    a, b, _ = lora(np.zeros((400, 300)), 8, "orthogonal", seed=0)
    np.testing.assert_allclose(b @ a, 0, atol=1e-14)
    assert (100 * a**2).sum(0).mean() == pytest.approx(4, abs=5 * math.sqrt(8 / 300))
    assert np.linalg.matrix_rank(a) == 4


def test_gaussian_has_the_std_of_the_rank():
    a = lora(np.zeros((3, 5000)), 4, "gaussian", seed=0).a
    assert a.std() == pytest.approx(1 / 4, rel=5 / math.sqrt(2 * a.size))


def test_names_and_seeds_decide_what_is_random():
    weight = np.zeros((6, 4), np.float32)
    same, again, other = (lora(weight, 2, "gaussian", seed=0, name=name).a for name in ("q", "q", "v"))
    assert np.array_equal(same, again) and not np.array_equal(same, other)


@pytest.mark.parametrize(
    ("weight", "rank", "method", "message"),
    [
        (np.ones((4, 4)), 2, "eva", "init_lora_weights must be one of True, 'default', 'gaussian'.*, got 'eva'"),
        (np.ones((4, 4)), 2, False, "init_lora_weights must be one of .*, got False"),
        (np.ones((4, 4)), 5, "pissa", r"rank must be at most the lengths of the weight \(4, 4\) for 'pissa', got 5"),
        (np.ones((4, 4)), 5, "olora", "rank must be at most"),
        (np.ones((4, 4)), 3, "orthogonal", "rank must be even for 'orthogonal', got 3"),
        (np.ones((4, 4)), 0, "pissa", "rank must be an int of at least 1, got 0"),
        (np.ones(4), 1, "pissa", r"weight must be a matrix \(outputs, inputs\), got shape \(4,\)"),
        (np.full((4, 4), np.inf), 1, "pissa", "weight must have finite values"),
    ],
)
def test_an_adapter_that_cannot_be_is_refused(weight, rank, method, message):
    with pytest.raises(ValueError, match=message):
        lora(weight, rank, method)
