"""Reads in the code of a module's class whether its construction writes to tensors, where nothing else tells."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from functools import lru_cache

OWN = ("torch", "transformers")  # packages whose modules init_ knows
INITIALIZES = re.compile(r"_*(re)?(init|initiali[sz]e|reset)(_.*)?|post_init|.*_init(_weights)?")
RUN_BY_INIT = {"reset_parameters", "_reset_parameters", "__init_subclass__"}
WRITES = re.compile(
    r"(normal|uniform|trunc_normal|xavier_\w+|kaiming_\w+|zeros|ones|constant|orthogonal|sparse|eye|dirac|fill|zero|copy"
    r"|mul|div|add|lecun_normal|_no_grad_\w+)_"
)
UNCOUNTED = {"trunc_normal_", "orthogonal_", "sparse_"}  # of torch.nn.init, on the meta device
DEPTH = 4  # calls from a method to other functions that are followed


@lru_cache(maxsize=4096)
def writes_of(kind: type, model: type | None = None) -> list[str]:
    """The methods of a class that write to tensors, other than those which `init_` runs.

    `model`: the class of the Hugging Face model around it, whose package's modules are covered by its `_init_weights`.
    """
    own = OWN if model is None else (*OWN, _package(model))
    return [*dict.fromkeys(name for name, code in _methods(kind, own) if any(map(WRITES.fullmatch, code)))]


@lru_cache(maxsize=4096)
def writes_unseen(kind: type) -> list[str]:
    """Those that write as torch does not count it: by `.data`, and by functions that do nothing on the meta device."""
    return [*dict.fromkeys(name for name, code in _methods(kind, OWN) if _is_unseen(code))]


def _is_unseen(code: set[str]) -> bool:
    return bool(UNCOUNTED & code) or ("data" in code and any(map(WRITES.fullmatch, code)))


def _methods(kind: type, own: tuple[str, ...]) -> Iterator[tuple[str, set[str]]]:
    """Methods that may initialize, and those that they call, with the names that they and what they call refer to."""
    methods = _methods_by_name(kind, own)
    waiting = [name for name in methods if name == "__init__" or INITIALIZES.fullmatch(name)]
    for name in waiting:  # which grows
        text = f"{kind.__name__}'s constructor" if name == "__init__" else f"{kind.__name__}.{name}"
        for method in methods[name] if name == "__init__" else methods[name][:1]:
            yield text, _names(method, own, DEPTH)
            called = methods.keys() & {*_of_code(method.__code__)}
            waiting += [other for other in methods if other in called and other not in waiting]


def _methods_by_name(kind: type, own: tuple[str, ...]) -> dict[str, list[types.FunctionType]]:
    """The methods of a class and then of its bases, without those of the packages `own`, and without what init_ runs."""
    found: dict[str, list[types.FunctionType]] = {}
    for base in kind.__mro__:
        if base.__module__.split(".")[0] not in (*own, "builtins", "abc", "typing"):
            for name, value in vars(base).items():
                if isinstance(value, types.FunctionType) and name not in RUN_BY_INIT:
                    found.setdefault(name, []).append(value)
    return found


def _names(function: types.FunctionType, own: tuple[str, ...], depth: int) -> set[str]:
    found = set(_of_code(function.__code__))
    if depth:
        for name in [*found]:
            called = function.__globals__.get(name)
            if isinstance(called, types.FunctionType) and called.__module__.split(".")[0] not in own:
                found |= _names(called, own, depth - 1)
    return found


def _of_code(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _of_code(constant)


def _package(kind: type) -> str:
    return kind.__module__.split(".")[0]
