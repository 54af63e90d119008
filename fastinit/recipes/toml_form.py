"""Reads recipes from TOML files, whose keys are `recipe`, `rules`, `skip` and `tied`.

recipe = { name = "gpt2", depth = 12 }    # or recipe = "llama"; its rules come after those below
skip = ["*.wte.weight"]

[tied]
"lm_head.weight" = "wte.weight"

[[rules]]                                 # the first match wins
match = "*.c_proj.weight"
init = "normal"                           # its own parameters are further keys
std = 0.004
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rules import Rule
from fastinit.runtime.checks import one_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    try:
        import tomli as tomllib  # pyright: ignore[reportMissingImports]  # newer Pythons do not need it
    except ImportError:  # only the extra `cli` brings it
        tomllib = None

T = TypeVar("T")

KEYS = ("recipe", "rules", "skip", "tied")
RULE_KEYS = ("match", "init")


def load(path: str | Path) -> Recipe:
    """The recipe in a TOML file. ValueError, beginning with the path, where it holds none; OSError where it is missing.

    ImportError on Python 3.10 without tomli (`pip install 'fastinit[cli]'`).

    >>> import fastinit, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "recipe.toml")
    ...     _ = path.write_text('recipe = { name = "gpt2", depth = 12 }')
    ...     fastinit.recipes.load(path) == fastinit.recipes.gpt2(depth=12)
    True
    """
    try:
        content = loads(Path(path).read_text("utf-8"))
        for key in content:
            one_of("key", key, KEYS)
        return recipe_from(content)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def loads(text: str) -> dict[str, Any]:
    if tomllib is None:
        raise ImportError("reading TOML on Python 3.10 needs tomli: pip install 'fastinit[cli]'")
    content: dict[str, Any] = tomllib.loads(text)
    return content


def recipe_from(content: Mapping[str, Any], base: Recipe | None = None) -> Recipe:
    """The recipe that the keys describe. Its rules come before those of `base`, which become optional."""
    if "recipe" in content:
        base = _ready(content["recipe"])
    rules = list_of("rules", content.get("rules", []), dict)
    skip = list_of("skip", content.get("skip", []), str)
    tied = content.get("tied", {})
    if not isinstance(tied, dict) or not all(isinstance(name, str) for name in tied.values()):
        raise TypeError(f"tied must be a table of names, got {tied!r}")
    own = Recipe(tuple(_rule(entry) for entry in rules), tuple(skip), tuple(tied.items()))
    if base is None:
        return own
    inherited = tuple(rule.as_optional() for rule in base)
    return replace(
        own,
        rules=(*own, *inherited),
        skip=(*own.skip, *base.skip),
        tied=tuple({**dict(base.tied), **dict(own.tied)}.items()),
    )


def _ready(entry: Any) -> Recipe:
    """`"llama"`, or `{ name = "gpt2", depth = 12 }`."""
    from fastinit.recipes import ready

    if isinstance(entry, str):
        return ready(entry)
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ValueError(f"recipe must be a name, or a table with a `name` and parameters, got {entry!r}")
    return ready(entry["name"], **{key: value for key, value in entry.items() if key != "name"})


def _rule(entry: Mapping[str, Any]) -> Rule:
    """`match`, `init`, perhaps `layout`, `ndim` and `optional`; every other key is one of the initializer's parameters."""
    if not set(RULE_KEYS) <= set(entry):
        raise ValueError(f"a rule needs `match` and `init`, got {entry!r}")
    options = {key: value for key, value in entry.items() if key not in RULE_KEYS}
    return Rule.with_parameters(entry["match"], entry["init"], options)


def list_of(key: str, value: object, kind: type[T]) -> list[T]:
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        what = "tables" if kind is dict else "strings"
        raise TypeError(f"{key} must be a list of {what}, got {value!r}")
    return value
