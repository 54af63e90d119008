"""What every initializer is: an immutable value that gives a tensor's distribution and fills the tensor with it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from fastinit.core.fill import Draws, checked_shape, fill
from fastinit.distributions import Distribution, WholeTensor, number
from fastinit.initializers.layouts import UNSAID, Layout, layout_of

CONVENTIONS = {"math": UNSAID, "torch": Layout("oi"), "keras": Layout("io"), "jax": Layout("io")}
"""The conventions, each with the layout that its framework takes for granted ("math" asks for one above two axes)."""

CLASSES: dict[str, type[Initializer]] = {}
"""Every initializer's class by its name, as in HeNormal."""

INITIALIZERS: dict[str, Callable[..., np.ndarray]] = {}
"""Every initializer's function by its name, as in he_normal."""


@dataclass(frozen=True, repr=False)
class Initializer:
    """Base of the initializers. Two are equal where their class and parameters are; the repr makes an equal one again."""

    def __post_init__(self) -> None:
        """Numbers become floats; `check` says what else is wrong."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "float" and type(value) is not float:
                self._set(field.name, number(field.name, value))
            elif field.type == "int" and (isinstance(value, bool) or not isinstance(value, (int, np.integer))):
                raise TypeError(f"{field.name} must be an int, got {value!r}")
            elif field.name == "convention":
                self.check_one_of("convention", CONVENTIONS)
        self.check()

    def _set(self, field: str, value: Any) -> None:
        object.__setattr__(self, field, value)  # only while it is made

    def check(self) -> None:
        """Raise ValueError for parameters that mean nothing; for subclasses to say."""

    def check_one_of(self, field: str, known: Any) -> None:
        if getattr(self, field) not in tuple(known):  # a tuple: what has no hash is to be refused as well
            raise ValueError(f"{field} must be one of {', '.join(map(repr, known))}, got {getattr(self, field)!r}")

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> Distribution:
        """The distribution of a tensor of this shape; for subclasses to say."""
        raise NotImplementedError

    def distribution_for(self, shape: int | tuple[int, ...], *, layout: Any = None) -> Distribution:
        """The distribution that a tensor of this shape is filled with; nothing is drawn."""
        return _distribution(self, checked_shape(shape), self.layout(layout))

    def layout(self, layout: Any) -> Layout:
        """The layout meant by a call's `layout` argument: where it is None, that of the convention's framework."""
        return CONVENTIONS[getattr(self, "convention", "math")] if layout is None else layout_of(layout)

    def __call__(
        self,
        shape: int | tuple[int, ...],
        *,
        seed: int | SeedSequence | None = None,
        name: str | None = None,
        dtype: Any = np.float32,
        layout: str | Layout | Mapping[str, Any] | None = None,
        out: np.ndarray | None = None,
        index: Any = None,
    ) -> np.ndarray:
        """A tensor, or the part `index` of it, filled by this initializer; the options: `fastinit.initializers`."""
        whole_shape = checked_shape(shape)
        distribution = _distribution(self, whole_shape, self.layout(layout))
        return fill(distribution, whole_shape, seed=seed, name=name, dtype=dtype, out=out, index=index)

    def __repr__(self) -> str:
        """The class and the parameters that are not the default."""
        given = ((f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name) != f.default)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in given)})"

    def get_config(self) -> dict[str, Any]:
        """The parameters as plain data, that JSON can hold: `from_config` makes an equal initializer of it."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Initializer:
        """The initializer that `get_config` describes. TypeError for parameters that it does not have."""
        return made_of(cls, (), {name: _from_plain(value) for name, value in config.items()})


class Structured(Initializer):
    """Base of the initializers whose values are made together, for the whole tensor at once.

    A part of the tensor (`index`) is cut from the whole, which is made in full; memory is that of the whole.
    """

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> Distribution:
        self.check_shape(shape, layout)
        return WholeTensor(self, shape, layout)

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        """Raise ValueError for a shape or layout that this initializer cannot fill; for subclasses to say."""

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        """All values, float32 or float64 as `draws.real` says, or exact in both; for subclasses to say."""
        raise NotImplementedError


@lru_cache(maxsize=4096)
def _distribution(initializer: Initializer, shape: tuple[int, ...], layout: Layout) -> Distribution:
    return initializer._distribution(shape, layout)


def function(cls: type[Initializer], name: str | None = None) -> Callable[..., np.ndarray]:
    """The class's function, he_normal for HeNormal: he_normal(shape, <parameters>, **options) fills. Both are listed."""
    name = name or re.sub("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()
    plain = cache(cls)  # of no parameters: nothing to check each time again

    def fills(shape, *parameters, seed=None, name=None, dtype=np.float32, layout=None, out=None, index=None, **named):
        made = made_of(cls, parameters, named) if parameters or named else plain()
        return made(shape, seed=seed, name=name, dtype=dtype, layout=layout, out=out, index=index)

    def distribution(shape, *parameters, layout=None, **named):
        return made_of(cls, parameters, named).distribution_for(shape, layout=layout)

    fills.distribution_for, fills.initializer = distribution, cls
    fills.__name__, fills.__qualname__, fills.__module__, fills.__doc__ = name, name, cls.__module__, cls.__doc__
    fills.__signature__ = _signature(cls)
    CLASSES[cls.__name__], INITIALIZERS[name] = cls, fills
    return fills


def function_name(cls: type[Initializer]) -> str:
    return next((name for name, fills in INITIALIZERS.items() if fills.initializer is cls), cls.__name__)


def made_of(cls: type[Initializer], positional: tuple, named: Mapping[str, Any]) -> Initializer:
    """cls(*positional, **named). TypeError naming the parameters that there are for one that is none of them."""
    known = _parameters(cls)
    for parameter in named:
        if parameter not in known:
            takes = ", ".join(known) or "none"
            raise TypeError(f"{function_name(cls)} has no parameter {parameter!r}: it takes {takes}")
    return cls(*positional, **named)


@cache
def _parameters(cls: type[Initializer]) -> tuple[str, ...]:
    return tuple(inspect.signature(cls).parameters)


def _signature(cls: type[Initializer]) -> inspect.Signature:
    """Of the function: the shape, the class's own parameters, and the options that all share."""
    shape = inspect.Parameter("shape", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    call = inspect.signature(Initializer.__call__).parameters.values()
    shared = [parameter for parameter in call if parameter.kind is parameter.KEYWORD_ONLY]
    own = [*inspect.signature(cls).parameters.values(), *shared]
    parameters = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in own]
    return inspect.Signature([shape, *parameters], return_annotation=np.ndarray)


def _plain(value: Any) -> Any:
    if isinstance(value, Initializer):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _from_plain(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"class_name", "config"}:
        if value["class_name"] not in CLASSES:
            raise ValueError(f"class_name must be one of {', '.join(sorted(CLASSES))}, got {value['class_name']!r}")
        return CLASSES[value["class_name"]].from_config(value["config"])
    if isinstance(value, list):
        return tuple(_from_plain(item) for item in value)
    return value
