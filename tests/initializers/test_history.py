"""What was made before changes no value: a fresh process and one that has drawn other things give the same bits.

Caches are keyed by parameters, and 0.0 == -0.0 although they give other values.
"""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import fastinit
from fastinit.distributions import Constant, Normal, TruncatedNormal, Uniform
from fastinit.initializers import INITIALIZERS
from tests.support import ARGUMENTS, SHAPES_OF_OTHERS, bits

PARAMETERS = [
    (name, field.name)
    for name, function in INITIALIZERS.items()
    for field in fields(function.initializer)
    if "float" in str(field.type)
]
CALLS = [(f"{name}({field}={zero!r})", name, {field: zero}) for name, field in PARAMETERS for zero in (0.0, -0.0)]
CALLS += [(f"normal(mean={zero!r}, std=0.0)", "normal", {"mean": zero, "std": 0.0}) for zero in (0.0, -0.0)]
CALLS += [(f"stft(window=({zero!r}, 1.0))", "stft", {"window": (zero, 1.0, zero, 1.0, zero)}) for zero in (0.0, -0.0)]


def drawn(name, parameters):
    """The bits of a tensor, or the error's text."""
    try:
        shape = SHAPES_OF_OTHERS.get(name, (5, 6))
        return bits(INITIALIZERS[name](shape, **{**ARGUMENTS.get(name, {}), **parameters}, layout="oi", seed=0)).tolist()
    except (TypeError, ValueError) as error:
        return str(error)


def drawn_in_a_fresh_process(order):
    code = f"from tests.initializers.test_history import *; print({{n: drawn(f, p) for n, f, p in CALLS[::{order}]}})"
    root = Path(__file__).resolve().parents[2]
    return eval(subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True, text=True).stdout)


def test_no_value_depends_on_whether_a_zero_of_the_other_sign_was_asked_for_before():
    assert drawn_in_a_fresh_process(1) == drawn_in_a_fresh_process(-1)


def test_most_initializers_take_a_zero():
    """Else the test above compares errors."""
    assert sum(isinstance(drawn(name, parameters), list) for _, name, parameters in CALLS) > 30


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_mean_of_minus_zero_is_one_of_zero(zero):
    assert (bits(fastinit.normal(4, mean=zero, std=0.0, seed=0)) == 0).all()


@pytest.mark.parametrize("zero", [0.0, -0.0, 0.0])
def test_a_constant_keeps_the_sign_of_its_zero(zero):
    assert (np.signbit(fastinit.constant(4, value=zero)) == np.signbit(zero)).all()


def test_a_batch_keeps_both_zeros_apart():
    filled = fastinit.fill_many({"a": Constant(0.0), "b": Constant(-0.0)}, {"a": 2, "b": 2})
    assert not np.signbit(filled["a"]).any() and np.signbit(filled["b"]).all()


def test_constants_of_both_zeros_are_two_and_print_as_two():
    constants = Constant, fastinit.initializers.Constant
    assert all(of(0.0) != of(-0.0) and repr(of(0.0)) != repr(of(-0.0)) and of(-0.0) == of(-0.0) for of in constants)


@pytest.mark.parametrize(
    ("plus", "minus"),
    [
        (Normal(0.0, 1.0), Normal(-0.0, 1.0)),
        (Uniform(-1.0, 0.0), Uniform(-1.0, -0.0)),
        (TruncatedNormal(0.0, 1.0, 0.0, 1.0), TruncatedNormal(-0.0, 1.0, -0.0, 1.0)),
    ],
)
def test_distributions_whose_values_do_not_depend_on_the_sign_of_a_zero_are_equal(plus, minus):
    assert plus == minus and repr(plus) == repr(minus)
