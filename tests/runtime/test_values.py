"""Classes of values behave as frozen dataclasses do, for Python's own tools too."""

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys

import pytest

from fastinit.runtime.values import fields, replace, value_class


@value_class
class Interval:
    """Of numbers."""

    low: float
    high: float = 1.0

    def __post_init__(self):
        if self.low > self.high:
            raise ValueError(f"low must not be above high, got {self.low}")


@value_class(kw_only=True)
class Named(Interval):
    name: str = "interval"


@dataclasses.dataclass(frozen=True)
class Twin:
    """What Python makes of the same fields."""

    low: float
    high: float = 1.0
    _: dataclasses.KW_ONLY
    name: str = "interval"


@pytest.mark.parametrize(
    "arguments",
    [
        ((0.5,), {}),
        ((0.5, 2.0), {}),
        ((), {"low": 0.5}),
        ((0.5,), {"high": 3.0, "name": "a"}),
        ((), {"name": "a", "high": 0.7, "low": 0.5}),
    ],
)
def test_arguments_go_to_the_fields_that_a_dataclass_gives_them_to(arguments):
    positional, named = arguments
    assert vars(Named(*positional, **named)) == vars(Twin(*positional, **named))


def test_python_sees_the_parameters_of_a_dataclass():
    kinds = [(p.name, p.kind, p.default) for p in inspect.signature(Twin).parameters.values()]
    assert [(p.name, p.kind, p.default) for p in inspect.signature(Named).parameters.values()] == kinds


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (((), {}), "Named needs low: it has no default"),
        (((0.5,), {"hihg": 1}), "Named has no parameter 'hihg': did you mean 'high'? it takes low, high, name"),
        (((0.5,), {"low": 1}), "Named has low twice, by position and by keyword"),
        (
            ((0.5, 1.0, "a"), {}),
            "Named takes low and high by position, got 'a' more: did you mean name='a'? it takes low, high, name",
        ),
    ],
)
def test_wrong_arguments_are_refused_with_what_there_is(arguments, complaint):
    with pytest.raises(TypeError) as refusal:
        Named(*arguments[0], **arguments[1])
    assert str(refusal.value) == complaint


def test_a_value_cannot_be_changed():
    of = Interval(0.5)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'low'"):
        of.low = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'low'"):
        del of.low
    assert of == Interval(0.5)


def test_values_are_equal_where_class_and_fields_are():
    assert Interval(0.5) == Interval(0.5, 1.0) and hash(Interval(0.5)) == hash(Interval(0.5, 1.0))
    assert Interval(0.5) != Interval(0.6) and Interval(0.5) != Named(0.5) and Interval(0.5) != (0.5, 1.0)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda of: pickle.loads(pickle.dumps(of)), lambda of: eval(repr(of))]
)
def test_an_equal_value_is_made_again(again):
    assert again(Named(0.5, name="a")) == Named(0.5, 1.0, name="a")


@pytest.mark.parametrize("change", [replace, dataclasses.replace])
def test_a_replaced_field_is_checked(change):
    assert change(Named(0.5, name="a"), high=2.0) == Named(0.5, 2.0, name="a")
    with pytest.raises(ValueError, match="low must not be above high, got 3"):
        change(Interval(0.5), low=3.0)


def test_dataclasses_takes_its_classes_for_its_own():
    assert dataclasses.is_dataclass(Named)
    theirs = [(f.name, f.default, f.kw_only) for f in dataclasses.fields(Twin)]
    assert [(f.name, f.default, f.kw_only) for f in dataclasses.fields(Named(0.5))] == theirs
    assert [f.name for f in fields(Named)] == ["low", "high", "name"]
    assert dataclasses.asdict(Named(0.5)) == {"low": 0.5, "high": 1.0, "name": "interval"}


def test_an_import_takes_nothing_that_only_some_calls_need():
    """Each of these costs more than a millisecond."""
    code = "import numpy, sys; before = set(sys.modules); import fastinit; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    needless = {"numpy.random", "dataclasses", "hashlib", "decimal", "fractions", "difflib", "numba", "ctypes"}
    assert not needless & set(loaded)


def test_fields_match_patterns_by_place_as_those_of_dataclasses_do():
    @value_class
    class Point:
        x: int
        y: int = 0

    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
