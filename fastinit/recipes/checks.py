"""Checks of the ready recipes' parameters."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np


def at_least_one(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value!r}")
    return operator.index(value)


def positive(name: str, value: Any) -> None:
    _check_number(name, value)
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a positive finite number, got {value!r}")


def not_negative(name: str, value: Any) -> None:
    _check_number(name, value)
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number that is not negative, got {value!r}")


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {value!r}")


def one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {value!r}")
