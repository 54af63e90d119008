"""Mean squares under the normal have 12 digits, or there is an error that says why not."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special

from fastinit.initializers.quadrature import normal_mean_square, polynomial_mean_square

TENTHS = np.arange(-400, 400)


def relu_moment(kink):
    """E[max(z - kink, 0)^2], by parts."""
    return (1 + kink * kink) * special.ndtr(-kink) - kink * math.exp(-kink * kink / 2) / math.sqrt(2 * math.pi)


INTEGRALS = {  # f, E[f(z)^2]
    "zero": (lambda z: 0 * z, 0.0),
    "power 20": (lambda z: z**20, float(math.prod(range(1, 40, 2)))),
    "scale at the border of float64": (lambda z: 1e150 * z, 1e300),
    "tiny": (lambda z: 1e-150 * z, 1e-300),
    "exp(8 z), whose mass is at 16": (lambda z: np.exp(8 * z), math.exp(128)),
    "exp(z^2 / 5), whose tails are long": (lambda z: np.exp(z * z / 5), math.sqrt(5)),
    "sin 30 z": (lambda z: np.sin(30 * z), -math.expm1(-1800) / 2),
    "sin 1000 z": (lambda z: np.sin(1000 * z), 0.5),
    "stairs": (
        lambda z: np.floor(10 * z) / 10,
        math.fsum((TENTHS / 10) ** 2 * (special.ndtr((TENTHS + 1) / 10) - special.ndtr(TENTHS / 10))),
    ),
    "log |z|, unbounded": (lambda z: np.log(abs(z)), (math.pi**2 / 2 + (np.euler_gamma + math.log(2)) ** 2) / 4),
    "integers": (lambda z: (z > 0).astype(int), 0.5),
    "booleans": (lambda z: z > 0, 0.5),
    "writes into its argument": (lambda z: np.maximum(z, 0, out=z), 0.5),
    "one number at a time": (math.tanh, 0.39429449039784118),  # mpmath 1.4, 40 digits
    "a branch": (lambda z: z if z > 0 else 0.0, 0.5),
}


@pytest.mark.parametrize("name", INTEGRALS)
def test_mean_squares_have_12_digits(name):
    f, expected = INTEGRALS[name]
    assert normal_mean_square(f) == pytest.approx(expected, rel=1e-12, abs=0)


@given(kink=st.floats(-6, 2))  # further up the sum of `relu_moment` cancels
@example(kink=0.998)  # between the last two nodes of a panel
@example(kink=1 - 2**-30)
@settings(max_examples=100, deadline=None)
def test_a_kink_may_be_anywhere(kink):
    assert normal_mean_square(lambda z: np.maximum(z - kink, 0)) == pytest.approx(relu_moment(kink), rel=1e-12, abs=0)


@given(jump=st.floats(-8, 8) | st.integers(-8, 8))
@settings(max_examples=100, deadline=None)
def test_a_jump_may_be_anywhere(jump):
    assert normal_mean_square(lambda z: z > jump) == pytest.approx(special.ndtr(-jump), rel=1e-12, abs=0)


@pytest.mark.parametrize(("real", "error"), [(np.float32, 1e-7), (np.float16, 1e-3)])
def test_narrow_values_are_integrated_as_far_as_they_are_good(real, error):
    assert normal_mean_square(lambda z: np.tanh(z.astype(real))) == pytest.approx(0.39429449039784118, rel=error)


@pytest.mark.parametrize("derivative", [False, True])
@pytest.mark.parametrize(
    ("low", "high", "coefficients"),
    [
        (-math.inf, math.inf, (1.0,)),
        (-math.inf, math.inf, (1, -2, 0.5, 3)),
        (-1.0, 1.0, (0, 1)),
        (0.5, math.inf, (2, 0, 0, 0, 1)),
        (-math.inf, -4.0, (0, 1)),
        (4.0, 7.0, (1, 1)),
    ],
)
def test_polynomials_have_the_mean_squares_of_the_quadrature(low, high, coefficients, derivative):
    p = np.polynomial.Polynomial(coefficients)
    p = p.deriv() if derivative else p
    expected = normal_mean_square(lambda z: np.where((z > low) & (z < high), p(z), 0.0))
    found = polynomial_mean_square(low, high, coefficients, derivative)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-16)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda z: z / (z < 2), "act must have finite values, and E[f(z)^2] be finite: got inf at z = 2"),
        (lambda z: z - np.inf, "act must have finite values, and E[f(z)^2] be finite: got -inf at z = -12"),
        (lambda z: 1e200 * z, "act must have finite values, and E[f(z)^2] be finite: got -1.19999999"),
        (lambda z: np.exp(z * z), "act must have finite values, and E[f(z)^2] be finite: got 1.5795"),
        (lambda z: np.exp(z * z / 4), "act grows too fast: E[f(z)^2] does not converge within |z| = 38"),
        (lambda z: 1 / z, "act is too rough for 1e-13 near z = 0: E[f(z)^2] does not converge; its values may be "),
        (lambda z: np.tanh(z.astype(np.float32)).astype(float), "act is too rough for 1e-13 near z = "),
        (np.sum, "act must return one real number for each z: got float64 () for (384,)"),
        (lambda z: z[:-1], "act must return one real number for each z: got float64 (383,) for (384,)"),
        (lambda z: z + 1j, "act must return one real number for each z: got complex128 (384,) for (384,)"),
        (lambda z: None, "act must return one real number for each z: got object () for (384,)"),
        (lambda z: cmath.sqrt(z), "act must return one real number for each z: got complex128 (384,) for (384,)"),
    ],
)
def test_what_has_no_mean_square_is_an_error_that_says_why(f, message):
    with pytest.raises(ValueError) as raised:
        normal_mean_square(f, called="act")
    assert str(raised.value).startswith(message)


def test_an_error_of_the_callable_itself_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        normal_mean_square(lambda z: z / 0 if isinstance(z, float) else math.tanh(z))
    with pytest.raises(TypeError, match="must be a Tensor"):
        normal_mean_square(raise_type_error)


def raise_type_error(z):
    raise TypeError("argument must be a Tensor")
