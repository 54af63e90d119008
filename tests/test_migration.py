"""Both sides of each row of docs/migration.md draw from one distribution."""

import importlib
import os
import re

import numpy as np
import pytest
from scipy.stats import ks_2samp

import fastinit
from tests.pages import text

os.environ.setdefault("KERAS_BACKEND", "jax")
SHAPE = (256, 256)  # square: eye, orthogonal and sparse take it, and fans of both layouts agree; a second shape is not
OBLONG = (384, 192)
SIGNIFICANCE = 1e-5  # a row; seeds are fixed
ROWS = re.findall(r"^\| `(.*?)` \| `(fastinit\..*?)` \|$", text("docs/migration.md"), re.MULTILINE)


def library_of(code):
    return {"nn": "torch", "jax": "jax", "keras": "keras"}.get(code.partition(".")[0], "numpy")


def theirs(code, shape):
    """The array of another library's expression."""
    library = pytest.importorskip(library_of(code))
    np.random.seed(0)
    names = {"np": np, "rng": np.random.default_rng(0), "shape": shape, library.__name__: library}
    if library.__name__ == "torch":
        library.manual_seed(0)
        names |= {"nn": library.nn, "w": library.empty(*shape)}
    if library.__name__ == "jax":
        importlib.import_module("jax.nn")
        names["key"] = library.random.key(0)
    return np.asarray(eval(code, names)).ravel()


def ours(code, shape):
    return eval(
        code.replace("(shape", "(shape, seed=0" if "constant" not in code else "(shape"),
        {"fastinit": fastinit, "shape": shape},
    )


@pytest.mark.parametrize("shape", [SHAPE, OBLONG], ids=str)
@pytest.mark.parametrize(("other", "own"), ROWS)
def test_both_sides_of_a_row_have_one_distribution(other, own, shape):
    drawn = ours(own, shape).ravel()
    assert ks_2samp(theirs(other, shape), drawn).pvalue > SIGNIFICANCE


def test_the_comparison_tells_distributions_apart_by_less_than_rows_differ():
    drawn = ours("fastinit.he_normal(shape)", OBLONG).ravel()
    for other in ('fastinit.he_normal(shape, convention="jax")', 'fastinit.he_normal(shape, convention="torch")'):
        assert ks_2samp(ours(other, OBLONG).ravel(), drawn).pvalue < SIGNIFICANCE
