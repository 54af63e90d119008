"""`fastinit explain`: the docstring, the distribution and a histogram of an initializer."""

import subprocess
import sys

import numpy as np
import pytest

import fastinit
from fastinit.cli.explain import histogram


def explain(*arguments):
    return subprocess.run([sys.executable, "-m", "fastinit", "explain", *arguments], capture_output=True, text=True)


def test_the_formula_the_source_and_the_distribution_are_printed():
    done = explain("he_normal", "--shape", "8,4")
    assert done.returncode == 0
    assert "Normal with variance gain^2 / fan_in" in done.stdout and "arXiv 1502.01852" in done.stdout
    assert "HeNormal() for shape (8, 4), seed 0:\nNormal(mean=0.0, std=0.5), mean 0, standard deviation 0.5" in done.stdout


def test_names_of_other_libraries_are_known():
    assert "HeUniform() for shape (256, 128)" in explain("kaiming_uniform_").stdout


def test_an_initializer_that_needs_more_than_a_shape_says_what():
    done = explain("chrono_bias", "--shape", "8,4")
    assert done.returncode == 0 and "No histogram for shape (8, 4): " in done.stdout


def test_the_histogram_counts_every_value_once_and_its_longest_bar_is_the_mode():
    values = fastinit.normal((5000,), seed=0)
    rows = histogram(values)
    counts = [int(count.replace(",", "")) for _, _, count in rows]
    assert sum(counts) == 5000 and max(range(15), key=lambda i: len(rows[i][1])) == np.argmax(counts)


def test_equal_values_are_one_row():
    assert histogram(np.zeros(7)) == [("0", "█" * 40, "7")]


@pytest.mark.parametrize("shape", ["", "8,x", "-3,4", "0,4", "65536,65536"])
def test_a_wrong_shape_is_named(shape):
    done = explain("he_normal", "--shape", shape)
    assert done.returncode == 2
    assert done.stderr.startswith("fastinit: --shape must be positive sizes as 256,128") and repr(shape) in done.stderr


def test_an_unknown_name_is_answered_with_the_nearest():
    assert "did you mean 'he_normal'" in explain("he_normall").stderr


def test_parameters_are_given_by_name():
    assert "HeNormal(negative_slope=0.5) for shape" in explain("he_normal", "negative_slope=0.5").stdout


def test_what_is_no_parameter_is_named():
    assert explain("he_normal", "0.5").stderr == "fastinit: a parameter must be as negative_slope=0.1, got '0.5'\n"
