"""Plans, recipes and what `fastinit diff` compares, from what the user names."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastinit.cli.libraries import factory_of, recorded_plan, recorded_recipe
from fastinit.cli.output import errors
from fastinit.files import specs
from fastinit.files.checkpoint import FilePlan
from fastinit.recipes import Recipe, families, toml_form
from fastinit.recipes.comparison import Side
from fastinit.runtime.text_files import read_text, toml_of


def plan(spec: str, dtype: str | None = None, seed: int = 0) -> FilePlan:
    """As `fastinit.files.specs.plan`, also for models of other libraries, which are built by `seed`."""
    with plain_warnings():
        factory = factory_of(spec)
        return specs.plan(spec, dtype) if factory is None else recorded_plan(factory, dtype, seed)


def recipe_of(model: str) -> Recipe:
    """The recipe of a built-in model, or the one that records the construction of a model of another library."""
    with plain_warnings():
        factory = factory_of(model)
        if factory is not None:
            return recorded_recipe(factory)[0]
    if model.endswith((".toml", ".json", ".safetensors")) or "/" in model:
        raise ValueError(f"MODEL must be a built-in model or one that is constructed, got {model!r}")
    return families.build(model).recipe


def side_of(given: str) -> Side:
    """What `fastinit diff` compares: the recipe of a TOML file, or the plan of a SPEC."""
    if given.endswith(".toml"):
        content = toml_of(read_text(Path(given)))
        if not {"model", "like", "tensors"} & content.keys():
            computed = content.get("computed", {})
            return Side(recipe=toml_form.load(given), computed={name: str(text) for name, text in computed.items()})
    with plain_warnings():
        factory = factory_of(given)
        if factory is None:
            return Side(specs.plan(given))
        recipe, tensors = recorded_recipe(factory)
        return Side(recipe.plan(tensors, layout="oi"))


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Within the block fastinit's warnings become lines on standard error at its end, and others are not shown."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module="fastinit")
        yield
    for warning in raised:
        errors.print(f"fastinit: warning: {warning.message}")
