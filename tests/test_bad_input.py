"""Bad input is refused by an error that names the argument, the value and what is allowed, before anything is written."""

from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest

import fastinit
from fastinit.initializers import INITIALIZERS
from tests.support import ARGUMENTS, SHAPES_OF_OTHERS, made

DRAWN = [name for name in INITIALIZERS if name not in ("zeros", "ones", "constant")]


def refuses(function, parameters, error, argument, value, shape=None, **options):
    """The function refuses the parameters and options, names the argument and the value, and leaves `out` as it was."""
    shape = SHAPES_OF_OTHERS.get(function, (5, 6)) if shape is None else shape
    out, needed = np.full(shape, 7, np.float32), vars(made(function))
    with pytest.raises(error) as refusal:
        INITIALIZERS[function](shape, **{**needed, **parameters}, **{"layout": "oi", "out": out, **options})
    assert argument in str(refusal.value) and str(value) in str(refusal.value), str(refusal.value)
    assert (out == 7).all()


def having(*names, kinds=()):
    """(initializer, parameter) for each parameter of these names or types."""
    return [
        (name, field.name)
        for name, fills in INITIALIZERS.items()
        for field in fields(fills.initializer)
        if field.name in names or field.type in kinds
    ]


@pytest.mark.parametrize(("name", "field"), having("std"))
@pytest.mark.parametrize("value", [-1.0, -1e-9, np.nan, np.inf])
def test_a_std_that_is_negative_nan_or_infinite_is_refused(name, field, value):
    refuses(name, {field: value}, ValueError, field, value)


@pytest.mark.parametrize(("name", "field"), having(kinds=("float", "float | None")))
def test_a_parameter_that_is_nan_is_refused(name, field):
    refuses(name, {field: np.nan}, ValueError, field, "nan")


@pytest.mark.parametrize(("name", "field"), having(kinds=("float", "int", "float | None", "int | None")))
@pytest.mark.parametrize("value", ["much", [1.0], {}, 1j])
def test_a_parameter_that_is_no_number_is_refused(name, field, value):
    refuses(name, {field: value}, TypeError, field, value)


EXTREME = [10**400, -(10**400), 10**5000, 2**63, -(2**63), Fraction(10**400), 1.7e308, -1.7e308, 1e39, 5e-324, 1e-310, -0.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "field"), having(kinds=("float", "int", "float | None", "int | None")))
def test_an_extreme_number_is_taken_or_refused_in_a_sentence(name, field, dtype):
    for value in EXTREME:
        try:
            with np.errstate(over="ignore"):
                INITIALIZERS[name](
                    SHAPES_OF_OTHERS.get(name, (5, 6)), **{**vars(made(name)), field: value}, seed=0, dtype=dtype
                )
        except (ValueError, TypeError) as refusal:
            assert len(str(refusal)) < 500 and "sys.set_int_max_str_digits" not in str(refusal)


@pytest.mark.parametrize(
    ("name", "parameters", "dtype", "message"),
    [
        ("normal", {"std": 10**400}, "float32", "std must be within the range of float64, got an int of 1329 bits"),
        ("normal", {"std": 1e38}, "float32", "mean and std must be such that all values are within the range of float32"),
        ("normal", {"std": 1e308}, "float64", "mean and std must be such that all values are within the range of float64"),
        ("normal", {"mean": 1e308, "std": 2e307}, "float64", "mean and std must be such that"),
        (
            "truncated_normal",
            {"std": 1e308},
            "float64",
            "mean and std must be such that all values are within the range of float64",
        ),
        ("uniform", {"low": -1e308, "high": 1e308}, "float64", "high - low must be within the range of float64"),
        ("he_normal", {"negative_slope": 1e308}, "float32", "HeNormal(negative_slope=1e+308) has parameters of which"),
        (
            "depth_scaled",
            {"depth": 10**5000},
            "float32",
            "depth must be an int of at most 64 bits, got an int of 16610 bits",
        ),
    ],
)
def test_numbers_whose_values_no_array_can_hold_are_refused(name, parameters, dtype, message):
    with pytest.raises(ValueError) as refusal:
        INITIALIZERS[name]((5, 6), **parameters, seed=0, dtype=dtype)
    assert str(refusal.value).startswith(message)


def test_numbers_whose_values_an_array_can_hold_are_taken():
    assert np.isfinite(fastinit.normal(1000, std=2e307, dtype="float64", seed=0)).all()
    assert np.isfinite(fastinit.truncated_normal(1000, std=8e307, dtype="float64", seed=0)).all()
    assert np.isfinite(fastinit.uniform(1000, low=-8e307, high=8e307, dtype="float64", seed=0)).all()


@pytest.mark.parametrize(
    ("name", "field"),
    having("mode", "distribution", "convention", "bounds", "nonlinearity", "scheme", "part", "role", kinds=("str",)),
)
@pytest.mark.parametrize("value", ["fan_sum", "", 3, ["fan_in"]])
def test_an_unknown_choice_is_refused(name, field, value):
    refuses(name, {field: value}, (ValueError, TypeError), field, value)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("uniform", "low", "high"),
        ("truncated_normal", "low", "high"),
        ("random_init", "lower_bound", "upper_bound"),
        ("mamba_dt_bias", "dt_min", "dt_max"),
        ("mamba2_a_log", "low", "high"),
    ],
)
def test_bounds_that_are_reversed_are_refused(name, low, high):
    refuses(name, {low: 2.0, high: 1.0}, ValueError, low, 2.0)


@pytest.mark.parametrize("bounds", ["sigmas", "absolute"])
def test_a_truncated_normal_of_no_width_is_refused(bounds):
    refuses("truncated_normal", {"low": 1.0, "high": 1.0, "bounds": bounds}, ValueError, "low must be below high", 1.0)


@pytest.mark.parametrize("dtype", [bool, "bool", int, "int8", np.uint32, "int64", "complex64", str, None, "float80"])
@pytest.mark.parametrize("name", ["he_normal", "zeros", "orthogonal"])
def test_a_dtype_that_fastinit_lacks_is_refused(name, dtype):
    refuses(name, {}, TypeError, "dtype must be one of float32, float64, float16, bfloat16", dtype, dtype=dtype)


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("seed", -1, ValueError),
        ("seed", 1.5, TypeError),
        ("name", b"w", TypeError),
        ("dtype", "int8", TypeError),
        ("dtype", "float64", TypeError),  # that of `out` is another
        ("layout", 7, TypeError),
        ("layout", "hw", ValueError),
    ],
)
@pytest.mark.parametrize("name", DRAWN)
def test_no_initializer_writes_to_out_before_the_options_are_checked(name, option, value, error):
    refuses(name, {}, error, option, value, **{option: value})


FAMILIES = ("xavier_u", "xavier_n", "he_u", "he_n", "lecun", "variance_scaling", "small_init", "spectral", "mup", "siren")
NEEDS_FANS = [name for name in INITIALIZERS if name.startswith(FAMILIES)]


@pytest.mark.parametrize("shape", [(), (6,)])
@pytest.mark.parametrize("name", [*NEEDS_FANS, "orthogonal", "sparse", "identity", "xavier_init", "he_init"])
def test_a_shape_of_too_few_axes_is_refused(name, shape):
    refuses(name, {}, ValueError, "has no fan_in", shape, shape=shape)


@pytest.mark.parametrize("shape", [(0, 6), (6, 0), (0, 0)])
@pytest.mark.parametrize("name", NEEDS_FANS)
def test_a_shape_with_a_fan_of_zero_is_refused(name, shape):
    refuses(name, {}, ValueError, "has a fan of zero", shape, shape=shape)


@pytest.mark.parametrize("shape", ["weight", 3.0, (3, 2.0), None, (3, None), np.array([3.0])])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(TypeError, match="shape must be an int or a sequence of ints, got "):
        fastinit.normal(shape)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ([0.0] * 30, TypeError, "out must be a numpy array, got list"),
        (np.full((6, 5), 7, np.float32), ValueError, "out has shape (6, 5), but the values asked for have shape (5, 6)"),
        (np.full((5, 6), 7, np.float64), TypeError, "out has dtype float64, but dtype is float32: pass dtype=out.dtype"),
        (np.full((5, 6), 7, np.int32), TypeError, "out has dtype int32, but dtype is float32: pass dtype=out.dtype"),
        (np.broadcast_to(np.float32(7), (5, 6)), ValueError, "out is read-only: pass an array that may be written"),
    ],
    ids=["a list", "another shape", "another dtype", "integers", "read-only"],
)
@pytest.mark.parametrize("name", ["he_normal", "zeros", "orthogonal"])
def test_an_out_that_does_not_fit_is_refused_and_left_as_it_was(name, out, error, message):
    before = np.array(out)
    with pytest.raises(error) as refusal:
        INITIALIZERS[name]((5, 6), seed=0, out=out)
    assert str(refusal.value) == message and np.array_equal(out, before)


@pytest.mark.parametrize("name", ["he_normal", "orthogonal", "sparse", "zeros"])
def test_an_index_out_of_range_is_refused_and_nothing_written(name):
    out = np.full((6,), 7, np.float32)
    with pytest.raises(IndexError):
        INITIALIZERS[name]((5, 6), **ARGUMENTS.get(name, {}), out=out, index=9)
    assert (out == 7).all()


def test_a_parameter_beyond_the_range_of_the_dtype_is_refused_and_nothing_written():
    refuses("normal", {"std": 1e39}, ValueError, "std must be within the range of float32", "1e+39")
    refuses("orthogonal", {"gain": 1e39}, ValueError, "gain must be within the range of float32", "1e+39")


@pytest.mark.parametrize(
    ("call", "error", "argument"),
    [
        (lambda: fastinit.initializers.HeNormal(mode=np.zeros(3)), ValueError, "mode must be one of"),
        (lambda: fastinit.Layout([]), ValueError, "layout must be one of"),
        (lambda: fastinit.recipes.ready([]), ValueError, r"unknown recipe \[\]"),
        (lambda: fastinit.initializers.HeNormal.from_config(5), TypeError, "config must be a mapping"),
        (lambda: fastinit.fill_many("zeros", {"w": 3}, out=[np.zeros(3)]), TypeError, "out must be a mapping"),
        (lambda: fastinit.Recipe([]).materialize({}, loaded=["w"]), TypeError, "loaded must be a mapping"),
        (
            lambda: fastinit.get(fastinit.orthogonal.distribution_for((3, 3))).get_config(),
            TypeError,
            r"Orthogonal\(\) of a given shape has no config",
        ),
        (lambda: fastinit.Recipe([], allow_unused="no"), TypeError, "allow_unused must be True or False"),
        (lambda: fastinit.Recipe([], allow_unmatched=1), TypeError, "allow_unmatched must be True or False"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_by_the_argument_s_name(call, error, argument):
    with pytest.raises(error, match=argument):
        call()
