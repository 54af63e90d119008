"""A plan: what a recipe does with each tensor of a model, decided before anything is drawn; errors come all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from fastinit.distributions import Distribution
from fastinit.initializers.layouts import Layout, LayoutLike, layout_of
from fastinit.recipes.grouping import Entry, Group, aligned, grouped, shape_text, shortened
from fastinit.recipes.rules import Rule, matcher
from fastinit.recipes.tensors import Tensors, TensorSpec, tensor_specs

if TYPE_CHECKING:
    from fastinit.recipes.recipe import Recipe

Action = Literal["draw", "compute", "tie", "keep", "skip"]
"""What is done with a tensor; `PlannedTensor` explains each."""


class PlanError(ValueError):
    """A recipe does not fit a model. `complaints` holds everything that is wrong, the message one line for each.

    >>> import fastinit
    >>> try:
    ...     fastinit.Recipe([]).plan({"w": (3, 4), "b": 4}, skip=["c"])
    ... except fastinit.recipes.PlanError as error:
    ...     print(error)
    skip has 'c', which matches no tensor
    no rule matches tensor 'w' of shape (3, 4), nor 'b' of shape (4,)
    """

    def __init__(self, complaints: Iterable[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(self.complaints))


@dataclass(frozen=True)
class PlannedTensor:
    """One tensor and what is done with it.

    - "draw": floating-point values from `distribution`, in the stream of the tensor's own name;
    - "compute": integers or booleans that are all `value`;
    - "tie": it is the same tensor as `source`, which is drawn, computed or kept;
    - "keep": it was loaded, and stays as loaded;
    - "skip": nothing is done, it stays as it is.

    >>> import fastinit
    >>> tensor = fastinit.Recipe([("*", "normal")]).plan({"w": (3, 4)})["w"]
    >>> tensor.action, tensor.distribution
    ('draw', Normal(mean=0.0, std=1.0))
    """

    spec: TensorSpec
    action: Action
    distribution: Distribution | None = None
    source: str | None = None
    value: int | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def stream_name(self) -> str:
        """The name whose stream its values come from: its own, or that of the tensor it is tied to."""
        return self.source or self.spec.name

    @property
    def summary(self) -> str:
        """What it gets: the distribution, the value, or the name of the tensor it is tied to."""
        if self.value is not None:
            return str(self.value)
        return repr(self.distribution) if self.distribution is not None else self.source or ""


@dataclass(frozen=True)
class Plan:
    """What a recipe does with each tensor of a model: `Recipe.plan` makes it, and printed it is a table, layers in one line.

    Iterating gives a `PlannedTensor` for each tensor, in the model's order; `plan["h.0.weight"]` is that of one name.

    >>> import fastinit
    >>> recipe = fastinit.Recipe([("*", "normal")], skip=["old"], tied={"head": "embed"})
    >>> plan = recipe.plan({"embed": 4, "head": 4, "old": 2})
    >>> print(plan)
    tensor  shape  action  values
    embed   (4,)   draw    Normal(std=1.0)
    head    (4,)   tie     embed
    old     (2,)   skip
    3 tensors: 1 draw, 1 tie, 1 skip
    >>> plan["head"].source, plan.distributions
    ('embed', {'embed': Normal(mean=0.0, std=1.0)})
    """

    tensors: tuple[PlannedTensor, ...]

    def __iter__(self) -> Iterator[PlannedTensor]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> PlannedTensor:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, PlannedTensor]:
        return {tensor.name: tensor for tensor in self.tensors}

    @property
    def distributions(self) -> dict[str, Distribution]:
        """By name, the distribution of every tensor that is drawn or computed."""
        return {tensor.name: tensor.distribution for tensor in self.tensors if tensor.distribution is not None}

    @property
    def ties(self) -> dict[str, str]:
        """For the name of each tied tensor, the name of the tensor it is tied to."""
        return {tensor.name: tensor.source for tensor in self.tensors if tensor.source is not None}

    def __str__(self) -> str:
        rows = [("tensor", "shape", "action", "values")]
        rows += [self._row(group) for group in grouped(map(_entry, self))]
        counts = ", ".join(f"{n} {action}" for action, n in Counter(t.action for t in self).items())
        return "\n".join([*aligned(rows), f"{len(self)} tensor{'s' if len(self) != 1 else ''}: {counts or 'none'}"])

    def _row(self, group: Group) -> tuple[str, str, str, str]:
        first = self[group.members[0]]
        shape = shape_text(first.spec.shape, len(group.members), first.spec.dtype or "")
        return group.name, shape, first.action, shortened(group.text)


def _entry(planned: PlannedTensor) -> Entry:
    kind = planned.action, planned.spec.shape, planned.spec.dtype
    if planned.source is not None:
        return Entry(planned.name, "", planned.source, kind)
    return Entry(planned.name, planned.summary, kind=kind)


def plan_of(
    recipe: Recipe,
    tensors: Tensors,
    skip: Collection[str],
    loaded: Collection[str] | Mapping[str, object],
    layout: LayoutLike,
) -> Plan:
    """The plan of `Recipe.plan`: first what is excluded, then the rules for what is left."""
    specs, default_layout = {spec.name: spec for spec in tensor_specs(tensors)}, layout_of(layout)
    complaints: list[str] = []
    skipped = _matching(patterns("skip", skip), specs, complaints)
    skipped_by_recipe = _matching(recipe.skip, specs, [] if recipe.allow_unused else complaints)
    kept = _loaded(loaded, specs, complaints)
    untouched = (skipped | skipped_by_recipe) - kept
    sources = _sources(recipe, specs, kept, untouched, complaints)
    excluded = skipped_by_recipe | {alias for alias, _ in recipe.tied}
    rules = {
        name: next((rule for rule in recipe.rules if rule.matches(spec)), None)
        for name, spec in specs.items()
        if name not in excluded
    }
    complaints += _unused(recipe, rules.values())
    wanted = {name: rule for name, rule in rules.items() if name not in kept | untouched | sources.keys()}
    missing = [f"{name!r} of shape {specs[name].shape}" for name, rule in wanted.items() if rule is None]
    if missing and not recipe.allow_unmatched:
        complaints.append(f"no rule matches tensor {', nor '.join(missing)}")
    planned: dict[str, PlannedTensor] = {}
    for name, spec in specs.items():
        rule = wanted.get(name)
        if name in kept:
            planned[name] = PlannedTensor(spec, "keep")
        elif rule is not None:
            planned[name] = _ruled(spec, rule, default_layout, complaints)
        else:
            planned[name] = PlannedTensor(spec, "skip")
    for name, source in sources.items():
        if planned[source].action != "skip":
            planned[name] = PlannedTensor(specs[name], "tie", source=source)
    if complaints:
        raise PlanError(complaints)
    return Plan(tuple(planned.values()))


def patterns(option: str, given: object) -> tuple[str, ...]:
    """Globs as a tuple. TypeError for anything but a collection of strings."""
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"{option} must be a collection of patterns, got {given!r}")
    globs = tuple(given)
    for pattern in globs:
        if not isinstance(pattern, str):
            raise TypeError(f"{option} must have strings as '*.bias', got {pattern!r} among them")
    return globs


def _matching(globs: Iterable[str], specs: Mapping[str, TensorSpec], complaints: list[str]) -> set[str]:
    found: set[str] = set()
    for glob in globs:
        names = {name for name in specs if matcher(glob)(name)}
        if not names:
            complaints.append(f"skip has {glob!r}, which matches no tensor")
        found |= names
    return found


def _loaded(
    loaded: Collection[str] | Mapping[str, object], specs: Mapping[str, TensorSpec], complaints: list[str]
) -> set[str]:
    """The names of `loaded`; where it has arrays, these must have the shapes that the model says."""
    names = patterns("loaded", list(loaded) if isinstance(loaded, Mapping) else loaded)
    complaints += [f"loaded has {name!r}, which is no tensor of the model" for name in names if name not in specs]
    for name, array in loaded.items() if isinstance(loaded, Mapping) else ():
        shape = getattr(array, "shape", None)
        if shape is None:
            raise TypeError(f"loaded has {name!r} as {array!r}, which is no array")
        if name in specs and tuple(shape) != specs[name].shape:
            complaints.append(f"loaded has {name!r} of shape {tuple(shape)}, but the model's is {specs[name].shape}")
    return {name for name in names if name in specs}


def _sources(
    recipe: Recipe, specs: Mapping[str, TensorSpec], kept: Collection[str], untouched: Collection[str], complaints: list[str]
) -> dict[str, str]:
    """For each tied name the one it is tied to; where only the alias of a pair was loaded, the other is tied to it."""
    pairs = {alias: name for alias, name in recipe.tied if alias in specs and alias not in untouched}
    sources: dict[str, str] = {}
    for alias, name in pairs.items():
        if name not in specs or name in pairs:
            complaints.append(f"tied has {alias!r} tied to {name!r}, which is not in the model or is itself tied")
        elif specs[alias].shape != specs[name].shape:
            shapes = f"{alias!r} of shape {specs[alias].shape} tied to {name!r} of {specs[name].shape}"
            complaints.append(f"tied has {shapes}")
        elif specs[alias].is_float() != specs[name].is_float():
            dtypes = f"{alias!r} of dtype {specs[alias].dtype} tied to {name!r} of {specs[name].dtype}"
            complaints.append(f"tied has {dtypes}")
        elif alias not in kept:
            sources[alias] = name
        elif name not in kept and name not in untouched:
            sources[name] = alias
    return {name: sources.get(source, source) for name, source in sources.items()}


def _unused(recipe: Recipe, used: Iterable[Rule | None]) -> list[str]:
    """The complaint about rules that are the first match of no tensor; tensors that a call skips count as matched."""
    first = set(map(id, used))
    unused = [rule for rule in recipe.rules if not (rule.optional or recipe.allow_unused or id(rule) in first)]
    globs = ", ".join(repr(rule.pattern) for rule in unused)
    return [f"no tensor is left for the rules {globs}: earlier ones match, or no name does"] if unused else []


def _ruled(spec: TensorSpec, rule: Rule, layout: Layout, complaints: list[str]) -> PlannedTensor:
    """What the rule does with the tensor; where it cannot, a complaint is added and the tensor is skipped."""
    try:
        distribution = rule.distribution_for(spec, layout)
        if spec.is_float():
            return PlannedTensor(spec, "draw", distribution)
        return PlannedTensor(spec, "compute", distribution, value=_integer(spec, distribution))
    except ValueError as error:
        complaints.append(str(error))
        return PlannedTensor(spec, "skip")


def _integer(spec: TensorSpec, distribution: Distribution) -> int:
    try:
        value = distribution.integer_value()
    except ValueError:
        raise ValueError(
            f"tensor {spec.name!r} has dtype {spec.dtype}, for which no values are drawn: leave it out with `skip`, "
            f"or give it a rule with zeros, ones or constant"
        ) from None
    if not spec.can_hold(value):
        raise ValueError(f"tensor {spec.name!r} has dtype {spec.dtype}, which cannot hold {value}")
    return value
