"""Normal vectors: NumPy's, from the kernels' normals, with sums in one order."""

import warnings

import numpy as np
import pytest

import fastinit
from fastinit import default_rng
from fastinit.random import RandomState
from tests.support import BACKENDS, error_of
from tests.thresholds import STANDARD_ERRORS

MEAN = np.array([1.0, -2.0, 0.5])
COVARIANCE = np.array([[2.0, 0.5, -0.3], [0.5, 1.0, 0.2], [-0.3, 0.2, 0.7]])
METHODS = ("svd", "eigh", "cholesky")


@pytest.mark.parametrize("size", [None, 5, np.int32(5), (2, 3), [4, 1], (), 0, (3, 0)], ids=repr)
@pytest.mark.parametrize("method", METHODS)
def test_vectors_are_numpys_of_the_same_normals_whatever_the_size(method, size):
    drawn = default_rng(3).multivariate_normal(MEAN, COVARIANCE, size, method=method)
    numpys = np.random.Generator.multivariate_normal(default_rng(3), MEAN, COVARIANCE, size, method=method)
    assert drawn.shape == numpys.shape and drawn.dtype == numpys.dtype
    np.testing.assert_allclose(drawn, numpys, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dimensions", [1, 2, 4, 17, 60])
def test_means_and_covariances_are_those_asked_for(method, dimensions):
    n, rng = 100_000, np.random.default_rng(dimensions)
    root = rng.standard_normal((dimensions, dimensions)) / np.sqrt(dimensions)
    mean, covariance = rng.standard_normal(dimensions), root @ root.T + 0.1 * np.eye(dimensions)
    drawn = default_rng(5).multivariate_normal(mean, covariance, n, method=method)
    variances = np.diag(covariance)
    assert (abs(drawn.mean(axis=0) - mean) < STANDARD_ERRORS * np.sqrt(variances / n)).all()
    # the variance of a product of two normals is that of both, times each other, plus their covariance squared
    of_products = np.sqrt((np.outer(variances, variances) + covariance**2) / n)
    assert (abs(np.cov(drawn.T).reshape(covariance.shape) - covariance) < STANDARD_ERRORS * of_products).all()


@pytest.mark.parametrize("name, level", BACKENDS)
@pytest.mark.parametrize("dimensions", [1, 3, 8, 9, 33])  # products are added by eights, columns by fours
def test_the_sums_are_made_in_one_order_on_every_backend(name, level, dimensions, num_threads):
    n, rng = 700, np.random.default_rng(dimensions)
    normals, factor, mean = (rng.standard_normal(shape) for shape in ((n, dimensions), (dimensions, dimensions), dimensions))
    expected = np.zeros((n, dimensions))
    for k in range(dimensions):
        expected += normals[:, k, None] * factor[k]
    expected += mean
    with fastinit.use_backend(name, level) as chosen:
        for threads in (1, 3):
            np.testing.assert_array_equal(chosen.operations.product(normals, factor, mean, threads), expected)


def test_a_draw_is_a_prefix_of_every_longer_one_on_any_number_of_threads(num_threads):
    num_threads(1)
    longest = default_rng(7).multivariate_normal(MEAN, COVARIANCE, 100_000, method="cholesky")
    num_threads(3)
    for n in (1, 15, 16, 17, 30_001, 100_000):  # rows are taken by sixteens
        drawn = default_rng(7).multivariate_normal(MEAN, COVARIANCE, n, method="cholesky")
        np.testing.assert_array_equal(drawn, longest[:n])


NO_COVARIANCE = [[1.0, 2.0], [2.0, 1.0]]


@pytest.mark.parametrize("method", ["svd", "eigh"])
def test_a_matrix_that_is_no_covariance_is_warned_of_refused_or_taken_as_numpy_does(method):
    calls = [
        lambda check, rng=rng: rng.multivariate_normal([0.0, 0.0], NO_COVARIANCE, 4, check, method=method)
        for rng in (default_rng(3), np.random.default_rng(3))
    ]
    for call in calls:
        with pytest.warns(RuntimeWarning, match="covariance is not symmetric positive-semidefinite") as caught:
            assert call("warn").shape == (4, 2)
        assert caught[0].filename == __file__
        with pytest.raises(ValueError, match="covariance is not symmetric positive-semidefinite"):
            call("raise")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call("ignore")


def test_a_tolerance_decides_what_is_nearly_a_covariance():
    nearly = [[1.0, 1.0 + 1e-6], [1.0 + 1e-6, 1.0]]
    with pytest.warns(RuntimeWarning):
        default_rng(3).multivariate_normal([0.0, 0.0], nearly, method="eigh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        default_rng(3).multivariate_normal([0.0, 0.0], nearly, tol=1e-5, method="eigh")


REFUSED = {
    "a number for a mean": lambda rng: rng.multivariate_normal(0.0, [[1.0]]),
    "one axis for a covariance": lambda rng: rng.multivariate_normal([0.0], [1.0]),
    "no square": lambda rng: rng.multivariate_normal([0.0, 0.0], np.zeros((2, 3))),
    "another length": lambda rng: rng.multivariate_normal([0.0, 0.0], np.eye(3)),
    "method": lambda rng: rng.multivariate_normal([0.0], [[1.0]], method="lu"),
    "check_valid": lambda rng: rng.multivariate_normal([0.0], [[1.0]], check_valid="maybe"),
    "no Cholesky factor": lambda rng: rng.multivariate_normal([0.0, 0.0], NO_COVARIANCE, method="cholesky"),
    "NaN": lambda rng: rng.multivariate_normal([0.0], [[np.nan]]),
    "complex covariance": lambda rng: rng.multivariate_normal([0.0], [[1j]]),
    "text": lambda rng: rng.multivariate_normal(["a"], [[1.0]]),
    "ragged": lambda rng: rng.multivariate_normal([0.0, 0.0], [[1.0], [1.0, 2.0]]),
    "negative size": lambda rng: rng.multivariate_normal([0.0], [[1.0]], -1),
    "size of floats": lambda rng: rng.multivariate_normal([0.0], [[1.0]], 2.0),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_numpy_refuses_is_refused_in_its_words(call):
    assert error_of(call, default_rng(0)) == error_of(call, np.random.default_rng(0))


def test_a_random_state_draws_the_same():
    drawn = RandomState(3).multivariate_normal(MEAN, COVARIANCE, 10)
    expected = default_rng(RandomState(3)._bit_generator).multivariate_normal(MEAN, COVARIANCE, 10)
    np.testing.assert_array_equal(drawn, expected)
