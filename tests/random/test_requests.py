"""What NumPy refuses, and what it takes without a warning: the Generator does the same."""

import warnings

import numpy as np
import pytest

from fastinit import default_rng
from tests.support import error_of

MANY = 5000
UNSIGNED = np.array([10], np.uint64)  # no safe cast makes int64 of them
MATRIX = {"mean": [0.0], "cov": [[1.0]]}
REFUSED = {
    "unsigned trials": lambda rng: rng.binomial(UNSIGNED, 0.5),
    "many unsigned trials": lambda rng: rng.binomial(UNSIGNED, 0.5, MANY),
    "one unsigned number of trials": lambda rng: rng.binomial(UNSIGNED.reshape(()), 0.5, 3),
    "no unsigned trials": lambda rng: rng.binomial(UNSIGNED, 0.5, 0),
    "unsigned trials of many vectors": lambda rng: rng.multinomial(UNSIGNED, [0.5, 0.5], MANY),
    **{
        f"{method}{arguments} of no values": lambda rng, method=method, arguments=arguments: getattr(rng, method)(*arguments)
        for method, arguments in (
            *(("gamma", ([], -1.0)), ("gamma", (np.empty((0, 2)), [-1.0])), ("gamma", (-1.0, [])), ("gamma", ([], -1.0, 0))),
            *(("beta", ([], 0.0)), ("beta", (-1.0, [])), ("f", ([], -1.0)), ("f", (0.0, [], 0)), ("normal", ([], -1.0))),
            *(("binomial", (np.empty(0, int), 2.0)), ("binomial", (-1, [])), ("negative_binomial", ([], 2.0))),
            *(("triangular", ([], 1.0, 0.0)), ("noncentral_chisquare", ([], -1.0)), ("noncentral_f", ([], 0.0, 1.0))),
            *(
                ("lognormal", ([], -1.0)),
                ("gumbel", ([], -1.0)),
                ("exponential", (-1.0, 0)),
                ("dirichlet", ([-1.0, 1.0], 0)),
            ),
        )
    },
    "a list of methods": lambda rng: rng.multivariate_normal(**MATRIX, method=["svd"]),
    "a dictionary": lambda rng: rng.multivariate_normal(**MATRIX, method={"svd": 1}),
    "two methods": lambda rng: rng.multivariate_normal(**MATRIX, method=np.array(["svd", "eigh"])),
    "a list of checks": lambda rng: rng.multivariate_normal(**MATRIX, check_valid=["warn"]),
    "a huge order": lambda rng: rng.permutation(10**400),
    "an order larger than memory can be": lambda rng: rng.permutation(2**62),
    "huge bytes": lambda rng: rng.bytes(10**400),
    **{
        f"a huge parameter of {method}": lambda rng, method=method: getattr(rng, method)(10**400, 0.5, 3)
        for method in ("normal", "uniform", "gamma", "beta", "binomial", "negative_binomial", "lognormal", "gumbel")
    },
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_numpy_refuses_is_refused_in_its_words(call):
    assert error_of(call, default_rng(0)) == error_of(call, np.random.default_rng(0))


TAKEN = {
    "an unsigned number of trials": lambda rng: rng.binomial(np.uint64(10), 0.5, 3),
    "a list of unsigned trials": lambda rng: rng.binomial([np.uint64(10)], 0.5, 3),
    "narrow unsigned trials": lambda rng: rng.binomial(UNSIGNED.astype(np.uint32), 0.5, MANY),
    "no values": lambda rng: rng.gamma([], 2.0),
    "no rates": lambda rng: rng.poisson(np.empty((0, 2))),
    "no values of one scale": lambda rng: rng.beta(np.empty((0, 2)), [2.0]),
    "a method in an array": lambda rng: rng.multivariate_normal(**MATRIX, method=np.array("svd")),
    "a method in an array of one": lambda rng: rng.multivariate_normal(**MATRIX, method=np.array(["cholesky"])),
    "a check in an array": lambda rng: rng.multivariate_normal(**MATRIX, check_valid=np.array("warn")),
    "a subclass of text": lambda rng: rng.multivariate_normal(**MATRIX, method=np.str_("eigh")),
    "scales that overflow": lambda rng: rng.normal([-1.0], 1e308, MANY),
    "scales that overflow beside NaN": lambda rng: rng.lognormal([np.nan], 1e308, 3),
    "scales that overflow, of many": lambda rng: rng.lognormal([1.0], 1e308, 100 * MANY),
    "scales that underflow": lambda rng: rng.normal([0.0], 1e-308, MANY),
    "few degrees of freedom": lambda rng: rng.noncentral_f(2.0, 1e-99, 1.0, MANY),
    "alphas that underflow": lambda rng: rng.dirichlet([1e-5, 1e-5, 1e-5], MANY),
}


@pytest.mark.parametrize("call", TAKEN.values(), ids=TAKEN)
@np.errstate(all="raise")
def test_what_numpy_takes_is_taken_without_an_error_or_a_warning(call):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numpys, ours = np.asarray(call(np.random.default_rng(0))), np.asarray(call(default_rng(0)))
    assert (ours.dtype, ours.shape) == (numpys.dtype, numpys.shape)
