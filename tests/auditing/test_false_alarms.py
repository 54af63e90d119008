"""Nothing is found where nothing is wrong."""

import math

import numpy as np
import pytest

from fastinit.auditing import audit
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.fill import fill
from fastinit.files import checkpoint, specs
from fastinit.initializers import INITIALIZERS
from fastinit.recipes.families import MODELS
from fastinit.recipes.plan import Plan
from tests.auditing.samples import DISTRIBUTIONS, W, drawn, kinds
from tests.recipes.test_ready_recipes import DISTRIBUTIONS as RECIPES
from tests.support import made
from tests.thresholds import poisson_limits, z_limit


def test_a_clean_model_has_no_finding(gpt2_like):
    for tensors in (gpt2_like.path, str(gpt2_like.path)):
        report = audit(tensors, gpt2_like.plan)
        assert report.findings == () and report.ok
        assert [row.name for row in report.tensors if row.skipped] == ["steps"]
    assert audit(gpt2_like.path).findings == ()  # nor by itself


@pytest.mark.parametrize("dtype", [None, "bfloat16", "float8_e4m3fn"])
def test_the_built_in_mlp_has_no_finding(tmp_path, dtype):
    plan = specs.plan("mlp", dtype)
    checkpoint.write(tmp_path / "mlp.safetensors", plan, seed=1)
    assert audit(tmp_path / "mlp.safetensors", plan).findings == ()


def test_shards_are_audited_through_their_index(tmp_path, gpt2_like):
    *shards, index = checkpoint.write(tmp_path / "s.safetensors", gpt2_like.plan, seed=5, shard_size=500_000)
    assert len(shards) > 1
    whole = {row.name: row for row in audit(gpt2_like.path, gpt2_like.plan).tensors}
    assert {row.name: row for row in audit(index, gpt2_like.plan).tensors} == whole


@pytest.mark.parametrize("dtype", ELEMENT_TYPES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_values_of_a_distribution_raise_no_alarm_at_any_size(distribution, dtype):
    """About 15 checks of each of the 8 sizes: a false alarm once in 10,000 runs of a case; the seed is fixed."""
    sizes = (1, 2, 3, 7, 30, 300, 10_000, 200_000)
    tensors = {str(n): drawn(distribution, n, dtype, seed=n) for n in sizes}
    assert audit(tensors, dict.fromkeys(tensors, distribution)).findings == ()


def test_a_false_alarm_comes_as_often_as_promised(monkeypatch):
    """The limit lowered to once in 1000: 2 x 2400 checks give 4.8."""
    monkeypatch.setattr("fastinit.auditing.goodness_of_fit.CRITICAL_SCORE", z_limit(1e-3))
    alarms = 0
    for n in (10, 100, 1000):
        for distribution in (W, DISTRIBUTIONS["uniform"], DISTRIBUTIONS["truncated"], DISTRIBUTIONS["half"]):
            tensors = {str(seed): drawn(distribution, n, seed=seed) for seed in range(200)}
            alarms += sum(kind in ("mean", "std") for kind in kinds(audit(tensors, dict.fromkeys(tensors, distribution))))
    assert 0 < alarms <= poisson_limits(4.8, 2e-4)[1]


# ---- initializers and recipes ----------------------------------------------------------------------------------------

SHAPES = {
    **dict.fromkeys(("bilinear", "dirac"), (5, 5, 64, 64)),
    "delta_orthogonal": (5, 5, 32, 64),
    "lstm_bias": (512,),
    "stft": (64, 1, 66),
}
"""For the names of initializers that do not take a matrix of 96 x 64, a shape that they take."""
DESIGNED = {
    **{name: {"dead"} for name in ("zeros", "ones", "constant", "layer_scale", "prior_bias")},
    "parts": {"never filled", "constant rows"},  # half of it zeros
    "with_slabs": {"constant rows"},
    "stft": {"constant rows"},
    "icnr": {"repeated parts"},
    "mamba_a_log": {"constant columns", "repeated rows"},
}
"""What an initializer makes by design that, where nothing is known of the distribution, is a warning."""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn", "float64"])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_what_an_initializer_makes_passes(name, dtype):
    """Two seeds, against its distribution: a false alarm once in 30,000 runs. Without it there is at most a warning."""
    initializer, shape = made(name), SHAPES.get(name, (96, 64))
    for seed in range(2):
        values = initializer(shape, seed=seed, dtype=dtype, layout="io")
        assert audit({"w": values}, {"w": initializer}, layout="io").findings == ()
        alone = audit({"w": values})
        assert alone.ok and {*kinds(alone)} <= DESIGNED.get(name, set())


def tensors_of(plan, seed):
    """The values of a plan's tensors, ties as copies in other memory, as a file has them."""
    drawn = {
        t.name: fill(t.distribution, t.spec.shape, seed=seed, name=t.name, dtype=t.spec.dtype or "float32")
        if t.value is None
        else np.full(t.spec.shape, t.value, t.spec.dtype)
        for t in plan
        if t.distribution is not None
    }
    return drawn | {name: drawn[source].copy() for name, source in plan.ties.items()}


def assert_passes(plan, seed):
    report = audit(tensors_of(plan, seed), plan)
    assert [f for f in report.findings if f.severity != "note"] == []
    assert {f.name for f in report.findings} == plan.ties.keys()


def of_at_most(plan, n):
    """The plan of those tensors that have n values or fewer."""
    names = {t.name for t in plan if math.prod(t.spec.shape) <= n}
    return Plan(tuple(t for t in plan if t.name in names and (t.source is None or t.source in names)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", RECIPES)
def test_the_weights_of_every_recipe_pass(name, seed):
    recipe, tensors = RECIPES[name]
    assert_passes(recipe.plan({name: shape for name, shape, _ in tensors}), seed)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("gpt2-large", "gpt2-xl", "llama-3-8b")])
def test_the_smaller_tensors_of_every_model_pass(name, dtype):
    assert_passes(of_at_most(specs.plan(name, dtype), 100_000), seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn"])
@pytest.mark.parametrize("name", ["gpt2", "bert-base", "vit-b-16", "resnet50", "mlp"])
def test_the_weights_of_whole_models_pass(name, dtype, seed):
    assert_passes(specs.plan(name, dtype), seed)


@pytest.mark.slow
@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_thousands_of_tensors_pass(distribution):
    """20,000 of them and some 300,000 checks: 0.3 false alarms are expected, more than 3 once in 4000."""
    alarms = 0
    for seed in range(100):
        tensors = {str(n): drawn(distribution, 20 + 7 * n, seed=1000 * seed + n) for n in range(200)}
        alarms += len(audit(tensors, dict.fromkeys(tensors, distribution)).findings)
    assert alarms <= poisson_limits(0.3, 5e-4)[1]
