"""What the rows of a pass say of the network: chains of layers, residual sums, where its norms stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fastinit.lab.activations import Activation
from fastinit.lab.layers import WEIGHTED
from fastinit.lab.observation import Row


class Link(NamedTuple):
    """A layer with the layer before it in a chain, and the activation between them, if there is one."""

    before: Row
    activation: Activation | None
    row: Row

    @property
    def measured_ratio(self) -> float:
        """By how much the layer multiplies the rms of the signal, its activation included."""
        return self.row.output.rms / self.before.output.rms if self.before.output.rms else 0.0

    @property
    def expected_ratio(self) -> float | None:
        """The theory's: sqrt(fan_in E[w^2] E[f(z)^2] / E[z^2]), z normal of the mean square that the layer before gives."""
        square, weights = self.before.output.rms**2, self.row.weights
        if weights is None or square <= 0:
            return None
        moment = square if self.activation is None else self.activation.moment(square)
        return None if moment is None else ((weights.forward_factor * moment + weights.bias_mean_square) / square) ** 0.5

    @property
    def measured_gradient_ratio(self) -> float | None:
        """By how much the gradient is multiplied from this layer's outputs to those of the layer before."""
        here, before = self.row.gradient, self.before.gradient
        return before.rms / here.rms if here is not None and before is not None and here.rms else None

    @property
    def expected_gradient_ratio(self) -> float | None:
        """sqrt(fan_out E[w^2] E[f'(z)^2])."""
        weights = self.row.weights
        slope = 1.0 if self.activation is None else self.activation.slope_moment(self.before.output.rms**2)
        return None if weights is None or slope is None else (weights.backward_factor * slope) ** 0.5


def links(rows: Sequence[Row]) -> list[Link]:
    """Each layer that takes the values of another layer, directly or through one activation."""
    found = []
    for row in rows:
        before = row.source
        activation = None if before is None else before.activation
        if before is not None and activation is not None:
            before = before.source
        if row.kind in WEIGHTED and before is not None and before.kind in WEIGHTED:
            found.append(Link(before, activation, row))
    return found


def chains(rows: Sequence[Row]) -> list[list[Link]]:
    """Links one after the other, each from where the last one ended."""
    made: list[list[Link]] = []
    for link in links(rows):
        chain = next((chain for chain in made if chain[-1].row is link.before), None)
        if chain is None:
            made.append([link])
        else:
            chain.append(link)
    return made


def residual_sums(rows: Sequence[Row]) -> list[Row]:
    """The sums of a branch and of what the branch began with: of two rows, one of them no embedding's, in a stream."""
    sums = [row for row in rows if row.kind == "sum"]
    return [row for row in sums if len({id(addend) for addend in row.addends}) == 2 and not _joins_embeddings(row)]


def _joins_embeddings(row: Row) -> bool:
    return all(addend is None or addend.kind in ("embedding", "sum", "other") for addend in row.addends) and any(
        addend is not None and addend.kind == "embedding" for addend in row.addends
    )


def ends_of_branches(rows: Sequence[Row]) -> set[str]:
    """The layers whose outputs go into a residual sum: the later addend of each, perhaps through a norm."""
    order = {id(row): place for place, row in enumerate(rows)}
    ends = set()
    for row in residual_sums(rows):
        addends = [addend for addend in row.addends if addend is not None]
        last: Row | None = max(addends, key=lambda addend: order[id(addend)])
        while last is not None and last.kind in ("norm", "activation"):
            last = last.source
        if last is not None and last.module is not None and last.kind in (*WEIGHTED, "attention"):
            ends.add(last.module)
    return ends


def normalization_of(rows: Sequence[Row]) -> str | None:
    """As `recommend` takes it: "post" where norms take residual sums that no layer takes, "batch", "pre", or None."""
    norms = [row for row in rows if row.kind == "norm"]
    if not norms:
        return None
    if all(
        (len(row.shape) >= 3 and row.unit_axis == 1) or (row.source is not None and row.source.kind == "conv")
        for row in norms
    ):
        return "batch"
    sums = {id(row) for row in residual_sums(rows)}
    in_stream = {id(addend) for row in residual_sums(rows) for addend in row.addends}
    after = [row for row in norms if row.source is not None and id(row.source) in sums and id(row) in in_stream]
    return "post" if len(after) * 2 >= len(norms) - 1 and after else "pre"
