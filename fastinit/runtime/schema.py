"""Says what the content of a TOML or JSON file must look like, and checks that it does.

>>> point = Table({"x": NUMBER, "labels": ListOf(STRING)}, required=("x",))
>>> point.check("point", {"x": 1.5, "labels": "ab"})
Traceback (most recent call last):
    ...
TypeError: labels of point must be a list of strings, got 'ab'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastinit.runtime.checks import one_of, shown


class Schema(ABC):
    """What a value must be: `what` is one in words, as "a string", and `several` are many, as "strings"."""

    what: str
    several: str

    @abstractmethod
    def fits(self, value: Any) -> bool:
        """Whether the value is of the right kind. A table's values are not looked at: `check` names the wrong one."""

    def check(self, where: str, value: Any) -> None:
        """TypeError or ValueError, which says where the value stands, what it must be and what it is."""
        if not self.fits(value):
            raise TypeError(f"{where or 'the file'} must be {self.what}, got {shown(value)}")
        self.check_items(where, value)

    def check_items(self, where: str, value: Any) -> None:  # noqa: B027 - most have no items
        """Check what is in a table or a list."""


@dataclass(frozen=True)
class Kind(Schema):
    """A value of one of these types of Python. True and False are numbers to Python alone."""

    what: str
    several: str
    types: tuple[type, ...]

    def fits(self, value: Any) -> bool:
        return isinstance(value, self.types) and (bool in self.types or not isinstance(value, bool))


STRING = Kind("a string", "strings", (str,))
INTEGER = Kind("an integer", "integers", (int,))
NUMBER = Kind("a number", "numbers", (int, float))
BOOLEAN = Kind("true or false", "truth values", (bool,))
ANYTHING = Kind("anything", "values", (object, bool))


class ListOf(Schema):
    """A list whose items are alike. `entry`: what an error calls an item, as "rule" for "rule 1"."""

    def __init__(self, item: Schema, entry: str = "item") -> None:
        self.item, self.entry = item, entry
        self.what, self.several = f"a list of {item.several}", f"lists of {item.several}"

    def fits(self, value: Any) -> bool:
        return isinstance(value, list) and all(map(self.item.fits, value))

    def check_items(self, where: str, value: list[Any]) -> None:
        if isinstance(self.item, Kind):  # which has nothing in it
            return
        for number, item in enumerate(value, 1):
            self.item.check(f"{self.entry} {number}", item)


class TableOf(Schema):
    """A table with any keys, whose values are alike. `entry`: what an error calls a value, as "tensor" for "tensor 'w'"."""

    several = "tables"

    def __init__(self, value: Schema, entry: str) -> None:
        self.value, self.entry = value, entry
        self.what = f"a table of names and {value.several}"

    def fits(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def check_items(self, where: str, value: Mapping[str, Any]) -> None:
        for key, item in value.items():
            self.value.check(f"{self.entry} {key!r}", item)


class Table(Schema):
    """A table with these keys, of which the required ones must be there. `others`: what further keys have, if any may be."""

    what, several = "a table", "tables"

    def __init__(self, keys: Mapping[str, Schema], required: tuple[str, ...] = (), others: Schema | None = None) -> None:
        self.keys, self.required, self.others = keys, required, others

    def fits(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def check_items(self, where: str, value: Mapping[str, Any]) -> None:
        of = f" of {where}" if where else ""
        if self.others is None:
            for key in value:
                one_of(f"key{of}", key, self.keys)
        if not set(self.required) <= value.keys():
            needed = " and ".join(f"`{key}`" for key in self.required)
            raise ValueError(f"{where or 'the file'} needs {needed}, got {shown(value)}")
        for key, item in value.items():
            (self.keys.get(key) or self.others or ANYTHING).check(f"{key}{of}", item)


class Either(Schema):
    """What one of two schemas takes; the first of them that fits is used."""

    def __init__(self, what: str, first: Schema, second: Schema, several: str = "values") -> None:
        self.what, self.first, self.second, self.several = what, first, second, several

    def fits(self, value: Any) -> bool:
        return self.first.fits(value) or self.second.fits(value)

    def check(self, where: str, value: Any) -> None:
        for schema in (self.first, self.second):
            if schema.fits(value):
                return schema.check_items(where, value)
        super().check(where, value)
