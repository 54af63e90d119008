"""Every initializer has the distribution it names, and takes the options that all share."""

import inspect
import math
from statistics import NormalDist

import numpy as np
import pytest
from numpy.random import SeedSequence

import fastinit
from fastinit import initializers
from fastinit.backends.catalogue import ELEMENTS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.distributions import Constant, Normal, TruncatedNormal, Uniform
from fastinit.initializers import INITIALIZERS
from fastinit.initializers.scaled import STD_OF_NORMAL_TRUNCATED_AT_2
from tests.support import ARGUMENTS, SHAPES_OF_OTHERS, bits
from tests.thresholds import STANDARD_ERRORS

# ---- distributions ----

# the same layer in both layouts: 200 inputs, 300 outputs; 3 x 5 kernels of 8 inputs and 16 outputs
SHAPES = [
    ("io", (200, 300), 200, 300),
    ("oi", (300, 200), 200, 300),
    ("io", (3, 5, 8, 16), 120, 240),
    ("oi", (16, 8, 3, 5), 120, 240),
    ("io", (7, 8, 16), 56, 112),
    ("oi", (16, 8, 7), 56, 112),
]

VARIANCES = {
    "xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "kaiming": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}


def std_of(distribution):
    """The standard deviation of the values, by the textbook."""
    if isinstance(distribution, Uniform):
        return (distribution.high - distribution.low) / math.sqrt(12)
    if isinstance(distribution, Normal):
        return distribution.std
    standard = NormalDist()
    a, b = distribution.low, distribution.high
    mass = standard.cdf(b) - standard.cdf(a)
    mean = (standard.pdf(a) - standard.pdf(b)) / mass
    return distribution.std * math.sqrt(1 + (a * standard.pdf(a) - b * standard.pdf(b)) / mass - mean**2)


def mean_of(distribution):
    return (
        (distribution.low + distribution.high) / 2 if isinstance(distribution, Uniform) else distribution.mean
    )  # the truncated ones here are symmetric


@pytest.mark.parametrize("family", VARIANCES)
@pytest.mark.parametrize(("layout", "shape", "fan_in", "fan_out"), SHAPES)
def test_a_preset_has_the_variance_of_its_paper(family, layout, shape, fan_in, fan_out):
    variance = VARIANCES[family](fan_in, fan_out)
    normal_distribution = getattr(fastinit, f"{family}_normal").distribution_for(shape, layout=layout)
    uniform_distribution = getattr(fastinit, f"{family}_uniform").distribution_for(shape, layout=layout)
    assert normal_distribution == Normal(0.0, math.sqrt(variance))
    assert uniform_distribution.high == -uniform_distribution.low == pytest.approx(math.sqrt(3 * variance), rel=1e-15)


@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize(
    ("mode", "n"), [("fan_in", 120), ("fan_out", 240), ("fan_avg", 180), ("fan_geo_avg", math.sqrt(120 * 240))]
)
@pytest.mark.parametrize("scale", [1.0, 2.0, 1 / 3, np.float32(0.5), 4])
def test_variance_scaling_has_variance_scale_over_n(distribution, mode, n, scale):
    drawn_from = fastinit.variance_scaling.distribution_for(
        (3, 5, 8, 16), scale=scale, mode=mode, distribution=distribution, layout="hwio"
    )
    assert std_of(drawn_from) == pytest.approx(math.sqrt(float(scale) / n), rel=1e-12)
    assert mean_of(drawn_from) == 0
    assert type(drawn_from) is {"normal": Normal, "truncated_normal": TruncatedNormal, "uniform": Uniform}[distribution]


def test_variance_scaling_truncates_its_truncated_normal_at_2_sigmas():
    distribution = fastinit.variance_scaling.distribution_for(
        (200, 300), scale=1.0, mode="fan_in", distribution="truncated_normal"
    )
    assert (distribution.low, distribution.high) == (-2.0, 2.0)
    assert distribution.std == math.sqrt(1 / 200) / STD_OF_NORMAL_TRUNCATED_AT_2


def test_the_std_of_a_normal_truncated_at_2_is_that_of_the_textbook():
    assert std_of(TruncatedNormal(0, 1, -2, 2)) == pytest.approx(STD_OF_NORMAL_TRUNCATED_AT_2, rel=1e-14)


def test_variance_scaling_of_zero_gives_zeros():
    assert not fastinit.variance_scaling((4, 3), scale=0, seed=0).any()


@pytest.mark.parametrize(
    ("name", "arguments", "distribution"),
    [
        ("zeros", {}, Constant(0.0)),
        ("ones", {}, Constant(1.0)),
        ("constant", {"value": 0.5}, Constant(0.5)),
        ("uniform", {}, Uniform(-0.05, 0.05)),
        ("uniform", {"low": -2, "high": 3}, Uniform(-2.0, 3.0)),
        ("normal", {}, Normal(0.0, 1.0)),
        ("normal", {"mean": 1, "std": 0.1}, Normal(1.0, 0.1)),
        ("truncated_normal", {}, TruncatedNormal(0.0, 1.0, -2.0, 2.0)),
        ("truncated_normal", {"mean": 1, "std": 2, "low": -1, "high": 3}, TruncatedNormal(1.0, 2.0, -1.0, 3.0)),
        ("random_init", {}, Uniform(-1.0, 1.0)),
        ("random_init", {"lower_bound": 0, "upper_bound": 10}, Uniform(0.0, 10.0)),
        ("gaussian_init", {}, Normal(0.0, 0.01)),
        ("gaussian_init", {"mean": 1, "std": 2}, Normal(1.0, 2.0)),
        ("xavier_init", {}, Normal(0.0, math.sqrt(2 / 50))),
        ("xavier_init", {"bias": 5}, Normal(5.0, math.sqrt(2 / 50))),
        ("he_init", {}, Normal(0.0, math.sqrt(2 / 20))),
        ("he_init", {"bias": 5}, Normal(5.0, math.sqrt(2 / 20))),
    ],
)
def test_an_initializer_has_the_distribution_it_is_given(name, arguments, distribution):
    assert INITIALIZERS[name].distribution_for((20, 30), **arguments) == distribution


@pytest.mark.parametrize("n", [1, 3, 1000])
def test_he_init_of_two_inputs_has_sigma_1(n):
    assert fastinit.initializers.he_init.distribution_for((2, n)).std == 1.0


@pytest.mark.parametrize(
    ("alias", "of"),
    [
        ("glorot_uniform", "xavier_uniform"),
        ("glorot_normal", "xavier_normal"),
        ("kaiming_uniform", "he_uniform"),
        ("kaiming_normal", "he_normal"),
    ],
)
def test_an_alias_is_the_function_itself(alias, of):
    assert getattr(fastinit, alias) is getattr(fastinit, of) is INITIALIZERS[of]


def test_every_initializer_is_public_and_has_a_docstring():
    assert set(INITIALIZERS) <= set(initializers.__all__)
    assert all(INITIALIZERS[name] is getattr(initializers, name) and INITIALIZERS[name].__doc__ for name in INITIALIZERS)


# ---- values ----

DRAWN = {
    "uniform": fastinit.uniform,
    "normal": lambda shape, **options: fastinit.normal(shape, mean=1.0, std=2.0, **options),
    "truncated_normal": lambda shape, **options: fastinit.truncated_normal(
        shape, mean=1.0, std=0.5, low=-1.5, high=1.5, **options
    ),
    "scaled truncated_normal": lambda shape, **options: fastinit.variance_scaling(
        shape, scale=2.0, mode="fan_avg", distribution="truncated_normal", **options
    ),
    "scaled uniform": lambda shape, **options: fastinit.variance_scaling(
        shape, scale=2.0, mode="fan_out", distribution="uniform", **options
    ),
    **{name: INITIALIZERS[name] for name in ("xavier_uniform", "xavier_normal", "he_uniform", "he_normal")},
    **{name: INITIALIZERS[name] for name in ("lecun_uniform", "lecun_normal", "random_init", "gaussian_init")},
    **{name: INITIALIZERS[name] for name in ("xavier_init", "he_init")},
}
DISTRIBUTION_OF = {
    "uniform": fastinit.uniform.distribution_for,
    "normal": lambda shape: Normal(1.0, 2.0),
    "truncated_normal": lambda shape: TruncatedNormal(1.0, 0.5, -1.5, 1.5),
    "scaled truncated_normal": lambda shape: fastinit.variance_scaling.distribution_for(
        shape, scale=2.0, mode="fan_avg", distribution="truncated_normal"
    ),
    "scaled uniform": lambda shape: fastinit.variance_scaling.distribution_for(
        shape, scale=2.0, mode="fan_out", distribution="uniform"
    ),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_values_have_the_mean_and_std_of_the_distribution(name, dtype):
    shape, n = (500, 400), 200_000
    distribution = DISTRIBUTION_OF.get(name, getattr(INITIALIZERS.get(name), "distribution_for", None))(shape)
    x = DRAWN[name](shape, seed=1, dtype=dtype).astype(np.float64)
    # the standard error of a std is at most that of a normal's
    assert abs(x.mean() - mean_of(distribution)) < STANDARD_ERRORS * std_of(distribution) / math.sqrt(n)
    assert abs(x.std() - std_of(distribution)) < STANDARD_ERRORS * std_of(distribution) / math.sqrt(2 * n)


@pytest.mark.parametrize("name", ["uniform", "random_init", "he_uniform"])
def test_uniform_values_are_in_their_interval(name):
    shape = (500, 400)
    distribution, x = INITIALIZERS[name].distribution_for(shape), INITIALIZERS[name](shape, seed=0)
    assert np.float32(distribution.low) <= x.min() and x.max() <= np.float32(distribution.high)


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [("zeros", (), 0), ("ones", (), 1), ("constant", (-2.5,), -2.5), ("constant", (np.inf,), np.inf)],
)
def test_a_constant_fills_whole_part_and_out(name, arguments, value, dtype):
    constant, element = INITIALIZERS[name], ELEMENT_TYPES[dtype].dtype
    if np.isinf(value) and not np.isinf(np.array(value, element)):
        pytest.skip(f"{dtype} has no infinity")
    assert np.array_equal(constant((4, 3), *arguments, dtype=dtype), np.full((4, 3), value, element))
    assert constant((4, 3), *arguments, dtype=dtype, index=np.s_[1:, 0]).shape == (3,)
    out = np.full((4, 6), 7, element)[:, ::2]
    assert constant((4, 3), *arguments, dtype=dtype, out=out) is out and (out == np.array(value, element)).all()
    assert (out.base[:, 1::2] == 7).all()


def test_a_narrow_constant_is_the_float32_value_rounded_once():
    value = 1 + 2.0**-11 + 2.0**-40  # above the middle of two float16s; as a float32 it is the middle: to the even one
    assert fastinit.constant(1, value, dtype="float16")[0] == 1.0


@pytest.mark.parametrize("name", DRAWN)
def test_a_layer_has_the_same_distribution_in_both_layouts(name):
    same_layer = (((3, 3, 60, 90), "io"), ((90, 60, 3, 3), "oi"))
    stds = [DRAWN[name](shape, seed=1, layout=layout).std() for shape, layout in same_layer]
    assert stds[0] == stds[1]  # the same words, scaled alike


# ---- shared options ----


def test_the_signature_is_the_distributions_own_parameters_and_the_shared_options():
    assert str(inspect.signature(fastinit.he_normal)) == (
        "(shape, *, negative_slope=0.0, mode='fan_in', nonlinearity='leaky_relu', convention='math', seed=None, name=None, "
        "dtype=<class 'numpy.float32'>, layout=None, out=None, index=None)"
        " -> numpy.ndarray"
    )
    assert list(inspect.signature(fastinit.truncated_normal).parameters) == [
        "shape", "mean", "std", "low", "high", "bounds", "convention", "seed", "name", "dtype", "layout", "out", "index",
    ]  # fmt: skip


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_takes_all_shared_options_by_keyword(name):
    arguments, shape = ARGUMENTS.get(name, {}), SHAPES_OF_OTHERS.get(name, (5, 6))
    out = np.zeros((2, *shape[1:]), np.float64)
    options = {"seed": 0, "name": "w", "dtype": np.float64, "layout": "oi", "out": out, "index": np.s_[1:3]}
    assert INITIALIZERS[name](shape, **arguments, **options) is out
    whole = INITIALIZERS[name](shape, **arguments, seed=0, name="w", dtype="float64", layout="oi")
    assert np.array_equal(out, whole[1:3])
    shared = list(inspect.signature(INITIALIZERS[name]).parameters.values())[-6:]
    assert [p.name for p in shared] == ["seed", "name", "dtype", "layout", "out", "index"]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in shared)


def test_the_distributions_own_parameters_may_be_given_by_name():
    by_name = fastinit.truncated_normal(50, low=-1, high=3, mean=1, std=2, seed=0)
    assert np.array_equal(by_name, fastinit.truncated_normal(50, mean=1, std=2, low=-1, high=3, seed=0))


def test_a_seed_and_a_name_give_the_same_values_again():
    assert np.array_equal(fastinit.normal(50, seed=5, name="w"), fastinit.normal(50, seed=5, name="w"))
    assert np.array_equal(fastinit.normal(50, seed=5), fastinit.normal(50, seed=SeedSequence(5)))


def test_no_seed_gives_other_values_each_time():
    assert not np.array_equal(fastinit.normal(50), fastinit.normal(50))


@pytest.mark.parametrize(
    "options",
    [
        [{"seed": 0, "name": name} for name in (None, "", "a", "b", "layer.0.weight", "layer.1.weight")],
        [{"seed": seed} for seed in (0, 1, 2, 2**32, 2**64)],
        [{"seed": child} for child in SeedSequence(0).spawn(5)],
    ],
    ids=["names", "seeds", "children"],
)
def test_other_seeds_and_names_give_independent_values(options):
    n = 100_000
    correlations = np.corrcoef([fastinit.normal(n, dtype="float64", **o) for o in options])
    others = correlations[~np.eye(len(options), dtype=bool)]
    assert np.abs(others).max() < STANDARD_ERRORS / math.sqrt(n)


def test_tensors_of_other_shapes_share_their_first_values():
    assert np.array_equal(fastinit.normal((3, 4), seed=0).ravel(), fastinit.normal((4, 5), seed=0).ravel()[:12])


def test_other_distributions_use_the_same_words():
    uniform = fastinit.uniform(500, low=0, high=1, seed=0, dtype="float64")
    wider = fastinit.uniform(500, low=-1, high=3, seed=0, dtype="float64")
    assert np.array_equal(bits(wider), bits(4 * uniform - 1))


# ---- errors ----

F32 = "float32"
ERRORS = [
    # call, error, text
    (lambda: fastinit.uniform(3, low=2, high=1), ValueError, "low must not be above high, got low=2.0, high=1.0"),
    (lambda: fastinit.uniform(3, low="a"), TypeError, "low must be a number, got 'a'"),
    (lambda: fastinit.uniform(3, low=np.nan), ValueError, "low must be finite, got nan"),
    (lambda: fastinit.uniform(3, low=0, high=np.inf), ValueError, "high must be finite, got inf"),
    (lambda: fastinit.uniform(3, low=0, high=1e39), ValueError, f"high - low must be within the range of {F32}, got 1e+39"),
    (lambda: fastinit.uniform(3, low=-1e39, high=-1e39), ValueError, f"low must be within the range of {F32}, got -1e+39"),
    (lambda: fastinit.normal(3, mean=None), TypeError, "mean must be a number, got None"),
    (lambda: fastinit.normal(3, mean=1j), TypeError, "mean must be a number, got 1j"),
    (lambda: fastinit.normal(3, mean=-np.inf), ValueError, "mean must be finite, got -inf"),
    (lambda: fastinit.normal(3, mean=1e39), ValueError, f"mean must be within the range of {F32}, got 1e+39"),
    (lambda: fastinit.normal(3, mean=0, std=-1), ValueError, "std must not be negative, got -1.0"),
    (lambda: fastinit.normal(3, mean=0, std=np.nan), ValueError, "std must be finite, got nan"),
    (lambda: fastinit.normal(3, std=[1]), TypeError, "std must be a number, got [1]"),
    (lambda: fastinit.truncated_normal(3, std=-1), ValueError, "std must not be negative, got -1.0"),
    (lambda: fastinit.truncated_normal(3, low=2, high=2), ValueError, "low must be below high, got low=2.0, high=2.0"),
    (lambda: fastinit.truncated_normal(3, low=np.nan), ValueError, "low must be a number, got nan"),
    (
        lambda: fastinit.truncated_normal(3, low=36.5, high=np.inf),
        ValueError,
        "low and high must leave some of the normal within 36 standard deviations of the mean, got low=36.5, high=inf",
    ),
    (
        lambda: fastinit.truncated_normal(3, low=-50, high=-40),
        ValueError,
        "low and high must leave some of the normal within 36 standard deviations of the mean, got low=-50.0, high=-40.0",
    ),
    (lambda: fastinit.constant(3, "x"), TypeError, "value must be a number, got 'x'"),
    (lambda: fastinit.constant(3, np.nan), ValueError, "value must be a number, got nan"),
    (lambda: fastinit.constant(3, 1e39), ValueError, f"value must be within the range of {F32}, got 1e+39"),
    (
        lambda: fastinit.he_normal(128),
        ValueError,
        "shape (128,) has no fan_in: he_normal needs at least 2 axes; for a bias use zeros",
    ),
    (
        lambda: fastinit.xavier_uniform(()),
        ValueError,
        "shape () has no fan_in: xavier_uniform needs at least 2 axes; for a bias use zeros",
    ),
    (
        lambda: fastinit.initializers.xavier_init(3),
        ValueError,
        "shape (3,) has no fan_in: xavier_init needs at least 2 axes; for a bias use zeros",
    ),
    (
        lambda: fastinit.initializers.he_init(3),
        ValueError,
        "shape (3,) has no fan_in: he_init needs at least 2 axes; for a bias use zeros",
    ),
    (
        lambda: fastinit.lecun_normal((3, 0)),
        ValueError,
        "shape (3, 0) has a fan of zero: lecun_normal needs axes of length at least 1",
    ),
    (
        lambda: fastinit.variance_scaling((3, 4), mode="fan_sum"),
        ValueError,
        "mode must be one of 'fan_in', 'fan_out', 'fan_avg', 'fan_geo_avg', got 'fan_sum'",
    ),
    (
        lambda: fastinit.variance_scaling((3, 4), distribution="cauchy"),
        ValueError,
        "distribution must be one of 'normal', 'truncated_normal', 'uniform', 'untruncated_normal', got 'cauchy'",
    ),
    (
        lambda: fastinit.variance_scaling((3, 4), scale=-1.0),
        ValueError,
        "scale must be a finite number that is not negative, got -1.0",
    ),
    (
        lambda: fastinit.variance_scaling((3, 4), scale=np.inf),
        ValueError,
        "scale must be a finite number that is not negative, got inf",
    ),
    (
        lambda: fastinit.variance_scaling((3, 4), scale="2"),
        TypeError,
        "scale must be a number, got '2'",
    ),
    (
        lambda: fastinit.he_normal((3, 4), layout="hwio"),
        ValueError,
        "layout 'hwio' names 4 axes, but shape (3, 4) has 2",
    ),
    (lambda: fastinit.he_normal((3, 4), seed=-1), ValueError, "seed must not be negative, got -1"),
    (
        lambda: fastinit.he_normal((3, 4), seed="0"),
        TypeError,
        "seed must be an int, a SeedSequence or None, got '0'",
    ),
    (lambda: fastinit.he_normal((3, 4), name=3), TypeError, "name must be a string or None, got 3"),
    (
        lambda: fastinit.he_normal((3, 4), dtype="int8"),
        TypeError,
        f"dtype must be one of {', '.join(ELEMENTS)}, got 'int8'",
    ),
    (
        lambda: fastinit.he_normal("weight"),
        TypeError,
        "shape must be an int or a sequence of ints, got 'weight'",
    ),
    (lambda: fastinit.he_normal((3, -4)), ValueError, "shape must have no negative length, got (3, -4)"),
    (
        lambda: fastinit.he_normal((3, 4), out=np.zeros((4, 3), np.float32)),
        ValueError,
        "out has shape (4, 3), but the values asked for have shape (3, 4)",
    ),
    (
        lambda: fastinit.he_normal((3, 4), std=2),
        TypeError,
        "he_normal has no parameter 'std': it takes negative_slope, mode, nonlinearity, convention, seed, name, dtype, "
        "layout, out, index",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text for *_, text in ERRORS])
def test_a_wrong_argument_is_refused_and_says_what_is_allowed(call, error, text):
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value) == text


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name not in ("zeros", "ones", "constant")])
def test_no_initializer_writes_to_out_before_all_is_checked(name):
    out = np.full((5, 6), 7, np.float32)
    for wrong in ({"seed": -1}, {"dtype": "int8"}, {"index": 9}, {"name": b"w"}):
        with pytest.raises((ValueError, TypeError, IndexError)):
            INITIALIZERS[name]((5, 6), out=out, **wrong)
    assert (out == 7).all()


def test_float64_takes_numbers_beyond_float32():
    assert np.isfinite(fastinit.normal(50, mean=1e39, std=1e38, seed=0, dtype="float64")).all()


def test_a_distribution_may_be_asked_for_without_filling():
    assert initializers.he_normal.distribution_for((256, 128)) == Normal(0.0, math.sqrt(2 / 256))
    with pytest.raises(ValueError, match="no negative length"):
        initializers.he_normal.distribution_for((-1, 2))
