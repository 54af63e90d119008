"""The report of an initialization: what each tensor got, and which tensors got nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from fastinit.distributions import Distribution
from fastinit.torch.parts import Part


@dataclass(frozen=True)
class Write:
    """One write to a tensor: its text in a report, its distribution if it has one, whether it replaces every value."""

    text: str
    distribution: Distribution | None = None
    replaces: bool = True

    @classmethod
    def of(cls, distribution: Distribution) -> Write:
        """A fill with values of this distribution."""
        return cls(str(distribution), distribution)


@dataclass(frozen=True)
class Rows:
    """The rows from `first` up to `stop`, along the first axis of a tensor or a DTensor's shard; their distribution."""

    first: int
    stop: int
    distribution: Distribution | None = None


@dataclass
class InitReport:
    """What an initialization did with each tensor, by fully qualified name. Printed, it is a table.

    - `filled`: what the tensor was filled with, in words;
    - `skipped`: the names of tensors that were to stay as they are, or were loaded;
    - `untouched`: the names of tensors that nothing filled;
    - `tied`: by name, the first name of the same tensor;
    - `rows`: the distributions of what is filled, by ranges of rows: the padding row of an embedding has its own.
      `fastinit.torch.audit(module, report)` measures the values against them;
    - `prefix`: what the names begin with before the module's own;
    - `parts`: by name, which part of a larger tensor a tensor is that is no DTensor.

    >>> import torch, fastinit.torch
    >>> print(fastinit.torch.init_(torch.nn.Embedding(50, 8, padding_idx=0), seed=0))
    weight  Normal(mean=0.0, std=1.0), a part fill_(0)
    """

    filled: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    tied: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[Rows]] = field(default_factory=dict, repr=False)
    prefix: str = field(default="", repr=False)
    parts: dict[str, Part] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        table = [*self.filled.items(), *((name, f"tied to {first}") for name, first in self.tied.items())]
        table += [(name, "skipped") for name in self.skipped] + [(name, "NOTHING") for name in self.untouched]
        width = max((len(name) for name in self.filled), default=0)
        return "\n".join(f"{name:<{width}}  {got}" for name, got in table)

    def note(self, name: str, write: Write, n: int, part: tuple[int, int] | None = None) -> None:
        """Record a write to a tensor of n rows: to all of it, or to the rows from `part[0]` up to `part[1]`."""
        first, stop = (0, n) if part is None else part
        before = self.filled.get(name)
        text = write.text if part is None else f"a part {write.text}"
        if before is None or (part is None and write.replaces):
            self.filled[name] = text
        elif not (part and before.endswith(text)):  # not once more for each of many experts
            self.filled[name] = f"{before}, {'then ' if part is None else ''}{text}"
        others = [] if part is None else self.rows.get(name, [Rows(0, n)])
        written = Rows(first, stop, write.distribution if write.replaces else None)
        self.rows[name] = _merged([*_between(others, 0, first), *_between([written], 0, n), *_between(others, stop, n)])


def _between(rows: list[Rows], first: int, stop: int) -> list[Rows]:
    """The rows that lie between `first` and `stop`."""
    parts = [Rows(max(r.first, first), min(r.stop, stop), r.distribution) for r in rows]
    return [r for r in parts if r.first < r.stop]


def _merged(rows: list[Rows]) -> list[Rows]:
    """The rows, neighbours of the same distribution joined."""
    groups = [list(group) for _, group in groupby(rows, key=lambda r: r.distribution)]
    return [Rows(group[0].first, group[-1].stop, group[0].distribution) for group in groups]
