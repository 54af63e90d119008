"""docs/flavours.md says what each flavour's laws are: every cell of its table is compared with the law itself."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import fastinit
from fastinit.distributions import Normal, TruncatedNormal, Uniform
from fastinit.initializers import FLAVOURS, INITIALIZERS

TEXT = (Path(__file__).parents[2] / "docs" / "flavours.md").read_text()
HEAD, _, *ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if line.startswith("|")]
*LAW_ROWS, SPARSE_ROW, LAYOUT_ROW = ROWS
IN, OUT = 200, 300
STD_OF_CUT = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))  # of N(0, 1), at +-2


def called(text):
    """The function and the parameters of a call in backticks."""
    name, parameters = re.fullmatch(r"`(\w+)\((.*)\)`", text).groups()
    return INITIALIZERS[name], eval(f"dict({parameters})")


def described(law):
    """The distribution's name, its variance, and the bounds of a cut normal, which are symmetric."""
    if isinstance(law, Uniform):
        return "uniform", (law.high - law.low) ** 2 / 12, None
    if isinstance(law, TruncatedNormal) and (law.low, law.high) == (-2, 2):
        return "cut normal", (law.std * STD_OF_CUT) ** 2, 2 * law.std
    return "normal", law.std**2, None


@pytest.mark.parametrize(
    ("call", "flavour", "said"),
    [(row[0], flavour, said) for row in LAW_ROWS for flavour, said in zip(HEAD[1:], row[1:])],
)
def test_a_cell_says_the_law_of_its_flavour(call, flavour, said):
    function, parameters = called(call)
    law = function.law((IN, OUT), **parameters, flavour=flavour, layout="io")
    if ends := re.fullmatch("uniform from (.*) to (.*)", said):
        assert law == Uniform(*map(float, ends.groups()))
    elif cut := re.fullmatch("normal, std (.*), cut at ±(.*)", said):
        std, bound = map(float, cut.groups())
        assert isinstance(law, TruncatedNormal) and law.std == std
        assert [law.low * std, law.high * std] == [-bound, bound]
    elif std := re.fullmatch("normal, std (.*)", said):
        assert law == Normal(0.0, float(std[1]))
    else:
        kind, formula = re.fullmatch("(.*), variance (.*)", said).groups()
        variance = eval(formula.replace("in", str(IN)).replace("out", str(OUT)))
        assert described(law)[0] == kind and described(law)[1] == pytest.approx(variance, rel=5e-5)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_row_of_sparse_says_where_its_zeros_are(flavour):
    function, parameters = called(SPARSE_ROW[0])
    zeros = function((40, 60), **parameters, flavour=flavour, layout="oi", seed=0) == 0
    number, which = re.fullmatch("(.*) of each (.*) are 0", SPARSE_ROW[HEAD.index(flavour)]).groups()
    axis = {"unit's inputs": 1, "input's outputs": 0}[which]
    assert set(zeros.sum(axis)) == {round(float(number) * zeros.shape[axis])}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_row_of_layouts_says_the_order_of_axes(flavour):
    said = LAYOUT_ROW[HEAD.index(flavour)]
    letters = {"out, in, kernel": "oihw", "kernel, in, out": "hwio"}
    law = fastinit.he_normal.law
    if said in letters:
        assert law((2, 3, 5, 7), flavour=flavour) == law((2, 3, 5, 7), flavour=flavour, layout=letters[said])
    else:
        assert said == "in, out; above two axes an error" and law((2, 3)) == law((2, 3), layout="io")
        with pytest.raises(ValueError, match="needs layout="):
            law((2, 3, 5, 7))


def test_the_table_has_every_flavour_and_every_initializer_whose_law_depends_on_it():
    flavoured = {name for name, function in INITIALIZERS.items() if "flavour" in function.__signature__.parameters}
    in_table = {called(row[0])[0].__name__ for row in (*LAW_ROWS, SPARSE_ROW)}
    sentence = TEXT[TEXT.index("The layout is all") :].split(".")[0]
    assert HEAD[1:] == list(FLAVOURS)
    assert in_table | set(re.findall(r"`(\w+)`", sentence)) == flavoured


@pytest.mark.parametrize("name", ["bilinear", "delta_orthogonal", "dirac", "mamba_dt_weight", "orthogonal"])
def test_of_some_the_flavour_decides_the_layout_alone(name):
    values = [INITIALIZERS[name]((3, 3, 3), flavour=flavour, layout="oi", seed=0) for flavour in FLAVOURS]
    assert all(np.array_equal(values[0], other) for other in values[1:])
