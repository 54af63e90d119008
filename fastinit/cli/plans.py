"""Plans, recipes and what `fastinit diff` compares, from what the user names."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from fastinit.cli.libraries import Factory, factory_of, factory_of_text, recorded_plan, recorded_recipe, text_of
from fastinit.cli.output import errors
from fastinit.files import specs
from fastinit.files.checkpoint import FilePlan
from fastinit.recipes import Recipe, families, toml_form
from fastinit.recipes.comparison import Side
from fastinit.runtime.text_files import read_text, toml_of


class Source(NamedTuple):
    """What SPEC names: `text` says it without any path, and `plan(dtype, seed)` what is done with each tensor."""

    text: Callable[[], str]
    plan: Callable[[str | None, int], FilePlan]


def source_of(spec: str) -> Source:
    """As `fastinit.files.specs.plan` takes it, or a model of another library, which `plan` builds by the seed."""
    with plain_warnings():
        factory = factory_of(spec)
    return _own(specs.read_spec(spec)) if factory is None else _constructed(factory, partial(text_of, spec))


def source_of_text(text: str, digests: Mapping[str, str]) -> Source:
    """The Source whose text this is. It comes from a file of anybody's: neither files nor code that it names are used.

    ValueError for a text of another kind, and one that names code.
    """
    with plain_warnings():
        factory = factory_of_text(text)
    return _own(specs.spec_of_text(text, digests)) if factory is None else _constructed(factory, lambda: text)


def _own(spec: specs.Spec) -> Source:
    return Source(spec.text, lambda dtype, seed: spec.plan(dtype))


def _constructed(factory: Factory, text: Callable[[], str]) -> Source:
    def plan(dtype: str | None, seed: int) -> FilePlan:
        with plain_warnings():
            return recorded_plan(factory, dtype, seed)

    return Source(text, plan)


def plan(spec: str, dtype: str | None = None, seed: int = 0) -> FilePlan:
    """What is done with each tensor of what SPEC names."""
    return source_of(spec).plan(dtype, seed)


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
        try:
            content = toml_of(read_text(Path(given)))
        except ValueError as error:
            raise ValueError(f"{given}: {error}") from None
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
