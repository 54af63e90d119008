"""Each check returns the plain value, and its error names the argument, the rule and the value."""

import math
from fractions import Fraction

import numpy as np
import pytest

from fastinit.runtime import checks


@pytest.mark.parametrize(
    ("check", "given", "plain"),
    [
        (checks.number, np.float32(0.5), 0.5),
        (checks.number, Fraction(1, 4), 0.25),
        (checks.number, math.inf, math.inf),
        (checks.finite, 3, 3.0),
        (checks.positive, np.int64(2), 2.0),
        (checks.not_negative, 0, 0.0),
        (checks.share, 1, 1.0),
        (checks.integer, np.uint8(7), 7),
        (checks.boolean, np.True_, True),
    ],
)
def test_a_valid_value_comes_back_in_its_plain_type(check, given, plain):
    value = check("x", given)
    assert (value, type(value)) == (plain, type(plain))


@pytest.mark.parametrize(
    ("check", "given", "error", "text"),
    [
        (checks.number, "1", TypeError, "x must be a number, got '1'"),
        (checks.number, None, TypeError, "x must be a number, got None"),
        (checks.number, 1j, TypeError, "x must be a number, got 1j"),
        (checks.finite, math.inf, ValueError, "x must be finite, got inf"),
        (checks.finite, math.nan, ValueError, "x must be finite, got nan"),
        (checks.positive, 0, ValueError, "x must be a positive finite number, got 0"),
        (checks.not_negative, -1, ValueError, "x must be a finite number that is not negative, got -1"),
        (checks.share, 1.5, ValueError, "x must be a share between 0 and 1, got 1.5"),
        (checks.integer, 2.0, TypeError, "x must be an int, got 2.0"),
        (checks.integer, True, TypeError, "x must be an int, got True"),
        (checks.boolean, 1, TypeError, "x must be True or False, got 1"),
    ],
)
def test_an_error_names_argument_rule_and_value(check, given, error, text):
    with pytest.raises(error) as raised:
        check("x", given)
    assert str(raised.value) == text


def test_an_int_may_have_a_least_value():
    assert checks.integer("depth", 1, least=1) == 1
    with pytest.raises(ValueError, match="depth must be an int of at least 1, got 0"):
        checks.integer("depth", 0, least=1)


@pytest.mark.parametrize("given", ["other", ["a"], None])
def test_a_choice_lists_all_that_is_allowed(given):
    assert checks.one_of("mode", "a", ("a", "b")) == "a"
    with pytest.raises(ValueError, match="mode must be one of 'a', 'b', got"):
        checks.one_of("mode", given, ("a", "b"))


@pytest.mark.parametrize(("given", "plain"), [(3, (3,)), ([2, np.int8(3)], (2, 3)), ((), ()), (np.array([4, 5]), (4, 5))])
def test_a_shape_is_a_tuple_of_ints(given, plain):
    assert checks.shape(given) == plain


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (1.5, TypeError, "shape must be an int or a sequence of ints, got 1.5"),
        ("ab", TypeError, "shape must be an int or a sequence of ints, got 'ab'"),
        ((2, -1), ValueError, "shape must have no negative length"),
        ((2**32, 2**31), ValueError, r"shape must have at most 2\*\*63 - 1 elements"),
    ],
)
def test_what_is_no_shape_is_refused(given, error, text):
    with pytest.raises(error, match=text):
        checks.shape(given)
