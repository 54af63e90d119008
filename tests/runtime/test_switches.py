"""Switches that hold within a block say so where they are called alone, and are silent where they are used."""

import gc
import os
import warnings

import pytest

import fastinit
from fastinit.runtime.switches import switch

os.environ.setdefault("KERAS_BACKEND", "jax")

entered = []


@switch("example.switched()", "example.install()")
def switched(value=1):
    """Its docstring."""
    entered.append(value)
    try:
        yield value
    finally:
        entered.remove(value)


@pytest.fixture(autouse=True)
def collected():
    """What other tests left is not warned of within these."""
    gc.collect()


@pytest.fixture
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        gc.collect()


def test_a_call_alone_warns_in_the_users_line():
    with pytest.warns(RuntimeWarning) as caught:
        switched()
    assert str(caught[0].message) == (
        "example.switched() alone does nothing: write `with example.switched():` or example.install()"
    )
    assert caught[0].filename == __file__ and len(caught) == 1


def test_a_block_is_silent_and_has_the_value(silent):
    with switched(value=3) as value:
        assert entered == [value] == [3]
    assert entered == []


def test_a_block_that_ends_by_an_error_is_silent(silent):
    with pytest.raises(KeyError), switched():
        raise KeyError
    assert entered == []


def test_a_decorated_function_runs_within_a_block_of_its_own_each_time(silent):
    @switched(value=2)
    def function(more):
        return function(more - 1) if more else [*entered]

    assert function(2) == [2, 2, 2]


def test_wrong_arguments_have_their_own_error_alone(silent):
    with pytest.raises(TypeError, match=r"switched\(\) got an unexpected keyword argument 'valu'"):
        switched(valu=3)


def test_it_is_documented_as_the_function():
    assert (switched.__doc__, switched.__name__) == ("Its docstring.", "switched")


CALLS = [
    ("fastinit", "use_backend('reference')", r"fastinit\.use_backend\(\.\.\.\) alone does nothing"),
    (
        "fastinit.torch",
        "accelerate(seed=0)",
        r"write `with fastinit\.torch\.accelerate\(\):` or fastinit\.torch\.install\(\)",
    ),
    ("fastinit.torch", "deferred()", r"write `with fastinit\.torch\.deferred\(\):`$"),
    ("fastinit.torch", "by_name(torch.nn.Linear(2, 2))", r"fastinit\.torch\.by_name\(\.\.\.\) alone does nothing"),
    ("fastinit.keras", "accelerate()", r"write `with fastinit\.keras\.accelerate\(\):`$"),
    ("fastinit", "patch_numpy()", r"fastinit\.patch_numpy\(\) alone replaces nothing"),
]


@pytest.mark.parametrize(("module", "call", "message"), CALLS, ids=[f"{module}.{call}" for module, call, _ in CALLS])
def test_every_switch_warns_alone_and_not_in_a_block(module, call, message):
    library = module.removeprefix("fastinit").removeprefix(".")
    names = {"fastinit": fastinit, "torch": library and pytest.importorskip(library)}
    exec(f"import {module}", names)
    with pytest.warns(RuntimeWarning, match=message):
        exec(f"{module}.{call}", names)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        exec(f"with {module}.{call}: pass", names)
