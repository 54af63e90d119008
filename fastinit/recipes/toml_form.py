"""The form of recipes as TOML files, and reading them. The keys are `recipe`, `rules`, `skip` and `tied`.

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

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rules import Rule
from fastinit.runtime.forks import without_forks
from fastinit.runtime.schema import ANYTHING, BOOLEAN, INTEGER, STRING, Either, ListOf, Schema, Table, TableOf
from fastinit.runtime.text_files import read_text, toml_of

FLAGS = ("allow_unmatched", "allow_unused")
RULE_KEYS = ("match", "init")

_READY = Table({"name": STRING}, required=("name",), others=ANYTHING)
_RULE = Table(
    {
        "match": STRING,
        "init": Either("a name or a table", STRING, Table({}, others=ANYTHING)),
        "layout": Either("letters or a table", STRING, Table({}, others=ANYTHING)),
        "ndim": INTEGER,
        "optional": BOOLEAN,
    },
    required=RULE_KEYS,
    others=ANYTHING,
)
KEYS: dict[str, Schema] = {
    "recipe": Either("a name, or a table with a `name` and parameters", STRING, _READY),
    "rules": ListOf(_RULE, "rule"),
    "skip": ListOf(STRING),
    "tied": TableOf(STRING, "tied"),
    "computed": TableOf(STRING, "computed"),
    **dict.fromkeys(FLAGS, BOOLEAN),
}
"""What each key of a TOML file must have. Parameters of recipes and initializers are checked by these themselves."""


def load(path: str | Path) -> Recipe:
    """The recipe in a TOML file. ValueError, beginning with the path, where it holds none; OSError where it is missing.

    ImportError on Python 3.10 without tomli (the extra `cli`).

    >>> import fastinit, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "recipe.toml")
    ...     _ = path.write_text('recipe = { name = "gpt2", depth = 12 }')
    ...     fastinit.recipes.load(path) == fastinit.recipes.gpt2(depth=12)
    True
    """
    try:
        content = toml_of(read_text(Path(path)))
        Table(KEYS).check("", content)
        return recipe_from(content)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def recipe_from(content: Mapping[str, Any], base: Recipe | None = None) -> Recipe:
    """The recipe that checked keys describe. Its rules come before those of `base`, which become optional."""
    if "recipe" in content:
        base = _ready(content["recipe"])
    own = Recipe(
        [_rule(entry) for entry in content.get("rules", ())],
        skip=[*content.get("skip", ()), *content.get("computed", ())],
        tied=content.get("tied", {}),
        **{flag: content[flag] for flag in FLAGS if flag in content},
    )
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
    with without_forks():
        from fastinit.recipes import ready

    if isinstance(entry, str):
        return ready(entry)
    return ready(entry["name"], **{key: value for key, value in entry.items() if key != "name"})


def _rule(entry: Mapping[str, Any]) -> Rule:
    """`match`, `init`, perhaps `layout`, `ndim` and `optional`; every other key is one of the initializer's parameters."""
    options = {key: value for key, value in entry.items() if key not in RULE_KEYS}
    return Rule.with_parameters(entry["match"], entry["init"], options)
