"""The report of an initialization: which tensor got what and which got nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from fastinit.distributions import Distribution


@dataclass(frozen=True)
class Write:
    """What was written to a tensor, in words; its distribution, where it has one; whether nothing is left of what was there."""

    text: str
    distribution: Distribution | None = None
    replaces: bool = True


@dataclass(frozen=True)
class Rows:
    """Rows (along the first axis) `first` to `stop` of the tensor, of a DTensor of the local shard, and their distribution."""

    first: int
    stop: int
    distribution: Distribution | None = None


@dataclass
class InitReport:
    """What `init_` did, by fully qualified name: `filled`, with what; `kept`, as it was asked to; `untouched`, nothing.

    `rows`: the distributions of what is filled, by rows, as an embedding's padding row has another. `fastinit.torch.audit(module,
    report)` measures the values against them.
    """

    filled: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    tied: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[Rows]] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        width = max((len(name) for name in self.filled), default=0)
        lines = [f"{name:<{width}}  {got}" for name, got in self.filled.items()]
        lines += [f"{name:<{width}}  tied to {of}" for name, of in self.tied.items()]
        lines += [f"{name:<{width}}  kept" for name in self.kept]
        lines += [f"{name:<{width}}  NOTHING" for name in self.untouched]
        return "\n".join(lines)

    def note(self, name: str, write: Write, n: int, part: tuple[int, int] | None = None) -> None:
        """Something was written to a tensor of n rows: to all of it, or to the part from one row to another."""
        first, stop = (0, n) if part is None else part
        before = self.filled.get(name)
        text = write.text if part is None else f"a part {write.text}"
        if before is None or (part is None and write.replaces):
            self.filled[name] = text
        elif not (part and before.endswith(text)):  # as each of many experts
            self.filled[name] = f"{before}, {'then ' if part is None else ''}{text}"
        others = [] if part is None else self.rows.get(name, [Rows(0, n)])
        distribution = write.distribution if write.replaces else None
        self.rows[name] = _merged(
            [*_cut(others, 0, first), *_cut([Rows(first, stop, distribution)], 0, n), *_cut(others, stop, n)]
        )


def _cut(rows: list[Rows], first: int, stop: int) -> list[Rows]:
    """What of the rows lies between."""
    cut = [Rows(max(r.first, first), min(r.stop, stop), r.distribution) for r in rows]
    return [r for r in cut if r.first < r.stop]


def _merged(rows: list[Rows]) -> list[Rows]:
    """Neighbours of the same distribution are one."""
    groups = [list(group) for _, group in groupby(rows, key=lambda r: r.distribution)]
    return [Rows(group[0].first, group[-1].stop, group[0].distribution) for group in groups]
