"""Every cell of the table in docs/conventions.md is what the convention's distribution is."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import fastinit
from fastinit.distributions import Normal, TruncatedNormal, Uniform
from fastinit.initializers import CONVENTIONS, INITIALIZERS

TEXT = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text()
HEAD, _, *ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if line.startswith("|")]
*DISTRIBUTION_ROWS, SPARSE_ROW, LAYOUT_ROW = ROWS
IN, OUT = 200, 300
STD_OF_TRUNCATED = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))  # of N(0, 1), at +-2


def called(text):
    """The function and the parameters of a call in backticks."""
    name, parameters = re.fullmatch(r"`(\w+)\((.*)\)`", text).groups()
    return INITIALIZERS[name], eval(f"dict({parameters})")


def described(distribution):
    """The distribution's name, its variance, and the bounds of a truncated normal, which are symmetric."""
    if isinstance(distribution, Uniform):
        return "uniform", (distribution.high - distribution.low) ** 2 / 12, None
    if isinstance(distribution, TruncatedNormal) and (distribution.low, distribution.high) == (-2, 2):
        return "truncated normal", (distribution.std * STD_OF_TRUNCATED) ** 2, 2 * distribution.std
    return "normal", distribution.std**2, None


@pytest.mark.parametrize(
    ("call", "convention", "said"),
    [(row[0], convention, said) for row in DISTRIBUTION_ROWS for convention, said in zip(HEAD[1:], row[1:])],
)
def test_a_cell_says_the_distribution_of_its_convention(call, convention, said):
    function, parameters = called(call)
    distribution = function.distribution_for((IN, OUT), **parameters, convention=convention, layout="io")
    if ends := re.fullmatch("uniform from (.*) to (.*)", said):
        assert distribution == Uniform(*map(float, ends.groups()))
    elif truncated := re.fullmatch("normal, std (.*), truncated at ±(.*)", said):
        std, bound = map(float, truncated.groups())
        assert isinstance(distribution, TruncatedNormal) and distribution.std == std
        assert [distribution.low * std, distribution.high * std] == [-bound, bound]
    elif std := re.fullmatch("normal, std (.*)", said):
        assert distribution == Normal(0.0, float(std[1]))
    else:
        kind, formula = re.fullmatch("(.*), variance (.*)", said).groups()
        variance = eval(formula.replace("in", str(IN)).replace("out", str(OUT)))
        assert described(distribution)[0] == kind and described(distribution)[1] == pytest.approx(variance, rel=5e-5)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_row_of_sparse_says_where_its_zeros_are(convention):
    function, parameters = called(SPARSE_ROW[0])
    zeros = function((40, 60), **parameters, convention=convention, layout="oi", seed=0) == 0
    number, which = re.fullmatch("(.*) of each (.*) are 0", SPARSE_ROW[HEAD.index(convention)]).groups()
    axis = {"unit's inputs": 1, "input's outputs": 0}[which]
    assert set(zeros.sum(axis)) == {round(float(number) * zeros.shape[axis])}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_row_of_layouts_says_the_order_of_axes(convention):
    said = LAYOUT_ROW[HEAD.index(convention)]
    letters = {"out, in, kernel": "oihw", "kernel, in, out": "hwio"}
    distribution = fastinit.he_normal.distribution_for
    if said in letters:
        assert distribution((2, 3, 5, 7), convention=convention) == distribution(
            (2, 3, 5, 7), convention=convention, layout=letters[said]
        )
    else:
        assert said == "in, out; above two axes an error" and distribution((2, 3)) == distribution((2, 3), layout="io")
        with pytest.raises(ValueError, match="needs layout="):
            distribution((2, 3, 5, 7))


def test_the_table_has_every_convention_and_every_initializer_whose_distribution_depends_on_it():
    conventioned = {name for name, function in INITIALIZERS.items() if "convention" in function.__signature__.parameters}
    in_table = {called(row[0])[0].__name__ for row in (*DISTRIBUTION_ROWS, SPARSE_ROW)}
    sentence = TEXT[TEXT.index("The layout is all") :].split(".")[0]
    assert HEAD[1:] == list(CONVENTIONS)
    assert in_table | set(re.findall(r"`(\w+)`", sentence)) == conventioned


@pytest.mark.parametrize("name", ["bilinear", "delta_orthogonal", "dirac", "mamba_dt_weight", "orthogonal"])
def test_of_some_the_convention_decides_the_layout_alone(name):
    values = [INITIALIZERS[name]((3, 3, 3), convention=convention, layout="oi", seed=0) for convention in CONVENTIONS]
    assert all(np.array_equal(values[0], other) for other in values[1:])
