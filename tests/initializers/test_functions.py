"""An initializer's function and class come from one definition, and tell checkers, editors and users the same."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from numpy.random import SeedSequence

import fastinit
from fastinit import distributions, initializers
from fastinit.initializers import CLASSES, INITIALIZERS
from fastinit.initializers.definition import ALIASES
from fastinit.recipes import Recipe
from tests.support import ARGUMENTS, SHAPES_OF_OTHERS

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["seed", "name", "dtype", "layout", "out", "index"]
BY_POSITION = {
    "constant": ["value"],
    "random_init": ["lower_bound", "upper_bound"],
    "gaussian_init": ["mean", "std"],
    "xavier_init": ["bias"],
    "he_init": ["bias"],
}

# ---- signatures ----


def kinds(function):
    parameters = inspect.signature(function).parameters
    return {name: parameter.kind.name for name, parameter in parameters.items()}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_all_but_the_shape_is_by_keyword_except_in_constant_and_the_tutorials_functions(name):
    own = [field.name for field in fields(INITIALIZERS[name].initializer)]
    by_position = ["shape", *BY_POSITION.get(name, [])]
    expected = {parameter: "KEYWORD_ONLY" for parameter in ["shape", *own, *OPTIONS]}
    expected |= dict.fromkeys(by_position, "POSITIONAL_OR_KEYWORD")
    assert kinds(INITIALIZERS[name]) == expected
    assert list(kinds(INITIALIZERS[name])) == ["shape", *own, *OPTIONS]
    assert list(kinds(INITIALIZERS[name].distribution_for)) == ["shape", *own, "layout"]


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_shape_may_be_given_by_name(name):
    shape, arguments = SHAPES_OF_OTHERS.get(name, (5, 6)), ARGUMENTS.get(name, {})
    by_name = INITIALIZERS[name](shape=shape, **arguments, seed=0, layout="oi")
    assert np.array_equal(by_name, INITIALIZERS[name](shape, **arguments, seed=0, layout="oi"))


def test_the_stub_is_what_the_definitions_make():
    program = "import sys; sys.path.insert(0, 'tools'); import make_stubs; sys.stdout.write(make_stubs.stub())"
    made = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert made == (ROOT / "fastinit/initializers/functions.pyi").read_text(), "run python tools/make_stubs.py"


@pytest.mark.parametrize("name", [*INITIALIZERS, *ALIASES])
def test_the_stub_declares_the_function(name):
    stub = (ROOT / "fastinit/initializers/functions.pyi").read_text()
    cls = getattr(initializers, name).initializer.__name__
    assert re.search(rf"^{name}: _{cls}$", stub, re.MULTILINE) and re.search(rf"^class _{cls}:$", stub, re.MULTILINE)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_function_has_the_docstring_of_its_class_and_a_line_on_the_options(name):
    function = INITIALIZERS[name]
    of_class, _, last = function.__doc__.rpartition("\n\n")
    assert of_class == inspect.getdoc(function.initializer)
    assert "help(fastinit.initializers)" in last and all(option in last for option in OPTIONS)
    assert all(option in initializers.__doc__ for option in OPTIONS)


# ---- what is on top ----


@pytest.mark.parametrize("module", [fastinit, initializers], ids=lambda module: module.__name__)
def test_every_public_name_is_in_dir_and_there(module):
    assert set(module.__all__) <= set(dir(module))
    assert all(getattr(module, name) is not None for name in module.__all__)


@pytest.mark.parametrize("room", ["initializers", "distributions", "recipes", "random"])
def test_completion_of_a_room_offers_its_public_names_alone(room):
    module = getattr(fastinit, room)
    assert dir(module) == sorted(module.__all__)


def test_every_initializer_is_in_its_room():
    assert {*CLASSES, *INITIALIZERS, *ALIASES} <= set(initializers.__all__)


def test_a_name_that_is_not_on_top_is_pointed_to():
    with pytest.raises(AttributeError, match=r"no attribute 'siren': it is fastinit\.initializers\.siren$"):
        _ = fastinit.siren
    with pytest.raises(AttributeError, match=r"no attribute 'xyz'$"):
        _ = fastinit.xyz


def test_importing_fastinit_loads_neither_numba_nor_a_framework():
    heavy = "{'numba', 'torch', 'jax', 'keras', 'matplotlib', 'scipy', 'dask'}"
    code = f"import sys, fastinit; print({heavy} & {{*sys.modules}}, 'fastinit.recipes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set() False\n"


# ---- errors ----

ALL = "it takes negative_slope, mode, nonlinearity, convention, seed, name, dtype, layout, out, index"
REFUSED = {
    "a positional seed": (
        lambda: fastinit.he_normal((4, 4), 42),
        "he_normal takes shape by position and the rest by keyword, got 42: did you mean seed=42 or negative_slope=42? "
        + ALL,
    ),
    "a positional parameter": (
        lambda: fastinit.he_normal((4, 4), 0.2),
        "he_normal takes shape by position and the rest by keyword, got 0.2: did you mean negative_slope=0.2? " + ALL,
    ),
    "NumPy's order": (
        lambda: fastinit.normal(0, 1, 5),
        "normal takes shape by position and the rest by keyword, got 1, 5: NumPy's normal(0, 1, 5) is normal(5, mean=0, "
        "std=1) here; it takes mean, std, convention, seed, name, dtype, layout, out, index",
    ),
    "NumPy's order with size": (
        lambda: fastinit.uniform(-1, 1, size=(3, 4)),
        "uniform takes shape by position and the rest by keyword, got 1: NumPy's uniform(-1, 1, size=(3, 4)) is "
        "uniform((3, 4), low=-1, high=1) here; it takes low, high, convention, seed, name, dtype, layout, out, index",
    ),
    "NumPy's keyword": (
        lambda: fastinit.normal((3, 4), scale=0.02),
        "normal has no parameter 'scale': did you mean 'std'? it takes mean, std, convention, seed, name, dtype, layout, "
        "out, index",
    ),
    "lengths one by one": (
        lambda: fastinit.he_normal(4, 8),
        "he_normal takes shape by position and the rest by keyword, got 8: did you mean the shape (4, 8) or seed=8 or "
        "negative_slope=8? " + ALL,
    ),
    "a seed after the value": (
        lambda: fastinit.constant(3, 0.5, 7),
        "constant takes shape and value by position and the rest by keyword, got 7: did you mean seed=7? it takes seed, "
        "name, dtype, layout, out, index",
    ),
    "a keyword misspelt": (
        lambda: fastinit.he_normal((4, 4), nane="x"),
        "he_normal has no parameter 'nane': did you mean 'name'? " + ALL,
    ),
    "another library's keyword": (
        lambda: fastinit.he_normal((4, 4), a=0.1),
        "he_normal has no parameter 'a': did you mean 'negative_slope'? " + ALL,
    ),
    "a keyword of something else": (
        lambda: fastinit.he_normal((4, 4), std=0.1),
        "he_normal has no parameter 'std': " + ALL,
    ),
    "an option of filling": (
        lambda: fastinit.normal.distribution_for(3, seed=0),
        "normal has no parameter 'seed': it takes mean, std, convention, layout",
    ),
    "a value that is missing": (lambda: fastinit.constant(3), "constant needs value: it has no default"),
    "two that are missing": (lambda: initializers.parts((6, 2)), "parts needs axis and parts: they have no default"),
}


@pytest.mark.parametrize(("call", "text"), REFUSED.values(), ids=REFUSED)
def test_a_call_that_is_refused_says_what_was_meant_and_all_that_is_allowed(call, text):
    with pytest.raises(TypeError) as refusal:
        call()
    assert str(refusal.value) == text


def test_a_seed_sequence_by_position_is_taken_for_a_seed():
    with pytest.raises(TypeError, match="did you mean seed=SeedSequence"):
        fastinit.zeros(3, SeedSequence(0))


# ---- layers count from 0 ----


@pytest.mark.parametrize("layer", [0, 1, 11])
def test_the_formula_of_ds_init_counts_one_more_than_the_layer(layer):
    first, this = (initializers.ds_init.distribution_for((64, 64), layer=number).high for number in (0, layer))
    assert this == pytest.approx(first / (layer + 1) ** 0.5, rel=1e-15)


def test_the_first_layer_is_as_wide_as_xaviers():
    assert initializers.ds_init.distribution_for((64, 32), layer=0) == fastinit.xavier_uniform.distribution_for((64, 32))


# ---- distributions and initializers, one in place of the other ----

ELEMENTWISE = [
    distributions.Constant(-0.0),
    distributions.Uniform(-1.0, 3.0),
    distributions.Normal(0.5, 0.02),
    distributions.TruncatedNormal(0.0, 0.02, -2.0, 3.0),
]


@pytest.mark.parametrize("distribution", ELEMENTWISE, ids=repr)
def test_get_makes_of_a_distribution_the_initializer_that_has_it_for_every_shape(distribution):
    made = fastinit.get(distribution)
    assert made.distribution_for((3, 4)) == made.distribution_for(7) == distribution
    assert type(made).from_config(made.get_config()) == made


@pytest.mark.parametrize("distribution", ELEMENTWISE, ids=repr)
def test_what_takes_an_initializer_takes_a_distribution(distribution):
    shape, made = (2, 4), fastinit.get(distribution)
    assert np.array_equal(
        initializers.stacked(shape, initializer=distribution, seed=0), initializers.stacked(shape, initializer=made, seed=0)
    )
    batch = fastinit.fill_many(distribution, {"a": shape})
    assert np.array_equal(batch["a"], made(shape, seed=0, name="a"))
    by_name = fastinit.fill_many({"a": distribution, "b": "zeros"}, {"a": shape, "b": 3})
    assert np.array_equal(by_name["a"], batch["a"])
    assert np.array_equal(Recipe([("*", distribution)]).materialize({"a": shape})["a"], batch["a"])
    scaled = initializers.depth_scaled.distribution_for(shape, depth=2, base=distribution, branches=2)
    assert scaled == distribution.times(0.5)


def test_what_needs_a_distribution_takes_an_initializer():
    distribution = distributions.Normal(0.0, 0.5)
    for anything in (distribution, "he_normal", fastinit.he_normal, fastinit.HeNormal, fastinit.HeNormal()):
        assert initializers.distribution_of(anything, (8, 4)) == distribution
    assert initializers.distribution_of("he_normal", (4, 8), "oi") == distribution


def test_a_whole_tensors_distribution_stays_that_of_its_shape_and_layout():
    distribution = initializers.Orthogonal().distribution_for((3, 4), layout="oi")
    made = fastinit.get(distribution)
    assert made.distribution_for((3, 4)) == distribution
    assert np.array_equal(made((3, 4), seed=0), fastinit.orthogonal((3, 4), seed=0, layout="oi"))
    with pytest.raises(ValueError, match=r"Orthogonal\(\) is for shape \(3, 4\) only, got shape \(4, 3\)"):
        made.distribution_for((4, 3))


def test_parameters_do_not_go_with_a_distribution():
    with pytest.raises(TypeError, match="parameters mean cannot be given with an initializer that has its own"):
        fastinit.get(distributions.Normal(0.0, 1.0), mean=2.0)
