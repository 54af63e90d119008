"""`@value_class`: immutable values made of fields, like frozen dataclasses, whose classes cost next to nothing to define.

`dataclasses.dataclass` writes and compiles source code for every class, which was two fifths of `import fastinit`. Here all
classes share their methods, which look the fields up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from fastinit.runtime.forks import without_forks
from fastinit.runtime.nearest import did_you_mean

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform  # in `typing` from Python 3.11 on
else:

    def dataclass_transform(**_: object):
        return lambda decorator: decorator


V = TypeVar("V")

MISSING: Any = type("MISSING", (), {"__repr__": lambda self: "MISSING"})()
"""The default of a field that has none."""


class Field(NamedTuple):
    """A field: its name, its annotation as it is written, its default, and whether it goes by keyword only."""

    name: str
    type: Any
    default: Any
    kw_only: bool


@overload
def value_class(cls: type[V], /) -> type[V]: ...
@overload
def value_class(*, kw_only: bool) -> Callable[[type[V]], type[V]]: ...
@dataclass_transform(frozen_default=True)
def value_class(cls: Any = None, /, *, kw_only: bool = False) -> Any:
    """A decorator: what the class annotates are the fields of its values, after those of its bases; less its ClassVars.

    The class has the methods of a frozen dataclass, but for those that it or a base defines, and calls `__post_init__`.
    Functions of `dataclasses` take it for one. `kw_only`: its own fields go by keyword only.

    >>> from fastinit.runtime.values import replace, value_class
    >>> @value_class
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(x=1, y=0), replace(Point(1), y=2)
    (Point(x=1, y=0), True, Point(x=1, y=2))
    """
    if cls is None:
        return lambda decorated: _with_fields(decorated, kw_only)
    return _with_fields(cls, kw_only)


def fields(of: Any) -> tuple[Field, ...]:
    """The fields of a value or its class, in their order."""
    found: tuple[Field, ...] = of._fields
    return found


def replace(original: V, **changes: Any) -> V:
    """The same value but for these fields; it is checked as a new one."""
    given = {field.name: getattr(original, field.name) for field in fields(original)}
    return type(original)(**{**given, **changes})


def _with_fields(cls: type[Any], kw_only: bool) -> type[Any]:
    found: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        found.update((field.name, field) for field in vars(base).get("_fields", ()))
    for name, annotation in cls.__annotations__.items():
        if not str(annotation).startswith(("ClassVar", "typing.ClassVar")):
            found[name] = Field(name, annotation, vars(cls).get(name, MISSING), kw_only)
    cls._fields = tuple(found.values())
    cls._defaults = {field.name: field.default for field in cls._fields}
    cls._required = tuple(field.name for field in cls._fields if field.default is MISSING)
    cls._values = attrgetter(*cls._defaults) if cls._defaults else _nothing  # of a value: those of its fields
    cls._positional = tuple(field.name for field in cls._fields if not field.kw_only)
    cls.__match_args__ = cls._positional  # type: ignore[misc]
    defined = {name for base in cls.__mro__[:-1] for name in vars(base)}
    for name in METHODS.keys() - defined:
        setattr(cls, name, METHODS[name])
    return cls


def _nothing(self: Any) -> tuple[()]:
    return ()


def _init(self: Any, /, *positional: Any, **named: Any) -> None:
    cls, own = type(self), self.__dict__
    if named or len(positional) != len(cls._defaults):
        own.update(cls._defaults)  # first, so that fields are in their order
        own.update(zip(cls._positional, positional))
        own.update(named)
        _check(cls, own, positional, named)
    else:
        own.update(zip(cls._positional, positional))
        if len(own) != len(positional):  # some go by keyword only
            raise TypeError(complaint(cls.__name__, cls._fields, positional, named))
    self.__post_init__()


def _check(cls: Any, own: Mapping[str, Any], positional: tuple[object, ...], named: Mapping[str, object]) -> None:
    """TypeError for arguments that make no value: `own` is what they give."""
    by_position = cls._positional[: len(positional)]
    if (
        len(by_position) < len(positional)
        or len(own) > len(cls._defaults)
        or any(own[name] is MISSING for name in cls._required)
        or (named and not named.keys().isdisjoint(by_position))
    ):
        raise TypeError(complaint(cls.__name__, cls._fields, positional, named))


def complaint(
    name: str,
    known: Collection[Field],
    positional: tuple[object, ...],
    named: Collection[str],
    options: tuple[str, ...] = (),
    foreign: Mapping[str, str] | None = None,
) -> str | None:
    """What is wrong with the arguments for these fields, if anything is, `name` being what they are given to.

    `options`: what else it takes, listed in the text too; `foreign`: fields' names elsewhere.
    """
    first, others = ([field.name for field in known if field.kw_only is after] for after in (False, True))
    takes = [*first, *others, *options]
    for parameter in named:
        if parameter not in takes:
            hint = did_you_mean(parameter, {own: own for own in takes} | dict(foreign or {}))
            return f"{name} has no parameter {parameter!r}: {hint}it takes {', '.join(takes) or 'none'}"
    for parameter in first[: len(positional)]:
        if parameter in named:
            return f"{name} has {parameter} twice, by position and by keyword"
    if len(positional) > len(first):
        extra = positional[len(first) :]
        meant = ", ".join(f"{parameter}={value!r}" for parameter, value in zip(others, extra))
        hint = f"did you mean {meant}? " if meant else ""
        more, by_position = (" more", " and ".join(first)) if first else ("", "nothing")
        given = ", ".join(map(repr, extra))
        return f"{name} takes {by_position} by position, got {given}{more}: {hint}it takes {', '.join(takes) or 'none'}"
    missing = [
        f.name for f in known if f.default is MISSING and f.name not in named and f.name not in first[: len(positional)]
    ]
    have = "it has" if len(missing) == 1 else "they have"
    return f"{name} needs {' and '.join(missing)}: {have} no default" if missing else None


def _post_init(self: Any) -> None:
    """Check and convert the fields; classes override it."""


def _refuse(self: Any, name: str, *value: object) -> None:
    with without_forks():
        from dataclasses import FrozenInstanceError  # which only this and their functions need

    raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")


def _eq(self: Any, other: object) -> bool:
    values = type(self)._values
    return values(self) == values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(type(self)._values(self))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={vars(self)[name]!r}" for name in self._defaults)
    return f"{type(self).__qualname__}({shown})"


class _Signature:
    """The signature of a class, for `inspect`; its values have none of it."""

    def __get__(self, of: object, cls: Any) -> Any:
        if of is not None:
            raise AttributeError("__signature__")
        return signature_of(cls._fields)


def signature_of(of: Collection[Field]) -> Any:
    with without_forks():
        from inspect import Parameter, Signature  # for those who look at signatures alone

    kinds = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY
    in_order = sorted(of, key=lambda field: field.kw_only)
    defaults = [Parameter.empty if field.default is MISSING else field.default for field in in_order]
    return Signature(
        [
            Parameter(field.name, kinds[field.kw_only], default=default, annotation=field.type)
            for field, default in zip(in_order, defaults)
        ]
    )


class _OfDataclass:
    """An attribute by which `dataclasses` knows the classes of its own: that of one with the same fields."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, of: object, cls: Any) -> Any:
        return getattr(_dataclass(cls), self._name)


@cache
def _dataclass(cls: Any) -> type[Any]:
    with without_forks():
        import dataclasses  # for their functions alone

    own = [(field.name, field.type, dataclasses.field(kw_only=field.kw_only, **_default(field))) for field in cls._fields]
    return dataclasses.make_dataclass(cls.__name__, own, frozen=True)


def _default(field: Field) -> dict[str, Any]:
    return {} if field.default is MISSING else {"default": field.default}


METHODS: dict[str, Any] = {
    "__init__": _init,
    "__post_init__": _post_init,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__replace__": replace,  # which copy.replace calls
    "__signature__": _Signature(),
    "__dataclass_fields__": _OfDataclass("__dataclass_fields__"),
    "__dataclass_params__": _OfDataclass("__dataclass_params__"),
}
"""What every class of values has, unless it or a base defines its own."""
