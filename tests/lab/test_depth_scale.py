"""The measured depth scale of correlations beside Schoenholz et al. 2017."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from torch import nn

import fastinit
from fastinit import lab
from tests.lab.networks import mlp

BIAS_VARIANCE = 0.05  # as in the paper's figures


def tanh_network(variance, width, depth, seed):
    model = nn.Sequential(*[p for _ in range(depth) for p in (nn.Linear(width, width, device="meta"), nn.Tanh())])
    weights, biases = fastinit.Normal(0.0, (variance / width) ** 0.5), fastinit.Normal(0.0, BIAS_VARIANCE**0.5)
    fastinit.torch.init_(model, fastinit.Recipe([("*.bias", biases), ("*", weights)]), seed)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variance", "depth", "phase"), [(1.3, 12, "order"), (2.0, 52, "chaos"), (2.5, 30, "chaos"), (4.0, 18, "chaos")]
)
def test_the_depth_scale_of_tanh_networks_is_within_a_tenth_of_the_theory(variance, depth, phase):
    """Schoenholz et al. 2017, figure 2: 24 networks, of which one differs by a quarter, so that their mean does by 5 %."""
    found = lab.depth_scale(tanh_network(variance, 1000, depth, seed) for seed in range(24))
    assert found.phase == phase
    assert found.measured == pytest.approx(found.theory, rel=0.1)


def test_the_decay_of_a_difference_is_found_without_its_limit():
    from fastinit.lab.depth_scales import _fitted

    layers = np.arange(20)
    assert _fitted(0.2 * np.exp(-layers / 7)) == pytest.approx(7.0, rel=1e-9)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([], "models must be at least one network, got none"),
        ([nn.ReLU()], "one has no nn.Linear"),
        ([nn.Linear(4, 4)], "models must have at least 4 layers, drawn alike"),
        ([mlp(6, 64)], r"fixed point 0.0: there is no correlation map"),
    ],
)
def test_what_has_no_depth_scale_is_refused(models, message):
    with pytest.raises(ValueError, match=message):
        lab.depth_scale(models)
