"""`suggest`: a recipe for a model, with a reason for each rule, from what one pass shows of its structure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape
from typing import NamedTuple

from torch import nn

from fastinit.initializers import Initializer
from fastinit.initializers.biases import LSTMBias
from fastinit.initializers.composed import Parts
from fastinit.initializers.orthogonality import Orthogonal
from fastinit.initializers.plain import Ones, Zeros
from fastinit.initializers.recommendation import recommend
from fastinit.initializers.recommendation_rules import Recommendation
from fastinit.initializers.scaled import XavierUniform
from fastinit.lab.inspection import Observed, observe
from fastinit.lab.layers import WEIGHTED
from fastinit.lab.observation import Row
from fastinit.lab.structure import ends_of_branches, normalization_of, residual_sums
from fastinit.recipes import Recipe, Rule
from fastinit.torch.layers import parameter_name
from fastinit.torch.rescaling.passes import Batch
from fastinit.torch.structure.names import modules_by_name, tensors_by_name

NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")


@dataclass(frozen=True, init=False)
class Suggestion(Recipe):
    """A Recipe whose rules have reasons: `reasons[i]` is that of `rules[i]`. What no rule matches stays as it is.

    >>> import torch, fastinit.lab
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    >>> recipe = fastinit.lab.suggest(model, torch.randn(16, 8))
    >>> recipe.rules[2].initializer, recipe.reasons[2]
    (HeNormal(), 'relu keeps 0.5 of the second moment: variance 2 / fan_in makes up for it.')
    """

    reasons: tuple[str, ...]

    def __init__(self, rules: Iterable[Rule], reasons: Iterable[str], skip: Iterable[str] = ()) -> None:
        super().__init__(rules, skip=skip)
        vars(self).update(reasons=tuple(reasons))

    def __str__(self) -> str:
        lines = [f"{rule.pattern}: {rule.initializer!r}\n    {why}" for rule, why in zip(self.rules, self.reasons)]
        return "\n".join([*lines, *(f"{pattern}: stays as it is" for pattern in self.skip)])


class Advice(NamedTuple):
    """What a parameter is to be filled by, and why."""

    initializer: Initializer
    reason: str


def suggest(model: nn.Module, batch: Batch, *, seed: int = 0) -> Suggestion:
    """A Recipe for this model, with a reason a rule: what `recommend` says of each layer where it stands in the network.

    One pass of the batch shows which nonlinearity feeds each layer, which layers end residual branches, and where norms
    stand. Rules are exact names, or globs over numbered layers that are alike. What has no advice, as a custom layer's
    parameters, is skipped. The model stays as it was. `batch` and errors: as in `inspect`.

    >>> import torch, fastinit.lab, fastinit.torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2))
    >>> report = fastinit.torch.init_(model, fastinit.lab.suggest(model, torch.randn(16, 8)), seed=0)
    """
    seen = observe(model, batch, None, False, 0.01, seed)
    if any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
        raise ValueError("model has lazy parts, whose parameters have no shapes yet: call it with a batch first")
    advice = dict(_advice(model, seen))
    names = [name for name, _ in tensors_by_name(model)]
    rules, reasons = list[Rule](), list[str]()
    skip = list[str]()
    for pattern, given in _grouped(names, advice):
        if given is None:
            skip.append(pattern)
        else:
            rules.append(Rule(pattern, given.initializer))
            reasons.append(given.reason)
    return Suggestion(rules, reasons, skip)


def _advice(model: nn.Module, seen: Observed) -> Iterator[tuple[str, Advice]]:
    """By parameter's name, for each module at its first call."""
    modules, first = dict(modules_by_name(model)), dict[str, Row]()
    for row in seen.layers:
        if row.module is not None:
            first.setdefault(row.module, row)
    weighted = [name for name, row in first.items() if row.kind in WEIGHTED]
    network = _Residual(seen.layers)
    tensors = dict(tensors_by_name(model, remove_duplicate=False))
    frozen = {name for name, tensor in tensors.items() if not tensor.requires_grad}
    owned: set[int] = set()
    for name, row in first.items():
        for parameter, advice in _of_module(modules[name], row, network, weighted):
            full = parameter_name(name, parameter)
            if full in tensors and full not in frozen and id(tensors[full]) not in owned:
                owned.add(id(tensors[full]))
                yield full, advice


class _Residual:
    """The residual structure of a network, in the words of `recommend`."""

    def __init__(self, rows: Sequence[Row]) -> None:
        sums = residual_sums(rows)
        self.ends = ends_of_branches(rows)
        self.normalization = normalization_of(rows)
        self.begins = next((row.module for row in rows if row.module is not None), None)
        self.branches = len(sums)

    def arguments(self, name: str) -> dict[str, object]:
        if self.branches < 2:
            return {"normalization": self.normalization}
        last = {"position": "last"} if name in self.ends else {}
        return {"residual": True, "depth": self.branches, "branches": 1, "normalization": self.normalization, **last}


def _of_module(module: nn.Module, row: Row, network: _Residual, weighted: Sequence[str]) -> Iterator[tuple[str, Advice]]:
    if row.kind in WEIGHTED:
        advised = _of_layer(row, network, weighted)
        yield "weight", Advice(advised.initializer, " ".join(advised.reasons))
        yield "bias", Advice(advised.bias, "A bias starts at 0: the weights already break the symmetry.")
    elif row.kind == "embedding":
        advised = recommend("linear", "embedding")
        yield "weight", Advice(advised.initializer, " ".join(advised.reasons))
    elif row.kind == "norm":
        yield "weight", Advice(Ones(), "A norm starts as normalization alone: scale 1, shift 0.")
        yield "bias", Advice(Zeros(), "A norm starts as normalization alone: scale 1, shift 0.")
    elif row.kind == "attention":
        third = (1 / 3, XavierUniform())
        yield (
            "in_proj_weight",
            Advice(Parts(0, (third, third, third)), "Query, key and value each by Xavier, with fans of their own."),
        )
        yield "in_proj_bias", Advice(Zeros(), "A bias starts at 0: the weights already break the symmetry.")
        yield from _of_output_projection(module, network, row)
    elif row.kind == "recurrent":
        yield from _of_recurrent(module)


def _of_layer(row: Row, network: _Residual, weighted: Sequence[str]) -> Recommendation:
    feeding = row.source.activation if row.source is not None else None
    activation = "linear" if feeding is None else feeding.name
    parameters = {} if feeding is None else feeding.options
    name = row.module or ""
    if len(weighted) > 1 and name == weighted[-1] and name not in network.ends:
        return recommend(activation, "output", **parameters)
    position = {"position": "first"} if row.source is None and name == weighted[0] and network.begins == name else {}
    options: dict[str, object] = {**parameters, **network.arguments(name), **position}
    return recommend(activation, "conv" if row.kind == "conv" else "dense", **options)  # type: ignore[arg-type]


def _of_output_projection(module: nn.Module, network: _Residual, row: Row) -> Iterator[tuple[str, Advice]]:
    """`out_proj` is called by the attention itself, as no module of its own."""
    advised = recommend("linear", "attention", **network.arguments(row.module or ""))  # type: ignore[arg-type]
    yield "out_proj.weight", Advice(advised.initializer, " ".join(advised.reasons))
    yield "out_proj.bias", Advice(Zeros(), "A bias starts at 0: the weights already break the symmetry.")


def _of_recurrent(module: nn.Module) -> Iterator[tuple[str, Advice]]:
    gates = 4 if isinstance(module, (nn.LSTM, nn.LSTMCell)) else 3 if isinstance(module, (nn.GRU, nn.GRUCell)) else 1
    for name in module._parameters:
        if name.startswith("weight_hh"):
            initializer: Initializer = Orthogonal()
            if gates > 1:
                initializer = Parts(0, tuple((1 / gates, Orthogonal()) for _ in range(gates)))
            yield (
                name,
                Advice(initializer, "An orthogonal matrix a gate keeps the length of the state, and of its gradient."),
            )
        elif name.startswith("weight_"):
            initializer = (
                Parts(0, tuple((1 / gates, XavierUniform()) for _ in range(gates))) if gates > 1 else XavierUniform()
            )
            yield name, Advice(initializer, "Inputs come by Xavier, a gate at a time.")
        elif name.startswith("bias_ih") and gates == 4:
            reason = "A forget bias of 1 makes the cell remember from the start (Jozefowicz et al. 2015)."
            yield name, Advice(LSTMBias(), reason)
        elif name.startswith("bias"):
            yield name, Advice(Zeros(), "A bias starts at 0: the weights already break the symmetry.")


def _grouped(names: Sequence[str], advice: dict[str, Advice]) -> Iterator[tuple[str, Advice | None]]:
    """Patterns with as many numbers as globs as there can be where all names that they match have one advice, or none."""
    done: set[str] = set()
    for name in names:
        if name in done:
            continue
        for pattern in _patterns(name):
            matched = [other for other in names if fnmatchcase(other, pattern)]
            if all(other not in done and advice.get(other) == advice.get(name) for other in matched):
                break
        done.update(matched)
        yield pattern, advice.get(name)


def _patterns(name: str) -> Iterator[str]:
    """The name with its first numbers as globs, at first all of them and at last none."""
    numbers = [*NUMBER.finditer(name)]
    for count in range(len(numbers), -1, -1):
        end = numbers[count - 1].end() if count else 0
        yield NUMBER.sub("*", name[:end]) + escape(name[end:])
