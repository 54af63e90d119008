"""Checks of arguments: each returns the value in its plain type, or raises an error with argument, rule and value."""

from __future__ import annotations

import math
import operator
import reprlib
from collections.abc import Hashable, Iterable
from typing import TypeVar

import numpy as np

T = TypeVar("T")

MOST_ELEMENTS = 2**63 - 1
MOST_DIGITS = 40  # of an integer in an error


class _Shortened(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 200
        self.maxlist = self.maxtuple = self.maxdict = 20

    def repr_int(self, x: int, level: int) -> str:  # of very many digits Python makes no text
        return repr(x) if abs(x) < 10**MOST_DIGITS else f"an int of {x.bit_length()} bits"


shown = _Shortened().repr
"""The repr of a value for an error's text: of a long, large or deep one the beginning."""


def number(name: str, value: object) -> float:
    """The value as a float. TypeError for anything that is not a number, strings included."""
    if type(value) is float:
        return value
    if isinstance(value, (str, bytes)) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        return float(value)  # type: ignore[arg-type]  # it has one of the two methods
    except OverflowError:
        raise ValueError(f"{name} must be within the range of float64, got {shown(value)}") from None
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {shown(value)}") from None


def finite(name: str, value: object) -> float:
    """A number that is neither infinite nor NaN."""
    real = number(name, value)
    if not math.isfinite(real):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    return real


def positive(name: str, value: object) -> float:
    """A finite number above 0."""
    real = number(name, value)
    if not 0 < real < math.inf:
        raise ValueError(f"{name} must be a positive finite number, got {shown(value)}")
    return real


def not_negative(name: str, value: object) -> float:
    """A finite number of at least 0."""
    real = number(name, value)
    if not 0 <= real < math.inf:
        raise ValueError(f"{name} must be a finite number that is not negative, got {shown(value)}")
    return real


def share(name: str, value: object) -> float:
    """A number from 0 to 1, both included."""
    real = number(name, value)
    if not 0 <= real <= 1:
        raise ValueError(f"{name} must be a share between 0 and 1, got {shown(value)}")
    return real


def integer(name: str, value: object, least: int | None = None, most: int = MOST_ELEMENTS) -> int:
    """The value as an int of at least `least` and at most `most`. TypeError for booleans and for floats, even 1.0."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int, got {shown(value)}")
    if not -most <= value <= most:
        what = f"{most:,}" if most < MOST_ELEMENTS else "64 bits"
        raise ValueError(f"{name} must be an int of at most {what}, got {shown(value)}")
    if least is not None and value < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {shown(value)}")
    return int(value)


def boolean(name: str, value: object) -> bool:
    """True or False itself; 0 and 1 are refused."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def one_of(name: str, value: T, known: Iterable[object]) -> T:
    """A value that is among the known ones, which the error lists."""
    choices = tuple(known)  # a tuple, so that an unhashable value gets the same error
    if not isinstance(value, Hashable) or value not in choices:  # an array's == is no truth value
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {shown(value)}")
    return value


def shape(value: object, name: str = "shape") -> tuple[int, ...]:
    """A shape as a tuple of ints, of at most 2^63 - 1 elements. An int is a shape of one axis."""
    if type(value) is tuple and {*map(type, value)} <= {int}:  # as it mostly is
        lengths: tuple[int, ...] = value
    else:
        lengths = _lengths(value, name)
    if lengths and min(lengths) < 0:
        raise ValueError(f"{name} must have no negative length, got {shown(value)}")
    if math.prod(lengths) > MOST_ELEMENTS:
        raise ValueError(f"{name} must have at most 2**63 - 1 elements, got {shown(value)}")
    return lengths


def _lengths(value: object, name: str) -> tuple[int, ...]:
    try:
        is_length = hasattr(value, "__index__") and not isinstance(value, np.ndarray)
        return (operator.index(value),) if is_length else tuple(map(operator.index, value))  # type: ignore[arg-type, call-overload]  # else TypeError
    except TypeError:
        raise TypeError(f"{name} must be an int or a sequence of ints, got {shown(value)}") from None
