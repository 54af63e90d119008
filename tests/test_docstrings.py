"""Every public name is listed, documented and shown by an example that runs."""

import doctest
import importlib
import inspect
import os
from typing import get_origin

import numpy as np
import pytest

import fastinit
from tests.support import is_installed

os.environ.setdefault("KERAS_BACKEND", "jax")

ROOMS = ("", ".initializers", ".distributions", ".recipes", ".random", ".auditing", ".growing")
ROOMS += (".torch", ".jax", ".keras", ".dask", ".lab")
MODULES = [f"fastinit{room}" for room in ROOMS if is_installed(room[1:])]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

PUBLIC = {module: importlib.import_module(module) for module in MODULES}
NAMES = [(module, name) for module in MODULES for name in PUBLIC[module].__all__]


def names_to_document():
    """Module and name of each public function and class: once, and not those that NumPy documents."""
    first = {}
    for module, name in NAMES:
        value = getattr(PUBLIC[module], name)
        of_numpy = getattr(np.random.Generator, name, getattr(np.random, name, None))
        is_alias = get_origin(value) is not None  # a type for annotations
        if callable(value) and not is_alias and (of_numpy is None or value.__doc__ != of_numpy.__doc__):
            first.setdefault(id(value), (module, name))
    return list(first.values())


def examples_of(module, name):
    """The doctests of the object's docstring, and of its methods' where it is a class."""
    value = getattr(PUBLIC[module], name)
    finder = doctest.DocTestFinder(recurse=inspect.isclass(value), exclude_empty=True)
    given = {"fastinit": fastinit, "np": np, name: value}
    return [test for test in finder.find(value, name, module=False, globs=given) if test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_offers_is_listed_by_dir(module):
    assert set(PUBLIC[module].__all__) <= set(dir(PUBLIC[module]))
    assert len(set(PUBLIC[module].__all__)) == len(PUBLIC[module].__all__)


@pytest.mark.parametrize(("module", "name"), names_to_document())
def test_a_public_name_has_an_example_that_runs(module, name):
    tests = examples_of(module, name)
    assert tests, f"{module}.{name} has no example: {getattr(PUBLIC[module], name).__doc__!r}"
    printed = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in tests:
        runner.run(test, out=printed.append)
    assert runner.failures == 0, "".join(printed)
