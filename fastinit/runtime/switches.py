"""Switches that hold within a block, and say so where somebody calls them alone, which switches nothing."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import _GeneratorContextManager as GeneratorBlock  # pyright: ignore[reportPrivateUsage]
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
T = TypeVar("T")


class Block(GeneratorBlock[T]):
    """What `contextlib.contextmanager` gives, a block or a decorator; one that is neither gives a RuntimeWarning.

    It is a subclass so that no frame stands between the block and its user, whose line the warnings of both name.
    """

    call = instead = ""
    _decorates = False

    def __call__(self, func: F) -> F:
        self._decorates = True
        return super().__call__(func)

    def __del__(self) -> None:
        made = getattr(self, "gen", None)  # none where the arguments were wrong
        if made is not None and not self._decorates and inspect.getgeneratorstate(made) == inspect.GEN_CREATED:
            warn_alone(self.call, "does", self.instead)


def switch(call: str, instead: str = "") -> Callable[[Callable[P, Iterator[T]]], Callable[P, GeneratorBlock[T]]]:
    """`contextlib.contextmanager` for a function whose result is a `Block`.

    `call`: as a user writes it. `instead`: another way of writing what may have been meant.
    """

    kind: Any = type("Switched", (Block,), {"call": call, "instead": instead})

    def decorate(function: Callable[P, Iterator[T]]) -> Callable[P, GeneratorBlock[T]]:
        @wraps(function)
        def made(*args: P.args, **options: P.kwargs) -> GeneratorBlock[T]:
            return cast(GeneratorBlock[T], kind(function, args, options))

        return made

    return decorate


def warn_alone(call: str, verb: str, instead: str = "") -> None:
    """Warn, for the `__del__` of what the call gave, that by itself it does (or replaces) nothing."""
    others = f" or {instead}" if instead else ""
    warnings.warn(f"{call} alone {verb} nothing: write `with {call}:`{others}", RuntimeWarning, stacklevel=3)
