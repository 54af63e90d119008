"""Replaces functions of another library for a while, and puts them back exactly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import ContextDecorator
from types import FunctionType
from typing import Any, TypeAlias, TypeVar

from fastinit.runtime.forks import without_forks
from fastinit.runtime.switches import warn_alone

F = TypeVar("F", bound=Callable[..., Any])

Replacement: TypeAlias = tuple[Any, str, object]
"""(owner, name, new): `new` replaces an attribute of a module or class, an item of a mapping, or a function's `__code__`."""

_ABSENT = object()  # the owner itself has nothing of this name, though it may inherit it


class ScopedPatch(ContextDecorator):
    """Replacements that are in force within a `with` block, a decorated function, or from `install()` to `uninstall()`.

    The scope is the process: every thread sees them. Uses are counted, so blocks may nest, and may overlap in several
    threads: the first use replaces, and the last one to end puts back what was there; an attribute that its owner only
    inherited is deleted again. Where other code has meanwhile put something else in place of a replacement, that stays.
    `replacements` is called each time that a first use begins. Names that a program has already imported by
    `from library import function` are not replaced.

    >>> import math
    >>> from fastinit.runtime.scoped_patch import ScopedPatch
    >>> with ScopedPatch(lambda: [(math, "sqrt", lambda x: "patched")]):
    ...     print(math.sqrt(4.0))
    patched
    >>> math.sqrt(4.0)
    2.0
    """

    def __init__(self, replacements: Callable[[], Iterable[Replacement]]) -> None:
        self._replacements = replacements
        self._lock = threading.RLock()
        self._uses = 0
        self._originals: list[tuple[Any, str, object, object]] = []  # owner, name, what was there, what is there now

    @property
    def is_installed(self) -> bool:
        """Whether the replacements are in force now."""
        return self._uses > 0

    def install(self) -> None:
        """Put the replacements in force until as many calls of `uninstall`."""
        with without_forks(), self._lock:
            if self._uses == 0:
                try:
                    for owner, name, new in self._replacements():
                        self._originals.append((owner, name, _own(owner, name), new))
                        _put(owner, name, new)
                except BaseException:
                    self._restore()
                    raise
            self._uses += 1

    def uninstall(self) -> None:
        """Undo one `install`; the last `uninstall` restores the originals. RuntimeError where nothing is installed."""
        with without_forks(), self._lock:
            if self._uses == 0:
                raise RuntimeError("uninstall() was called more often than install(): nothing is replaced")
            self._uses -= 1
            if self._uses == 0:
                self._restore()

    def __enter__(self) -> None:
        self.install()

    def __exit__(self, *error: object) -> None:
        self.uninstall()

    def _restore(self) -> None:
        while self._originals:
            owner, name, original, new = self._originals.pop()
            if _own(owner, name) is new:
                _put(owner, name, original)


class Use(ContextDecorator):
    """One use of a patch, as a function such as `fastinit.patch_numpy` returns it: a block, a decorator, or `install`.

    A call whose result nobody uses replaces nothing, which its author cannot have meant: it gives a RuntimeWarning.
    """

    def __init__(self, patch: ScopedPatch, call: str) -> None:
        self._patch, self._call = patch, call
        self._is_used = False

    @property
    def is_installed(self) -> bool:
        """Whether the replacements are in force now."""
        self._is_used = True
        return self._patch.is_installed

    def install(self) -> None:
        """Put the replacements in force until as many calls of `uninstall`."""
        self._is_used = True
        self._patch.install()

    def uninstall(self) -> None:
        """Undo one `install`. RuntimeError where nothing is installed."""
        self._is_used = True
        self._patch.uninstall()

    def __enter__(self) -> None:
        self.install()

    def __exit__(self, *error: object) -> None:
        self.uninstall()

    def __call__(self, function: F) -> F:
        self._is_used = True
        return super().__call__(function)

    def __del__(self) -> None:
        if not self._is_used:
            warn_alone(self._call, "replaces", f"{self._call}.install()")


def _own(owner: Any, name: str) -> object:
    if isinstance(owner, FunctionType):  # its code is no item of its dictionary
        return getattr(owner, name)
    items = owner if isinstance(owner, MutableMapping) else vars(owner)
    return items.get(name, _ABSENT)


def _put(owner: Any, name: str, value: object) -> None:
    is_mapping = isinstance(owner, MutableMapping)
    if value is _ABSENT:
        owner.pop(name, None) if is_mapping else delattr(owner, name)
    elif is_mapping:
        owner[name] = value
    else:
        setattr(owner, name, value)
