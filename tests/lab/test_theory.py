"""Mean-field theory: fixed points and depth scales against closed forms and published values."""

import math

import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from fastinit.lab import MeanField
from fastinit.lab.activations import named
from fastinit.lab.theory import fitted_depth_scale


def test_the_length_map_of_relu_under_he_is_the_identity():
    field = MeanField("relu", 2.0)
    assert [field.length_map(q) for q in (0.1, 1.0, 7.0)] == pytest.approx([0.1, 1.0, 7.0], rel=1e-9)
    assert field.chi == pytest.approx(1.0, rel=1e-9)


def test_the_edge_of_chaos_of_tanh_without_biases_is_at_variance_1():
    assert MeanField("tanh", 0.9).phase == "order"
    assert MeanField("tanh", 1.5).phase == "chaos"
    assert MeanField("tanh", 0.9).q_star == 0.0


def test_the_edge_of_chaos_of_tanh_with_biases_is_that_of_pennington_et_al():
    """Pennington, Schoenholz and Ganguli 2017 (arXiv 1711.04735): the critical line meets (1.05, 2.01e-5)."""
    assert MeanField("tanh", 1.05, 2.01e-5).chi == pytest.approx(1.0, abs=0.02)


def test_the_correlation_map_has_its_fixed_point_at_c_star():
    field = MeanField("tanh", 2.5, 0.05)
    assert 0 < field.c_star < 1
    assert field.correlation_map(field.c_star) == pytest.approx(field.c_star, abs=1e-9)


def test_in_order_the_depth_scale_is_that_of_chi():
    field = MeanField("tanh", 1.3, 0.05)
    assert field.c_star == 1.0
    assert field.correlation_scale == pytest.approx(-1 / math.log(field.chi))


def test_the_length_scale_is_shorter_than_the_correlation_scale():
    """Schoenholz et al. 2017, section 4.2: lengths come to rest long before correlations."""
    field = MeanField("tanh", 1.3, 0.05)
    assert field.length_scale < field.correlation_scale


@pytest.mark.parametrize("limit", [1.0, 0.4])
def test_the_depth_scale_of_an_exponential_approach_is_found(limit):
    correlations = [limit - 0.4 * math.exp(-layer / 7.0) for layer in range(60)]
    assert fitted_depth_scale(correlations, limit) == pytest.approx(7.0, rel=1e-3)


def test_too_few_layers_have_no_depth_scale():
    assert fitted_depth_scale([0.5, 0.99, 0.999], 1.0) is None


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "selu", "elu", "silu", "softplus"])
def test_moments_at_1_are_those_of_the_table_of_gains(name):
    from fastinit.initializers import second_moment

    assert named(name).moment(1.0) == pytest.approx(second_moment(name), rel=1e-7)
    assert named(name).slope_moment(1.0) == pytest.approx(second_moment(name, backward=True), rel=1e-7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rulu", 1.0), "activation must be one of .*relu.*, got 'rulu'"),
        (("relu", 0.0), "weight_variance must be a positive finite number, got 0.0"),
        (("relu", 1.0, -1.0), "bias_variance must be a finite number that is not negative, got -1.0"),
    ],
)
def test_a_wrong_field_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MeanField(*arguments)
