"""Initializers by depth and width, of sine networks and of rare classes: the formulas of their papers."""

import json
import math

import numpy as np
import pytest

import fastinit
from fastinit import initializers
from fastinit.distributions import Constant
from fastinit.distributions import Normal as NormalDistribution
from fastinit.distributions import Uniform as UniformDistribution
from fastinit.initializers import (
    DeepNorm,
    DepthScaled,
    DSInit,
    Fixup,
    HeNormal,
    LayerScale,
    MuP,
    Normal,
    Orthogonal,
    PriorBias,
    Siren,
    SmallInit,
    Spectral,
    TFixup,
    TruncatedNormal,
    Uniform,
    WangInit,
    XavierUniform,
    deepnorm_constants,
)
from tests.thresholds import STANDARD_ERRORS

# ---- the variance of each, by the paper's formula for fan_in and fan_out ----

VARIANCES = {
    Siren(): lambda i, o: 6 / i / 30**2 / 3,
    Siren(7.5): lambda i, o: 2 / i / 7.5**2,
    Siren(first=True): lambda i, o: 1 / i**2 / 3,
    SmallInit(): lambda i, o: 2 / (5 * i),
    SmallInit(640): lambda i, o: 2 / (5 * 640),
    WangInit(12): lambda i, o: 4 / (12**2 * i),
    WangInit(12, 640): lambda i, o: 4 / (12**2 * 640),
    DepthScaled(12): lambda i, o: 0.02**2 / 24,
    DepthScaled(12, 0.5, 3): lambda i, o: 0.5**2 / 36,
    DepthScaled(12, layer=0): lambda i, o: 0.02**2 / 2,
    DepthScaled(12, "xavier_uniform", layer=11): lambda i, o: 2 / (i + o) / 24,
    DepthScaled(12, HeNormal()): lambda i, o: 2 / i / 24,
    DepthScaled(8, TruncatedNormal(std=0.02)): lambda i, o: (0.02 * 0.8796256610342398) ** 2 / 16,
    DSInit(3): lambda i, o: 2 / (i + o) / 4,
    DSInit(3, 0.5): lambda i, o: 2 / (i + o) / 16,
    DeepNorm(encoder=12): lambda i, o: 2 / (i + o) / math.sqrt(8 * 12),
    DeepNorm(decoder=24): lambda i, o: 2 / (i + o) / math.sqrt(8 * 24),
    DeepNorm(6, 9, "encoder"): lambda i, o: 2 / (i + o) * 0.87**2 * (6**4 * 9) ** (-1 / 8),
    DeepNorm(6, 9, "decoder"): lambda i, o: 2 / (i + o) / math.sqrt(12 * 9),
    Fixup(16): lambda i, o: 2 / i / 16,
    Fixup(16, 3): lambda i, o: 2 / i / math.sqrt(16),
    Fixup(16, 4, nonlinearity="tanh"): lambda i, o: 1 / 0.39429449039746 / i / 16 ** (1 / 3),
    TFixup("encoder", 6): lambda i, o: 2 / (i + o) * 0.67**2 / math.sqrt(6),
    TFixup("decoder", 6): lambda i, o: 2 / (i + o) / math.sqrt(54),
    MuP(): lambda i, o: 1 / i,
    MuP("input", 256): lambda i, o: 1 / i,
    MuP("hidden", 256, math.sqrt(2)): lambda i, o: 2 / i,
    MuP("output"): lambda i, o: 1 / i**2,
    MuP("output", 256): lambda i, o: 256 / i**2,
    MuP("output", 256, table=8): lambda i, o: 1 / 256,
    Spectral(): lambda i, o: 1 / i * min(1, o / i),
    Spectral(2.0): lambda i, o: 4 / i * min(1, o / i),
}
CONSTANTS = {
    Fixup(16, last=True): 0.0,
    Fixup(16, 1, True): 0.0,
    LayerScale(12): 0.1,
    LayerScale(18): 0.1,
    LayerScale(19): 1e-5,
    LayerScale(24): 1e-5,
    LayerScale(25): 1e-6,
    PriorBias(): -math.log(99),
    PriorBias(0.5): 0.0,
    PriorBias(0.8): math.log(4),
}
EMBEDDING = TFixup("embedding", 6)

LAYERS = [
    ((1000, 1600), "io", 1000, 1600),
    ((1600, 1000), "oi", 1000, 1600),
    ((1600, 1000), "io", 1600, 1000),
    ((3, 3, 320, 400), "hwio", 2880, 3600),
    ((400, 320, 3, 3), "oihw", 2880, 3600),
    ((320, 400, 3, 3), fastinit.Layout("iohw", transposed=True), 2880, 3600),
    ((1200, 100, 3, 3), fastinit.Layout("oihw", groups=4), 900, 2700),
    ((64, 1, 3, 3), fastinit.Layout("oihw", groups=64), 9, 9),
    ((4, 500, 600), "eio", 500, 600),
    ((800, 16, 100), "ioo", 800, 1600),
]
IDS = {"ids": repr}


@pytest.mark.parametrize("initializer", VARIANCES, **IDS)
@pytest.mark.parametrize(("shape", "layout", "fan_in", "fan_out"), LAYERS)
def test_the_distribution_has_the_variance_of_the_paper(initializer, shape, layout, fan_in, fan_out):
    distribution = initializer.distribution_for(shape, layout=layout)
    expected = VARIANCES[initializer](fan_in, fan_out)
    if isinstance(distribution, UniformDistribution):
        assert distribution.low == -distribution.high and distribution.high**2 / 3 == pytest.approx(expected, rel=1e-12)
    elif isinstance(distribution, NormalDistribution):
        assert distribution.mean == 0 and distribution.std**2 == pytest.approx(expected, rel=1e-12)
    else:
        assert (distribution.mean, distribution.low, distribution.high) == (0, -2, 2) and (
            0.8796256610342398 * distribution.std
        ) ** 2 == pytest.approx(expected)


@pytest.mark.parametrize("initializer", VARIANCES, **IDS)
def test_the_values_have_the_variance_of_the_paper_within_1_percent(initializer):
    values = initializer((1000, 1600), seed=0, dtype="float64")  # a standard error of sqrt(2 / 1.6e6), 0.11 %, or less
    assert np.square(values).mean() == pytest.approx(VARIANCES[initializer](1000, 1600), rel=0.01)
    assert abs(values.mean()) < STANDARD_ERRORS * values.std() / math.sqrt(values.size)


@pytest.mark.parametrize("initializer", CONSTANTS, **IDS)
def test_the_constant_is_that_of_the_paper(initializer):
    assert initializer.distribution_for(7).value == pytest.approx(CONSTANTS[initializer], rel=1e-14)
    assert (initializer(7, seed=0) == np.float32(initializer.distribution_for(7).value)).all()


@pytest.mark.parametrize("layout", [None, "embedding", "oi"])
def test_the_embedding_of_t_fixup_is_normal_by_its_width_whatever_the_layout(layout):
    distribution = EMBEDDING.distribution_for((30000, 512), layout=layout)
    assert type(distribution) is NormalDistribution and distribution.std == pytest.approx(512**-0.5 * 54**-0.25, rel=1e-14)
    values = EMBEDDING((4000, 512), seed=0, dtype="float64")
    assert np.square(values).mean() == pytest.approx(distribution.std**2, rel=0.01)


# ---- what belongs to each ----


@pytest.mark.parametrize(
    ("arguments", "alpha", "beta"),
    [
        ({"encoder": 18}, 36**0.25, 144**-0.25),
        ({"decoder": 18}, 36**0.25, 144**-0.25),
        (
            {"encoder": 100, "decoder": 50, "part": "encoder"},
            0.81 * (100**4 * 50) ** 0.0625,
            0.87 * (100**4 * 50) ** -0.0625,
        ),
        ({"encoder": 100, "decoder": 50, "part": "decoder"}, 150**0.25, 600**-0.25),
    ],
)
def test_deepnorm_has_the_constants_of_figure_2(arguments, alpha, beta):
    assert deepnorm_constants(**arguments) == pytest.approx((alpha, beta), rel=1e-14)
    assert (DeepNorm(**arguments).alpha, DeepNorm(**arguments).beta) == deepnorm_constants(**arguments)


def test_deepnorm_keeps_its_promise_on_the_size_of_updates():
    """The sum over 2 n sublayers of (v^2 + w^2) / alpha^2 is of order 1 whatever the depth (theorem 4.2)."""
    sums = [2 * n * 2 * beta**2 / alpha**2 for n in (1, 10, 1000) for alpha, beta in [deepnorm_constants(decoder=n)]]
    assert sums == pytest.approx([1.0, 1.0, 1.0], rel=1e-12)


# a layer of 1024 x 4096 where the base model has 256
MUP = [
    ("input", 3, (1, 4096 / 256, 1)),
    ("input", 8, (1, 4096 / 256, 1)),
    ("hidden", 3, (256 / 1024, 1, 1)),
    ("hidden", 8, (256 / 1024, 1, 1)),
    ("output", 3, (256 / 1024, 256 / 1024, 1)),
    ("output", 8, (1, 1024 / 256, 256 / 1024)),
]


@pytest.mark.parametrize(("role", "table", "expected"), MUP)
def test_mup_has_the_learning_rates_of_its_tables(role, table, expected):
    scales = MuP(role, 256, table=table).scales((1024, 4096))
    assert (scales.adam, scales.sgd, scales.multiplier) == expected
    assert scales == MuP(role, 256, table=table).scales((4096, 1024), "oi")
    assert scales.std == MuP(role, 256, table=table).distribution_for((1024, 4096)).std


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_both_tables_of_mup_start_and_learn_the_same_outputs(optimizer):
    """A multiplier m on a weight is m times its std and Adam's updates, and m^2 times SGD's."""
    as_3, as_8 = (MuP("output", 256, table=table).scales((1024, 10)) for table in (3, 8))
    m = as_8.multiplier
    assert m * as_8.std == pytest.approx(as_3.std, rel=1e-14)
    learnt = {"adam": m * as_8.adam, "sgd": m**2 * as_8.sgd}[optimizer]
    assert learnt == pytest.approx(getattr(as_3, optimizer), rel=1e-14)


def test_mup_at_the_base_width_is_the_usual_distribution_and_learning_rate():
    for role, shape in (("input", (3, 256)), ("hidden", (256, 256)), ("output", (256, 10))):
        scales = MuP(role, 256).scales(shape)
        assert scales == pytest.approx((1 / math.sqrt(shape[0]), 1, 1, 1), rel=1e-14)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(1024, 1024), (256, 1024), (1024, 256)])
def test_spectral_gives_a_spectral_norm_of_the_order_it_names(fan_in, fan_out):
    w = Spectral()((fan_in, fan_out), seed=0)
    norm = np.linalg.norm(w, 2) / math.sqrt(fan_out / fan_in)
    # of a Gaussian matrix std (sqrt(fan_in) + sqrt(fan_out)), so between 1 and 2 times; its deviation is below std
    assert 1 < norm < 2 + 5 * w.std()
    assert Spectral().scales((fan_in, fan_out))[1:] == (1 / fan_in, fan_out / fan_in, 1.0)


def test_siren_keeps_the_distribution_of_pre_activations_through_50_layers():
    n, depth = 1024, 50
    x = np.random.default_rng(0).uniform(-1, 1, (8, 2))
    x = np.sin(30 * x @ Siren(first=True)((2, n), seed=0, dtype="float64"))
    for layer in range(depth):
        z = 30 * x @ Siren()((n, n), seed=1, name=str(layer), dtype="float64")
        x = np.sin(z)
    # the fixed point of q = 2 E[sin(sqrt(q) z)^2] = 1 - exp(-2 q); its slope there, 0.41, damps the layers' deviations of
    # sqrt(2 / n) each: sqrt(2 / 1024 / (1 - 0.41^2)) = 0.048, of which 5 are allowed
    assert np.square(z).mean() == pytest.approx(0.7968, rel=5 * 0.048)


def test_the_prior_is_the_sigmoid_of_its_bias():
    bias = PriorBias(0.03).distribution_for(1).value
    assert 1 / (1 + math.exp(-bias)) == pytest.approx(0.03, rel=1e-14)


def test_depth_scaled_has_the_values_of_its_base_made_smaller():
    base = XavierUniform()((30, 40), seed=0, dtype="float64")
    assert np.allclose(DepthScaled(8, XavierUniform())((30, 40), seed=0, dtype="float64"), base / 4, rtol=1e-14, atol=0)


@pytest.mark.parametrize("base", [Normal(0.5, 0.1), Uniform(1.0, 3.0), "ones", DepthScaled(3)])
def test_depth_scaled_scales_any_distribution(base):
    scaled = DepthScaled(2, base)((50,), seed=0, dtype="float64")
    assert np.allclose(scaled, fastinit.get(base)((50,), seed=0, dtype="float64") / 2, rtol=1e-14, atol=0)


def test_depth_scaled_reads_the_layout_of_its_bases_convention():
    assert DepthScaled(8, HeNormal(convention="torch")).distribution_for((16, 8, 3, 3)).std == pytest.approx(
        math.sqrt(2 / 72) / 4
    )


# ---- what all share ----

ALL = [*VARIANCES, *CONSTANTS, EMBEDDING]


@pytest.mark.parametrize("initializer", ALL, **IDS)
def test_a_config_and_a_repr_make_an_equal_initializer_again(initializer):
    config = json.loads(json.dumps(initializer.get_config()))
    assert type(initializer).from_config(config) == initializer
    assert fastinit.get({"class_name": type(initializer).__name__, "config": config}) == initializer
    assert eval(repr(initializer), vars(initializers)) == initializer
    assert hash(type(initializer).from_config(config)) == hash(initializer)


@pytest.mark.parametrize("initializer", ALL, **IDS)
def test_the_distribution_is_a_plain_one(initializer):
    shape = (30, 40)
    plain = (Constant, NormalDistribution, UniformDistribution, type(TruncatedNormal().distribution_for(1)))
    assert type(initializer.distribution_for(shape)) in plain


@pytest.mark.parametrize("initializer", [of for of in VARIANCES if VARIANCES[of](1, 2) != VARIANCES[of](3, 4)], **IDS)
def test_fans_are_never_guessed(initializer):
    with pytest.raises(ValueError, match="axes, which may be a convolution's or a stack's"):
        initializer((3, 4, 5))
    with pytest.raises(ValueError, match="has no fan_in"):
        initializer(5)


@pytest.mark.parametrize(
    ("identifier", "parameters", "expected"),
    [
        ("DeepNorm", {"encoder": 3}, DeepNorm(encoder=3)),
        ("deepnorm", {"encoder": 3}, DeepNorm(encoder=3)),
        ("scaled_init_method_normal", {"sigma": 0.006, "num_layers": 9}, DepthScaled(9, 0.006)),
        ("init_method_normal", {"sigma": 0.006}, Normal(std=0.006)),
        ("small_init_init_method", {"dim": 64}, SmallInit(64)),
        ("small_init_init_", {"dim": 64}, SmallInit(64)),
        ("wang_init_method", {"n_layers": 5, "dim": 64}, WangInit(5, 64)),
        ("wang_init_", {"num_blocks": 5, "dim": 64}, WangInit(5, 64)),
        ("sine_init", {"w0": 20}, Siren(20.0)),
        ("first_layer_sine_init", {}, Siren(first=True)),
        ("bias_init_with_prob", {"prior_prob": 0.1}, PriorBias(0.1)),
        ("T-Fixup", {"part": "encoder", "depth": 2}, TFixup("encoder", 2)),
        ("muP", {"role": "output"}, MuP("output")),
    ],
)
def test_other_libraries_names_are_known(identifier, parameters, expected):
    assert fastinit.get(identifier, **parameters) == expected


# ---- errors ----

ERRORS = [
    (lambda: Siren(0), ValueError, "omega must be a positive finite number, got 0.0"),
    (lambda: Siren(math.inf), ValueError, "omega must be a positive finite number, got inf"),
    (lambda: Siren("30"), TypeError, "omega must be a number, got '30'"),
    (lambda: Siren(first=1), TypeError, "first must be True or False, got 1"),
    (lambda: SmallInit(0), ValueError, "width must be an int of at least 1, got 0"),
    (lambda: SmallInit(64.0), TypeError, "width must be an int, got 64.0"),
    (lambda: WangInit(0), ValueError, "depth must be an int of at least 1, got 0"),
    (lambda: WangInit(2, True), TypeError, "width must be an int, got True"),
    (lambda: DepthScaled(0), ValueError, "depth must be an int of at least 1, got 0"),
    (lambda: DepthScaled(3, branches=0), ValueError, "branches must be an int of at least 1, got 0"),
    (lambda: DepthScaled(3, layer=3), ValueError, "layer must be below depth=3, got 3"),
    (lambda: DepthScaled(3, layer=-1), ValueError, "layer must be an int of at least 0, got -1"),
    (lambda: DepthScaled(3, -0.02), ValueError, "std must not be negative, got -0.02"),
    (
        lambda: DepthScaled(3, None),
        TypeError,
        "base must be a name, an initializer, its class, function or config, or a distribution, got None",
    ),
    (
        lambda: DepthScaled(3, Orthogonal()),
        ValueError,
        "base must be elementwise, but Orthogonal() needs the whole tensor: scale its own gain",
    ),
    (lambda: DSInit(-1), ValueError, "layer must be an int of at least 0, got -1"),
    (lambda: DSInit(1, 0), ValueError, "alpha must be above 0 and at most 1, got 0.0"),
    (lambda: DSInit(1, 1.5), ValueError, "alpha must be above 0 and at most 1, got 1.5"),
    (lambda: LayerScale(0), ValueError, "depth must be an int of at least 1, got 0"),
    (
        lambda: DeepNorm(),
        ValueError,
        "encoder or decoder must be at least 1, the number of its layers, got 0 for both",
    ),
    (lambda: DeepNorm(-1), ValueError, "encoder must be an int of at least 0, got -1"),
    (lambda: DeepNorm(2, 2), ValueError, "part must be one of 'encoder', 'decoder', got None"),
    (lambda: DeepNorm(2, part="decoder"), ValueError, "part must be one of 'encoder', got 'decoder'"),
    (lambda: Fixup(0), ValueError, "branches must be an int of at least 1, got 0"),
    (lambda: Fixup(3, last=1), TypeError, "last must be True or False, got 1"),
    (
        lambda: Fixup(3, 1),
        ValueError,
        "layers must be at least 2 unless last=True: the only layer of a branch is its last one, got 1",
    ),
    (lambda: TFixup("middle", 3), ValueError, "part must be one of 'encoder', 'decoder', 'embedding', got 'middle'"),
    (lambda: TFixup("encoder", 0), ValueError, "depth must be an int of at least 1, got 0"),
    (lambda: EMBEDDING(8), ValueError, "shape (8,) is no embedding's: t_fixup needs (vocabulary, width)"),
    (lambda: EMBEDDING((8, 0)), ValueError, "shape (8, 0) is no embedding's: t_fixup needs (vocabulary, width)"),
    (lambda: MuP("bias"), ValueError, "role must be one of 'input', 'hidden', 'output', got 'bias'"),
    (lambda: MuP(base_width=0), ValueError, "base_width must be a positive finite number, got 0.0"),
    (lambda: MuP(gain=-1), ValueError, "gain must be a finite number that is not negative, got -1.0"),
    (lambda: MuP(table=9), ValueError, "table must be one of 3, 8, got 9"),
    (lambda: MuP(table=3.0), TypeError, "table must be an int, got 3.0"),
    (lambda: Spectral(math.nan), ValueError, "gain must be a finite number that is not negative, got nan"),
    (lambda: PriorBias(0), ValueError, "prior must be a probability between 0 and 1, got 0.0"),
    (lambda: PriorBias(1), ValueError, "prior must be a probability between 0 and 1, got 1.0"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text for *_, text in ERRORS])
def test_a_wrong_argument_is_refused_and_says_what_is_allowed(call, error, text):
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value) == text


def test_an_unknown_nonlinearity_of_fixup_is_refused():
    with pytest.raises(ValueError, match="unknown activation 'rleu': did you mean 'relu'"):
        Fixup(3, nonlinearity="rleu")
