"""Fans are those of the layout that is said, never guessed, and every distribution has the variance that they give."""

import math

import numpy as np
import pytest

import fastinit
from fastinit import Layout
from fastinit.initializers import INITIALIZERS
from fastinit.initializers.layouts import layout_of


def fans(shape, layout=None):
    return layout_of(layout).fans(shape)


# name: shape, layout, fan_in, fan_out: counted by hand as the weights that meet in one output, and that leave one input.
# Each has at least 10^6 elements.
LAYERS = {
    "dense": ((1000, 1100), "io", 1000, 1100),
    "dense of torch": ((1000, 1100), "oi", 1100, 1000),
    "conv of Keras": ((3, 5, 240, 300), "io", 3600, 4500),
    "conv of torch": ((300, 240, 3, 5), "oi", 3600, 4500),
    "conv by letters": ((240, 3, 5, 300), "ihwo", 3600, 4500),
    "conv 1d": ((7, 400, 400), "io", 2800, 2800),
    "conv 3d": ((200, 200, 3, 3, 3), "oi", 5400, 5400),
    "grouped conv": ((480, 240, 3, 3), Layout("oihw", groups=4), 2160, 1080),  # 120 outputs a group
    "grouped conv of Keras": ((3, 3, 240, 480), Layout("hwio", groups=4), 2160, 1080),
    "depthwise conv": ((112_000, 1, 3, 3), Layout("oihw", groups=112_000), 9, 9),
    "depthwise conv of Flax": ((3, 3, 1, 112_000), Layout("hwio", groups=112_000), 9, 9),
    "depthwise conv of Keras": ((3, 3, 56_000, 2), "hwgo", 9, 18),  # 2 outputs of each channel
    "transposed conv": ((240, 500, 3, 3), Layout("iohw", transposed=True), 2160, 4500),
    "transposed conv of Keras": ((3, 3, 500, 240), "hwoi", 2160, 4500),
    "transposed conv in groups": ((480, 250, 3, 3), Layout("iohw", groups=4, transposed=True), 1080, 2250),
    "embedding": ((10_000, 120), "embedding", 120, 10_000),
    "attention to heads": ((768, 12, 128), "ioo", 768, 1536),
    "attention from heads": ((12, 128, 768), "iio", 1536, 768),
    "experts": ((8, 512, 260), "eio", 512, 260),
    "experts of torch": ((8, 260, 512), "eoi", 512, 260),
    "layers of experts": ((2, 4, 512, 260), "leio", 512, 260),
    "axes as in JAX": ((8, 512, 260), Layout(in_axis=-2, out_axis=-1, batch_axis=0), 512, 260),
    "several axes as in JAX": ((3, 600, 4, 150), Layout(in_axis=1, out_axis=(2, 3)), 1800, 1800),
    "fan by hand": ((1000, 1100), Layout(fan=64), 64, 64),
    "fans by hand": ((1_100_000,), Layout(fan=(64, 256)), 64, 256),
}

VARIANCES = {
    "xavier_uniform": ({}, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),  # Glorot and Bengio 2010, eq. 16
    "xavier_normal": ({}, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "xavier_normal, gain 5/3": ({"gain": 5 / 3}, lambda fan_in, fan_out: 25 / 9 * 2 / (fan_in + fan_out)),
    "he_uniform": ({}, lambda fan_in, fan_out: 2 / fan_in),  # He et al. 2015, eq. 10
    "he_normal": ({}, lambda fan_in, fan_out: 2 / fan_in),
    "he_normal, fan_out": ({"mode": "fan_out"}, lambda fan_in, fan_out: 2 / fan_out),  # eq. 14
    "he_normal, slope 0.2": ({"negative_slope": 0.2}, lambda fan_in, fan_out: 2 / 1.04 / fan_in),  # eq. 15
    "he_normal, keras": ({"convention": "keras"}, lambda fan_in, fan_out: 2 / fan_in),  # truncated and widened
    "lecun_uniform": ({}, lambda fan_in, fan_out: 1 / fan_in),  # LeCun et al. 1998, section 4.6
    "lecun_normal": ({}, lambda fan_in, fan_out: 1 / fan_in),
    "lecun_normal, jax": ({"convention": "jax"}, lambda fan_in, fan_out: 1 / fan_in),
    "variance_scaling": ({"scale": 3.0, "distribution": "truncated_normal"}, lambda fan_in, fan_out: 3 / fan_in),
    "variance_scaling, fan_geo_avg": ({"mode": "fan_geo_avg"}, lambda fan_in, fan_out: 1 / math.sqrt(fan_in * fan_out)),
    "small_init": ({}, lambda fan_in, fan_out: 2 / (5 * fan_in)),  # Nguyen and Salazar 2019, section 2.2
    "spectral": ({}, lambda fan_in, fan_out: min(1, fan_out / fan_in) / fan_in),  # Yang et al. 2023, section 3
}


@pytest.mark.parametrize("layer", LAYERS)
def test_the_fans_of_a_layer_are_those_counted_by_hand(layer):
    shape, layout, fan_in, fan_out = LAYERS[layer]
    assert fans(shape, layout) == (fan_in, fan_out)


@pytest.mark.parametrize("case", VARIANCES)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_values_have_the_variance_of_the_formula_within_1_percent(layer, case):
    """The standard error of 10^6 normals' variance is 0.14 %, of a uniform's 0.09 %: 1 % is 7 of them or more."""
    shape, layout, fan_in, fan_out = LAYERS[layer]
    parameters, formula = VARIANCES[case]
    values = INITIALIZERS[case.split(",")[0]](shape, **parameters, layout=layout, seed=1, name=f"{layer} {case}")
    assert np.square(values, dtype=np.float64).mean() == pytest.approx(formula(fan_in, fan_out), rel=0.01)


def test_a_part_of_a_tensor_has_the_fans_of_the_whole():
    """Unlike Paddle's, which change with the sharding."""
    whole = fastinit.he_normal((64, 32), seed=0)
    assert np.array_equal(fastinit.he_normal((64, 32), seed=0, index=np.s_[:8]), whole[:8])


@pytest.mark.parametrize("shape", [(8, 512, 64), (3, 3, 16, 32)])
@pytest.mark.parametrize("name", ["he_normal", "xavier_uniform", "lecun_normal", "variance_scaling", "orthogonal", "sparse"])
def test_above_two_axes_nothing_is_guessed(name, shape):
    arguments = {"sparsity": 0.5} if name == "sparse" else {}
    with pytest.raises(ValueError, match=r"which may be a convolution's or a stack's: .* needs layout='io'"):
        INITIALIZERS[name].distribution_for(shape, **arguments)


def test_a_depthwise_convolution_without_an_axis_of_inputs_has_a_weight_of_one_input_for_each_channel():
    w = fastinit.orthogonal((3, 3, 5, 2), layout="hwgo", seed=0, dtype="float64")
    for channel in range(5):
        of_channel = w[:, :, channel].reshape(9, 2)
        np.testing.assert_allclose(of_channel.T @ of_channel, np.eye(2), atol=1e-12)


@pytest.mark.parametrize(("convention", "layout"), [("torch", "oi"), ("keras", "io"), ("jax", "io")])
def test_a_convention_has_the_layout_of_its_framework(convention, layout):
    distribution, shape = fastinit.xavier_uniform.distribution_for, (16, 8, 3, 5)
    assert distribution(shape, convention=convention) == distribution(shape, layout=layout)
    assert distribution(shape, convention=convention, layout="iohw") == distribution(shape, layout="iohw")


def test_numbers_of_numpy_are_numbers():
    ours = Layout(in_axis=np.int64(0), out_axis=(np.int64(1),), groups=np.int32(2), fan=np.float32(4))
    assert ours == Layout(in_axis=0, out_axis=1, groups=2, fan=4.0) and type(ours.fan) is float


def test_layouts_are_values():
    assert Layout(in_axis=[0, 1], out_axis=2) == Layout(in_axis=(0, 1), out_axis=(2,))
    assert len({Layout("oi"), Layout("oi"), Layout("io")}) == 2


STATED = "layout must be one of 'io', 'oi', 'embedding', or a letter per axis with o (output) and i (input) or, of "
ERRORS = [
    (lambda: Layout("oq"), ValueError, STATED),
    (lambda: Layout("hw"), ValueError, STATED),
    (lambda: Layout("oi", in_axis=0, out_axis=1), ValueError, "letters='oi' says which axes are which: leave out in_axis"),
    (lambda: Layout(in_axis=0), ValueError, "in_axis and out_axis go together: pass both"),
    (lambda: Layout(in_axis="0", out_axis=1), TypeError, "in_axis must be an int or a tuple of ints, got '0'"),
    (lambda: Layout(in_axis=0, out_axis=True), TypeError, "out_axis must be an int or a tuple of ints, got True"),
    (lambda: Layout("oi", groups=0), ValueError, "groups must be an int of at least 1, got 0"),
    (lambda: Layout("oi", groups=2.0), TypeError, "groups must be an int, got 2.0"),
    (lambda: Layout("oi", transposed="no"), TypeError, "transposed must be True or False, got 'no'"),
    (lambda: Layout(fan=0), ValueError, "fan must be a positive number or a pair of them, got 0"),
    (lambda: Layout(fan=(3, math.nan)), ValueError, "fan must be a positive number or a pair of them, got (3, nan)"),
    (lambda: Layout(fan="fan_in"), TypeError, "fan must be a number or a pair (fan_in, fan_out), got 'fan_in'"),
    (lambda: Layout(fan=(1, 2, 3)), TypeError, "fan must be a number or a pair (fan_in, fan_out), got (1, 2, 3)"),
    (lambda: fans((3, 4), 7), TypeError, "layout must be a string as 'io' or 'oihw', a fastinit.Layout or None, got 7"),
    (lambda: fans((3, 4), {"group": 2}), ValueError, "layout has no field 'group': it takes letters, in_axis, out_axis"),
    (lambda: fans(()), ValueError, "shape () has no fan_in: fans needs at least 2 axes; for a bias use zeros"),
    (lambda: fans((3,), "oi"), ValueError, "shape (3,) has no fan_in: fans needs at least 2 axes; for a bias use zeros"),
    (lambda: fans((3, 0)), ValueError, "shape (3, 0) has a fan of zero: fans needs axes of length at least 1"),
    (lambda: fans((3, 4, 5), "hwio"), ValueError, "layout 'hwio' names 4 axes, but shape (3, 4, 5) has 3"),
    (lambda: fans((3, 4, 5), "embedding"), ValueError, "layout 'embedding' names 2 axes, but shape (3, 4, 5) has 3"),
    (lambda: fans((3, 4), Layout(in_axis=0, out_axis=2)), ValueError, "axis 2 is out of range for shape (3, 4)"),
    (
        lambda: fans((3, 4), Layout(in_axis=0, out_axis=-2)),
        ValueError,
        "in_axis, out_axis and batch_axis must name each axis once, got (0,), (0,), ()",
    ),
    (lambda: fans((6, 3), Layout("oi", groups=4)), ValueError, "groups=4 does not divide the 6 channels of shape (6, 3)"),
    (
        lambda: fans((6, 8), Layout("io", groups=4, transposed=True)),
        ValueError,
        "groups=4 does not divide the 6 channels of shape (6, 8)",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[message for *_, message in ERRORS])
def test_a_wrong_layout_is_refused_and_says_what_is_allowed(call, error, message):
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value).startswith(message)
