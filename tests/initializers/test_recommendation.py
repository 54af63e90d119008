"""Every recommendation follows its rule, says why, and keeps the signal through the layers."""

import math

import numpy as np
import pytest

import fastinit
from fastinit.initializers import (
    DeepNorm,
    DepthScaled,
    Fixup,
    HeNormal,
    Identity,
    LayerScale,
    LecunNormal,
    LSTMBias,
    MuP,
    Normal,
    Ones,
    Orthogonal,
    PriorBias,
    Siren,
    TFixup,
    VarianceScaling,
    XavierNormal,
    Zeros,
    recommendation,
)
from fastinit.initializers.gains import ACTIVATIONS
from fastinit.initializers.recommendation import ALIASES, recommend
from fastinit.initializers.recommendation_rules import BOUNDED, RULES, UNSTABLE, Recommendation
from tests.thresholds import STANDARD_ERRORS

GELU = VarianceScaling(fastinit.gain("gelu") ** 2)
DEEP = {"depth": 12, "residual": True}
PRE = {**DEEP, "normalization": "pre"}
POST = {**DEEP, "normalization": "post"}
BATCH = {**DEEP, "normalization": "batch"}

# ---- each rule ----

RECOMMENDED = [
    # arguments, weight
    (("relu",), {}, HeNormal()),
    (("relu", "conv"), {"depth": 50}, HeNormal()),
    (("leaky_relu",), {}, HeNormal(negative_slope=0.01)),
    (("leaky_relu",), {"negative_slope": 0.2}, HeNormal(negative_slope=0.2)),
    (("prelu",), {}, HeNormal(negative_slope=0.25)),
    (("linear",), {}, XavierNormal()),
    (("tanh",), {}, XavierNormal(gain=fastinit.gain("tanh"))),
    (("sigmoid",), {}, XavierNormal(gain=fastinit.gain("sigmoid"))),
    (("selu",), {}, LecunNormal()),
    (("gelu",), {}, GELU),
    (("silu",), {}, VarianceScaling(fastinit.gain("silu") ** 2)),
    (("swish",), {}, VarianceScaling(fastinit.gain("silu") ** 2)),
    (("elu",), {"alpha": 0.5}, VarianceScaling(fastinit.gain("elu", alpha=0.5) ** 2)),
    (("swiglu",), {}, VarianceScaling(fastinit.gain("swiglu") ** 2)),
    (("sine",), {}, Siren()),
    (("sine",), {"w0": 7.0}, Siren(7.0)),
    (("sine",), {"position": "first"}, Siren(first=True)),
    (("gelu",), {**PRE}, GELU),
    (("gelu",), {**PRE, "position": "last"}, DepthScaled(12, GELU)),
    (("gelu", "conv"), {**PRE, "position": "last"}, DepthScaled(12, GELU, branches=1)),
    (("gelu", "conv"), {**PRE, "position": "last", "branches": 3}, DepthScaled(12, GELU, branches=3)),
    (("relu", "conv"), {**BATCH}, HeNormal()),
    (("relu", "conv"), {**BATCH, "position": "last"}, HeNormal()),
    (("relu", "conv"), {**DEEP}, Fixup(12)),
    (("gelu", "conv"), {"depth": 50, "residual": True}, Fixup(50, nonlinearity="gelu")),
    (("gelu", "dense"), {**DEEP}, Fixup(24, nonlinearity="gelu")),
    (("gelu", "conv"), {**DEEP, "position": "last"}, Zeros()),
    (("gelu", "conv"), {**DEEP, "position": "first"}, GELU),
    (("leaky_relu", "conv"), {**DEEP, "negative_slope": 0.2}, DepthScaled(12, HeNormal(negative_slope=0.2), branches=1)),
    (("sin",), {**DEEP}, DepthScaled(24, Siren(), branches=1)),
    (("gelu",), {**POST}, DeepNorm(decoder=12)),
    (("gelu",), {**POST, "position": "first"}, GELU),
    (("gelu", "attention"), {**POST}, DeepNorm(decoder=12)),
    (("gelu", "attention"), {**PRE}, XavierNormal()),
    (("gelu", "attention"), {**PRE, "position": "last"}, DepthScaled(12, XavierNormal())),
    (("gelu", "attention"), {**DEEP}, TFixup("encoder", 12)),
    (("gelu", "attention"), {}, XavierNormal()),
    (("relu",), {"base_width": 256}, MuP("hidden", 256, fastinit.gain("relu"))),
    (("relu",), {"base_width": 256, "position": "first"}, MuP("input", 256, fastinit.gain("relu"))),
    (("relu",), {**PRE, "base_width": 256, "position": "last"}, DepthScaled(12, MuP("hidden", 256, fastinit.gain("relu")))),
    (("relu",), {**DEEP, "base_width": 256}, DepthScaled(24, MuP("hidden", 256, fastinit.gain("relu")), branches=1)),
    (("relu", "embedding"), {}, Normal(std=0.02)),
    (("relu", "embedding"), {"width": 64}, Normal(std=1 / 8)),
    (("relu", "embedding"), {"width": 64, "base_width": 32}, Normal(std=0.02)),
    (("relu", "output"), {}, Normal(std=0.01)),
    (("relu", "output"), {"base_width": 256}, MuP("output", 256)),
    (("relu", "output"), {**DEEP}, Zeros()),
    (("relu", "output"), {"prior": 0.02}, Normal(std=0.01)),
    (("tanh", "rnn"), {}, Orthogonal()),
    (("relu", "rnn"), {}, Identity()),
    (("tanh", "lstm"), {}, Orthogonal()),
    (("relu", "norm"), {}, Ones()),
    (("relu", "norm"), {**PRE, "position": "last"}, Ones()),
    (("relu", "norm"), {**BATCH, "position": "last"}, Zeros()),
    (("gelu", "layer_scale"), {"depth": 36}, LayerScale(36)),
]


@pytest.mark.parametrize(("arguments", "named", "expected"), RECOMMENDED)
def test_a_layer_gets_the_initializer_of_its_rule(arguments, named, expected):
    assert recommend(*arguments, **named).initializer == expected


@pytest.mark.parametrize(
    ("arguments", "named", "expected"),
    [
        (("relu",), {}, Zeros()),
        (("relu", "output"), {"prior": 0.02}, PriorBias(0.02)),
        (("tanh", "lstm"), {}, LSTMBias(1.0)),
        (("relu", "norm"), {}, Zeros()),
    ],
)
def test_a_layer_gets_the_bias_of_its_rule(arguments, named, expected):
    assert recommend(*arguments, **named).bias == expected


@pytest.mark.parametrize(("arguments", "named", "_"), RECOMMENDED)
def test_every_recommendation_has_reasons_that_are_sentences(arguments, named, _):
    given = recommend(*arguments, **named)
    assert given.reasons and all(reason.endswith((".", ").")) for reason in given.reasons)
    assert given.references or arguments[1] == "norm"
    assert len(set(given.references)) == len(given.references)


def test_it_prints_the_initializers_the_reasons_and_the_references():
    assert str(recommend("selu")) == (
        "weight: LecunNormal()\n"
        "bias: Zeros()\n"
        "- SELU has gain 1: with variance 1 / fan_in its fixed point is mean 0 and variance 1.\n"
        "[1] Klambauer et al. 2017, Self-Normalizing Neural Networks, arXiv:1706.02515, section 2"
    )


def test_it_is_an_immutable_value():
    given = fastinit.recommend(activation="gelu", layer_type="conv", depth=50, residual=True)
    assert type(given) is Recommendation and given == recommend("gelu", "conv", depth=50, residual=True)
    assert hash(given) == hash(recommend("gelu", "conv", depth=50, residual=True))
    with pytest.raises(AttributeError):
        given.initializer = Zeros()


@pytest.mark.parametrize("alias", ALIASES)
def test_a_layers_other_names_mean_the_same(alias):
    arguments = {"depth": 4} if ALIASES[alias] == "layer_scale" else {}
    assert recommend("tanh", alias.upper(), **arguments) == recommend("tanh", ALIASES[alias], **arguments)


def test_a_callable_gets_its_gain_by_quadrature():
    scale = recommend(lambda z: z**3).initializer.scale
    assert scale == pytest.approx(1 / 15, rel=1e-12)  # E[z^6]


# ---- what the recommended weights do to a signal ----


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _erf(z):
    return np.vectorize(math.erf)(z)


FUNCTIONS = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "prelu": lambda z: np.where(z > 0, z, 0.25 * z),
    "relu6": lambda z: np.clip(z, 0, 6),
    "relu_squared": lambda z: np.maximum(z, 0) ** 2,
    "hardtanh": lambda z: np.clip(z, -1, 1),
    "hardsigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "hardswish": lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0))),
    "celu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "gelu": lambda z: z * (1 + _erf(z / math.sqrt(2))) / 2,
    "gelu_tanh": lambda z: z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))) / 2,
    "quick_gelu": lambda z: z * _sigmoid(1.702 * z),
    "silu": lambda z: z * _sigmoid(z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": lambda z: np.logaddexp(0, z),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "erf": _erf,
}
Z = np.linspace(-12, 12, 20001)
PDF = np.exp(-Z * Z / 2) / np.exp(-Z * Z / 2).sum()


def moment(name, power=2, q=1.0):
    """E[f(z)^power] for z ~ N(0, q), by sums."""
    return float((FUNCTIONS[name](math.sqrt(q) * Z) ** power * PDF).sum())


def slope(name):
    """Of q -> E[f(sqrt(q) z)^2] / E[f(z)^2] at 1: what a layer makes of a small deviation."""
    return (moment(name, q=1.001) - moment(name, q=0.999)) / 0.002 / moment(name)


def test_every_activation_is_simulated_or_a_gated_one_or_a_sine():
    assert set(ACTIVATIONS) - set(FUNCTIONS) == {"sin", "swiglu", "geglu", "reglu", "glu"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_those_called_unstable_are_those_whose_deviations_grow(name):
    assert (slope(name) > 1.001) == (name in UNSTABLE)  # relu6 and linear: 1 up to 1e-4


def test_gated_units_are_unstable_as_their_output_is_of_degree_2():
    assert {"swiglu", "geglu", "reglu", "glu"} <= set(UNSTABLE)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in UNSTABLE])
def test_the_second_moment_of_pre_activations_stays_through_50_layers(name):
    n, depth = 512, 50
    initializer = recommend(name, depth=depth).initializer
    z = fastinit.normal(n, seed=0, name=name, dtype="float64")
    for layer in range(depth):
        z = FUNCTIONS[name](z) @ initializer((n, n), seed=0, name=f"{name} {layer}", dtype="float64")
    # given the layer before, a layer's z are independent normals: the mean of f(z)^2 deviates from its expectation by
    # k = E[f^4] / E[f^2]^2 - 1 over n, which later layers pass on by the slope; 5 standard deviations of the log, 6e-7 by
    # chance, the last mean of z^2 having 2 / n of its own; the log is k / 2 n low for each layer that is passed on in full
    k = moment(name, 4) / moment(name) ** 2 - 1
    passed_on = sum(slope(name) ** (2 * layer) for layer in range(depth))
    variance = (k * passed_on + 2) / n
    assert abs(math.log(np.square(z).mean()) + variance / 2) < STANDARD_ERRORS * math.sqrt(variance)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name in UNSTABLE])
def test_the_second_moment_stays_in_one_layer_of_those_that_are_unstable(name):
    n = 1024
    initializer = recommend(name).initializer
    z = FUNCTIONS[name](fastinit.normal(n, seed=0, name=name, dtype="float64")) @ initializer(
        (n, n), seed=1, dtype="float64"
    )
    k = moment(name, 4) / moment(name) ** 2 - 1
    assert abs(np.square(z).mean() - 1) < STANDARD_ERRORS * math.sqrt((k + 2) / n)


@pytest.mark.parametrize("name", UNSTABLE)
def test_a_plain_network_of_an_unstable_activation_is_warned_of(name):
    assert any("normalization or residual branches" in reason for reason in recommend(name).reasons)
    assert not any("normalization or residual branches" in reason for reason in recommend(name, **PRE).reasons)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh", "selu"])
def test_a_pre_norm_residual_stream_grows_by_no_more_than_one_branch(activation):
    """50 blocks x + W2 f(W1 norm(x)), the stream of second moment 1."""
    n, depth = 512, 50
    options = {"depth": depth, "residual": True, "normalization": "pre", "branches": 1}
    first = recommend("linear", **options).initializer
    last = recommend(activation, position="last", **options).initializer
    x = fastinit.normal(n, seed=0, dtype="float64")
    start = np.square(x).mean()
    for block in range(depth):
        w1, w2 = (
            distribution((n, n), seed=0, name=f"{side} {block}", dtype="float64")
            for side, distribution in enumerate((first, last))
        )
        x = x + FUNCTIONS[activation](x / math.sqrt(np.square(x).mean()) @ w1) @ w2
    # Each branch adds 1 / depth, with a relative variance of (k + 4) / n from f, z and its own values; and twice its product
    # with the stream, of second moment q from 1 to 2, a variance of 4 q / depth / n. Five standard deviations of the sum.
    k = moment(activation, 4) / moment(activation) ** 2 - 1
    assert abs(np.square(x).mean() - start - 1) < STANDARD_ERRORS * math.sqrt((4 * 1.5 + (k + 4) / depth) / n)


def test_a_fixup_network_starts_as_its_input():
    options = {"depth": 50, "residual": True}
    last = recommend("relu", "conv", position="last", **options).initializer
    assert not last((3, 3, 8, 8), layout="hwio", seed=0).any()


# ---- errors ----

ERRORS = [
    (
        lambda: recommend("gelo"),
        ValueError,
        f"unknown activation 'gelo': did you mean 'gelu'? known: {', '.join(sorted(ACTIVATIONS))}",
    ),
    (
        lambda: recommend("relu", "lineer"),
        ValueError,
        f"unknown layer_type 'lineer': did you mean 'linear'? known: {', '.join(RULES)}",
    ),
    (lambda: recommend("relu", "xyzzy"), ValueError, f"unknown layer_type 'xyzzy': known: {', '.join(RULES)}"),
    (lambda: recommend("relu", None), TypeError, f"layer_type must be one of {', '.join(map(repr, RULES))}, got None"),
    (lambda: recommend(3), TypeError, "activation must be a name or a callable, got 3"),
    (lambda: recommend("relu", slope=3), TypeError, "relu has no parameter 'slope': it takes none"),
    (
        lambda: recommend("relu", position="middle"),
        ValueError,
        "position must be one of 'first', 'hidden', 'last', got 'middle'",
    ),
    (
        lambda: recommend("relu", normalization=True),
        ValueError,
        "normalization must be one of None, 'pre', 'post', 'batch', got True",
    ),
    (lambda: recommend("relu", residual=1), TypeError, "residual must be True or False, got 1"),
    (
        lambda: recommend("relu", residual=True),
        ValueError,
        "depth is needed where residual=True: the number of blocks whose branches add up",
    ),
    (lambda: recommend("relu", depth=0), ValueError, "depth must be an int of at least 1, got 0"),
    (lambda: recommend("relu", depth=2.0), TypeError, "depth must be an int, got 2.0"),
    (lambda: recommend("relu", branches=True), TypeError, "branches must be an int, got True"),
    (lambda: recommend("relu", "embedding", width=0), ValueError, "width must be an int of at least 1, got 0"),
    (lambda: recommend("relu", width=64), ValueError, "width goes with layer_type='embedding', not with 'dense'"),
    (lambda: recommend("relu", prior=0.1), ValueError, "prior goes with layer_type='output', not with 'dense'"),
    (
        lambda: recommend("relu", "output", prior=2),
        ValueError,
        "prior must be a probability between 0 and 1, got 2.0",
    ),
    (lambda: recommend("relu", base_width="x"), TypeError, "base_width must be a number, got 'x'"),
    (lambda: recommend("relu", base_width=0), ValueError, "base_width must be a positive finite number, got 0.0"),
    (
        lambda: recommend("relu", base_width=64, **POST),
        ValueError,
        "base_width goes with normalization='pre' or 'batch': DeepNorm sets the std itself",
    ),
    (
        lambda: recommend("relu", "attention", base_width=64, **DEEP),
        ValueError,
        "base_width goes with normalization='pre' or 'batch': T-Fixup sets the std itself",
    ),
    (
        lambda: recommend("gelu", "layer_scale"),
        ValueError,
        "depth is needed for layer_type='layer_scale', whose value it decides",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text for *_, text in ERRORS])
def test_a_wrong_argument_is_refused_and_says_what_is_allowed(call, error, text):
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value) == text


def test_the_names_in_the_tables_of_activations_are_those_of_the_gains():
    assert set(BOUNDED) | set(UNSTABLE) <= set(ACTIVATIONS)


def test_the_module_is_loaded_on_first_use():
    assert fastinit.recommend is recommendation.recommend
