"""Writes recipes as TOML files, in the form that fastinit/recipes/toml_form.py reads."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from fastinit.initializers import Initializer
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rules import Rule
from fastinit.recipes.toml_form import FLAGS
from fastinit.runtime.forks import without_forks
from fastinit.runtime.installation import install_hint


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
    (the extra `cli`).

    >>> import fastinit
    >>> print(fastinit.recipes.dumps(fastinit.Recipe([("*.bias", "zeros"), ("*", "normal", {"std": 0.02})])), end="")
    rules = [
        { match = "*.bias", init = "zeros" },
        { match = "*", init = "normal", std = 0.02 },
    ]
    """
    try:
        with without_forks():
            import tomli_w
    except ImportError:
        raise ImportError(f"writing TOML needs tomli-w: {install_hint('cli')}") from None
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
