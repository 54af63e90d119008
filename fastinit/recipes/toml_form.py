"""Reads and writes recipes as TOML files, whose keys are `recipe`, `rules`, `skip` and `tied`.

recipe = { name = "gpt2", depth = 12 }    # or recipe = "llama"; its rules come after those below
skip = ["*.wte.weight"]

[tied]
"lm_head.weight" = "wte.weight"

[[rules]]                                 # the first match wins
match = "*.c_proj.weight"
init = "normal"                           # its own parameters are further keys
std = 0.004

[computed]                                # what a recorded model computes by code, which has no form here: skipped
"rotary.inv_freq" = "computed by arange, div, pow"

`allow_unused` and `allow_unmatched` are those of `Recipe`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from fastinit.initializers import Initializer
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

FLAGS = ("allow_unmatched", "allow_unused")
KEYS = ("recipe", "rules", "skip", "tied", "computed", *FLAGS)
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


def save(recipe: Recipe, path: str | Path) -> None:
    """Write a recipe to a TOML file, which `load` reads: see `dumps`. OSError where it cannot be written.

    >>> import fastinit, pathlib, tempfile
    >>> recipe = fastinit.Recipe([("*.bias", "zeros"), ("*", "normal", {"std": 0.02})])
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "recipe.toml")
    ...     fastinit.recipes.save(recipe, path)
    ...     fastinit.recipes.load(path) == recipe
    True
    """
    Path(path).write_text(dumps(recipe), "utf-8")


def dumps(recipe: Recipe) -> str:
    """A recipe as the text of a TOML file.

    `load` makes an equal recipe of it, but for rules that hold code instead of a distribution, as `fastinit.torch.record`
    makes them: these are named in the table `computed`, and skipped. ImportError without tomli-w
    (`pip install 'fastinit[cli]'`).

    >>> import fastinit
    >>> print(fastinit.recipes.dumps(fastinit.Recipe([("*.bias", "zeros"), ("*", "normal", {"std": 0.02})])), end="")
    rules = [
        { match = "*.bias", init = "zeros" },
        { match = "*", init = "normal", std = 0.02 },
    ]
    """
    try:
        import tomli_w
    except ImportError:
        raise ImportError("writing TOML needs tomli-w: pip install 'fastinit[cli]'") from None
    flags = {flag: True for flag in FLAGS if getattr(recipe, flag)}
    tables: list[dict[str, Any]] = []
    computed: dict[str, str] = {}
    for rule in recipe:
        try:
            tables.append(_table(rule))
        except TypeError:  # its initializer has no config
            computed[rule.pattern] = str(rule.initializer)
    content = {**flags, "skip": list(recipe.skip), "tied": dict(recipe.tied), "computed": computed, "rules": tables}
    return tomli_w.dumps({key: value for key, value in content.items() if value})


def _table(rule: Rule) -> dict[str, Any]:
    """The table of a rule; what is the default is left out. TypeError for an initializer that has no config."""
    own: dict[str, Any] = {"match": rule.pattern, "init": rule.initializer.function_name}
    if rule.layout is not None:
        changed = _changed(rule.layout)
        own["layout"] = changed["letters"] if [*changed] == ["letters"] else changed
    own |= {} if rule.ndim is None else {"ndim": rule.ndim}
    own |= {"optional": True} if rule.optional else {}
    return {**own, **_config(rule.initializer)}


def _config(initializer: Initializer) -> dict[str, Any]:
    initializer.get_config()  # raises where it has none
    return _changed(initializer)


def _changed(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not the default, as TOML has them."""
    given = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: _plain(item) for field, item in given if item != field.default}


def _plain(value: Any) -> Any:
    if isinstance(value, Initializer):
        config = _config(value)
        return {"class_name": type(value).__name__, **({"config": config} if config else {})}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


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
    computed = content.get("computed", {})
    if not isinstance(computed, dict):
        raise TypeError(f"computed must be a table of names and texts, got {computed!r}")
    flags = {flag: content[flag] for flag in FLAGS if flag in content}
    own = Recipe(tuple(_rule(entry) for entry in rules), (*skip, *computed), tuple(tied.items()), **flags)
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
