"""`record`: what a model's construction draws, as a Recipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from glob import escape
from typing import Any, cast

from torch import Tensor, nn

from fastinit.distributions import Distribution, Slabs, WholeTensor
from fastinit.initializers import Initializer, WithSlabs
from fastinit.initializers.names import InitializerLike
from fastinit.recipes import Recipe, Rule
from fastinit.torch.construction.deferral import deferred
from fastinit.torch.construction.forms import Form, computed_form
from fastinit.torch.construction.programs import Computed, Program
from fastinit.torch.construction.recorded_tensors import RecordedTensors
from fastinit.torch.structure.module_tensors import ModuleTensors


def record(factory: Callable[..., nn.Module], /, *args: Any, **kwargs: Any) -> Recipe:
    """The distributions that `factory(*args, **kwargs)` gives its tensors, as a Recipe; nothing is drawn or allocated.

    A model's initialization to be read, compared with that of another version, kept in a file, and used where there is no
    torch. Its rules are for the names of the model; those with numbers in them are joined where their distributions agree.
    Where `init_` draws a tensor by its own name, the recipe has the same values. What construction computes instead of
    drawing is a rule with a program, which needs torch and has no form in TOML; computed integers and booleans are skipped.
    Copies are drawn each by its own name. TypeError for a factory that makes no module.

    >>> import torch, fastinit.torch
    >>> recipe = fastinit.torch.record(torch.nn.Linear, 20, 9)
    >>> for rule in recipe:
    ...     print(rule.pattern, rule.initializer)
    weight Uniform(low=-0.223..., high=0.223...)
    bias Uniform(low=-0.223..., high=0.223...)
    """
    with deferred():
        module = made_by(factory, args, kwargs)
    return recipe_of_record(module)


def made_by(factory: Callable[..., nn.Module], args: Any, kwargs: Mapping[str, Any]) -> nn.Module:
    """What the factory makes. TypeError where that is no module."""
    module = factory(*args, **kwargs)
    if not isinstance(module, nn.Module):
        raise TypeError(f"factory must make a torch.nn.Module, got {module!r}")
    return module


def recipe_of_record(module: nn.Module) -> Recipe:
    """The recipe of a module that was constructed in `deferred()`."""
    found = ModuleTensors(module)
    recorded = RecordedTensors(found)
    rules, skipped = {}, []
    for name, tensor in found.tensors.items():
        rule = _rule(recorded.forms.get(name), tensor)
        if rule is None:
            skipped.append(name)
        else:
            rules[name] = rule
    return Recipe(_joined(rules), skip=map(escape, skipped), tied=found.tied, allow_unused=True)


def _rule(form: Form | None, tensor: Tensor) -> Rule | None:
    """The rule for a tensor, with the pattern "*"; None where the recipe leaves it alone."""
    if form is None:
        return None
    if form.distribution is None:
        return Rule("*", Computed(Program(form))) if tensor.is_floating_point() and not form.is_empty else None
    try:
        return _of_distribution(form.distribution)
    except ValueError:  # slabs that share streams in a way of their own
        return Rule("*", Computed(Program(computed_form(form.recording, form.ref))))


def _of_distribution(distribution: Distribution) -> Rule:
    initializer: InitializerLike = distribution
    if isinstance(distribution, Slabs):
        initializer = WithSlabs.of(distribution)
    elif isinstance(distribution, WholeTensor):
        return Rule("*", cast(Initializer, distribution.initializer), layout=distribution.layout)
    return Rule("*", initializer)


def _joined(rules: Mapping[str, Rule]) -> Iterator[Rule]:
    """A rule for each name, or for all names that differ by numbers only, where no other name matches its pattern."""
    done: set[str] = set()
    for name, rule in rules.items():
        if name in done:
            continue
        pattern = re.sub(r"(?<=\.)\d+(?=\.)|^\d+(?=\.)", "*", escape(name))
        matching = [other for other in rules if fnmatchcase(other, pattern)]
        if not all(rules[other] == rule for other in matching):
            pattern, matching = escape(name), [name]
        done.update(matching)
        yield Rule(pattern, rule.initializer, layout=rule.layout, optional=True)
