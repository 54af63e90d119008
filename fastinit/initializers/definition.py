"""`@initializer`, which turns a class into one of immutable values with a function, and registers both."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from inspect import Parameter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np

from fastinit.core import remembered_fills, small_parts
from fastinit.core.seed_sequences import is_seed_sequence
from fastinit.distributions import Distribution
from fastinit.initializers.base import CLASSES, Initializer, made_of
from fastinit.initializers.layouts import LayoutLike
from fastinit.initializers.other_libraries import PARAMETERS
from fastinit.runtime import checks
from fastinit.runtime.types import Array, DTypeLike, Index, Seed, Shape
from fastinit.runtime.values import MISSING, fields, value_class

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform  # in `typing` from Python 3.11 on
else:

    def dataclass_transform(**_: object):
        return lambda decorator: decorator


class InitializerFunction(Protocol):
    """An initializer's function, as he_normal: `function(shape, **parameters, **options)` returns a filled array.

    The signature of each one is in functions.pyi, which tools/make_stubs.py generates.
    """

    __name__: str

    @property
    def initializer(self) -> type[Initializer]: ...

    @property
    def distribution_for(self) -> Callable[..., Distribution]: ...

    def __call__(self, shape: Shape, *parameters: Any, **options: Any) -> Array: ...


INITIALIZERS: dict[str, InitializerFunction] = {}
"""Every initializer's function by its name, as in he_normal."""

ALIASES: dict[str, InitializerFunction] = {}
"""Functions by their other names, as glorot_normal."""

DEFAULTS = {"seed": None, "name": None, "dtype": np.float32, "layout": None, "out": None, "index": None}
"""The options that all functions share, by keyword only."""

SHARED_OPTIONS = [Parameter(name, Parameter.KEYWORD_ONLY, default=default) for name, default in DEFAULTS.items()]
LAYOUT = SHARED_OPTIONS[list(DEFAULTS).index("layout")]
WHERE_OPTIONS_ARE = f"Options of all initializers ({', '.join(DEFAULTS)}): help(fastinit.initializers)."

C = TypeVar("C", bound=Initializer)


@dataclass_transform(frozen_default=True)
def initializer(cls: type[C]) -> type[C]:
    """A decorator: the class becomes one of values, registered, with a function: he_normal for HeNormal.

    The class may set another `function_name`, its `aliases`, and how many parameters are `positional`.
    """
    value_class(cls)
    if "function_name" not in vars(cls):
        cls.function_name = re.sub("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()
    function = _function(cls)
    CLASSES[cls.__name__], INITIALIZERS[cls.function_name] = cls, function
    ALIASES.update(dict.fromkeys(cls.aliases, function))
    return cls


def _function(cls: type[Initializer]) -> InitializerFunction:
    plain = cache(lambda: _called(cls, (), {}, tuple(DEFAULTS)))  # without parameters: checked once
    fills = remembered_fills.new_fills()

    def function(
        shape: Shape,
        *positional: Any,
        seed: Seed = None,
        name: str | None = None,
        dtype: DTypeLike = np.float32,
        layout: LayoutLike = None,
        out: Array | None = None,
        index: Index = None,
        **parameters: Any,
    ) -> Array:
        filled: Any = None
        is_part = index is not None
        if fills is not None and (not is_part or (out is None and small_parts.is_taken(shape, index))):
            filled = fills.fill(shape, positional, parameters, dtype, layout, seed, name, out)
            part = small_parts.take(filled, index) if is_part and isinstance(filled, np.ndarray) else filled
            if isinstance(part, (np.ndarray, np.generic)):
                return cast(Array, part)
        made = _called(cls, (shape, *positional), parameters, tuple(DEFAULTS)) if positional or parameters else plain()
        values = made(shape, seed=seed, name=name, dtype=dtype, layout=layout, out=out, index=index)
        if filled is False and isinstance(values, (np.ndarray, np.generic)):  # and no array of a device
            asked = shape, positional, parameters, dtype, layout
            remembered_fills.learn(fills, asked, made.distribution_for(shape, layout=layout), checks.shape(shape))
        return values

    def distribution_for(shape: Shape, *positional: Any, layout: LayoutLike = None, **parameters: Any) -> Distribution:
        """The distribution that a tensor of this shape is filled from; nothing is drawn."""
        return _called(cls, (shape, *positional), parameters, ("layout",)).distribution_for(shape, layout=layout)

    own = [Parameter("shape", Parameter.POSITIONAL_OR_KEYWORD), *_own_parameters(cls)]
    vars(distribution_for)["__signature__"] = inspect.Signature([*own, LAYOUT], return_annotation=Distribution)
    vars(function).update(
        initializer=cls,
        distribution_for=distribution_for,
        __signature__=inspect.Signature([*own, *SHARED_OPTIONS], return_annotation=np.ndarray),
    )
    function.__name__ = function.__qualname__ = cls.function_name
    distribution_for.__qualname__ = f"{cls.function_name}.distribution_for"
    function.__module__ = distribution_for.__module__ = cls.__module__
    function.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\n{WHERE_OPTIONS_ARE}"
    return cast(InitializerFunction, function)


def _own_parameters(cls: type[Initializer]) -> list[Parameter]:
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return [
        Parameter(
            field.name,
            kinds[at >= cls.positional],
            default=Parameter.empty if field.default is MISSING else field.default,
        )
        for at, field in enumerate(fields(cls))
    ]


def _called(
    cls: type[Initializer], positional: tuple[Any, ...], parameters: dict[str, Any], options: tuple[str, ...]
) -> Initializer:
    """The initializer that a call of its function asks for; `positional` begins with the shape."""
    if len(positional) > cls.positional + 1:
        raise TypeError(_refused_position(cls, positional, parameters, options))
    return made_of(cls, parameters, positional[1:], options, PARAMETERS.get(cls.function_name))


def _refused_position(
    cls: type[Initializer], positional: tuple[Any, ...], parameters: dict[str, Any], options: tuple[str, ...]
) -> str:
    """The error text for arguments by position that must be given by keyword."""
    name, own = cls.function_name, [field.name for field in fields(cls)]
    by_position, others = ["shape", *own[: cls.positional]], own[cls.positional :]
    extra = positional[len(by_position) :]
    meant = [f"{parameter}={value!r}" for parameter, value in zip(others, extra)]
    hint = f"did you mean {', '.join(meant)}? " if meant else ""
    size = [parameters["size"]] if "size" in parameters else []
    if name in ("normal", "uniform") and len(positional) + len(size) == 3 and isinstance(positional[0], (int, float)):
        first, second, shape = *positional, *size
        here = f"{name}({shape!r}, {own[0]}={first!r}, {own[1]}={second!r})"
        hint = f"NumPy's {name}({first!r}, {second!r}, {'size=' if size else ''}{shape!r}) is {here} here; "
    elif len(extra) == 1 and (isinstance(extra[0], (int, np.integer)) or is_seed_sequence(extra[0])) and "seed" in options:
        shape = [f"the shape {positional}"] if all(isinstance(length, int) for length in positional) else []
        hint = f"did you mean {' or '.join([*shape, f'seed={extra[0]!r}', *meant])}? "
    given, takes = ", ".join(map(repr, extra)), ", ".join([*others, *options])
    return (
        f"{name} takes {' and '.join(by_position)} by position and the rest by keyword, got {given}: {hint}it takes {takes}"
    )
