"""The report of an initialization: what each tensor got, and which tensors got nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fastinit.distributions import Distribution, Slabs
from fastinit.recipes.grouping import Entry, aligned, grouped, shape_text, shortened
from fastinit.torch.sharding.parts import Part

UNITS = ("bytes", "KB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Write:
    """One write to a tensor: its text in a report, its distribution if it has one, whether it replaces every value.

    `other`: the tensor whose values or memory it takes, with whose name the text ends. `is_computed`: whether the values are
    what construction computes or gives, with nothing to compare them with.
    """

    text: str
    distribution: Distribution | None = None
    replaces: bool = True
    other: str = ""
    is_computed: bool = False

    @classmethod
    def of(cls, distribution: Distribution) -> Write:
        """A fill with values of this distribution."""
        return cls(str(distribution), distribution)

    @classmethod
    def copy(cls, other: str, distribution: Distribution | None = None) -> Write:
        """The values of another tensor, which are of this distribution."""
        return cls(f"{'' if distribution is None else f'{distribution}, '}a copy of {other}", distribution, other=other)


class Rows(NamedTuple):
    """The rows from `first` up to `stop`, along the first axis of a tensor or a DTensor's shard; their distribution."""

    first: int
    stop: int
    distribution: Distribution | None = None


class Size(NamedTuple):
    """The shape of a whole tensor, its dtype, its bytes, and whether it is a parameter."""

    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    is_parameter: bool

    @classmethod
    def of(cls, tensor: Tensor) -> Size:
        """Of a DTensor, that of the whole."""
        shape, dtype, kind = tuple(tensor.shape), tensor.dtype, type(tensor)
        is_parameter = kind is nn.Parameter or isinstance(tensor, nn.Parameter)
        return cls(shape, _name_of(dtype), math.prod(shape) * dtype.itemsize, is_parameter)


@dataclass
class InitReport:
    """What an initialization did with each tensor, by fully qualified name.

    Printed, it is a table, in which layers that got the same are one line, with as many digits as one reads: the tensors,
    what they were filled with, their shapes, and last how many tensors, parameters and bytes there are.

    - `filled`: what the tensor was filled with, in words;
    - `skipped`: the names of tensors that were to stay as they are, or were loaded;
    - `untouched`: the names of tensors that nothing filled;
    - `tied`: by name, the first name of the same tensor;
    - `copies`: by name, the tensor whose values it has, as layers that construction copied do;
    - `computed`: the names of tensors whose values construction computes or gives, or that share another's memory;
    - `rows`: the distributions of what is filled, by ranges of rows: the padding row of an embedding has its own.
      `fastinit.torch.audit(module, report)` measures the values against them;
    - `sizes`: by name, shape, dtype and bytes of the whole tensor;
    - `prefix`: what the names begin with before the module's own;
    - `parts`: by name, which part of a larger tensor a tensor is that is no DTensor.

    >>> import torch, fastinit.torch
    >>> layers = [torch.nn.LayerNorm(8) for _ in range(4)]
    >>> print(fastinit.torch.init_(torch.nn.Sequential(torch.nn.Embedding(50, 8, padding_idx=0), *layers), seed=0))
    0.weight      [0] Constant(0.0), [1:] Normal(std=1.0)  (50, 8)
    {1-4}.weight  Constant(1.0)                            4 x (8,)
    {1-4}.bias    Constant(0.0)                            4 x (8,)
    9 tensors, 464 parameters, 1.9 KB, float32
    """

    filled: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    tied: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    computed: set[str] = field(default_factory=set, repr=False)
    rows: dict[str, list[Rows]] = field(default_factory=dict, repr=False)
    sizes: dict[str, Size] = field(default_factory=dict, repr=False)
    prefix: str = field(default="", repr=False)
    parts: dict[str, Part] = field(default_factory=dict, repr=False)
    _others: dict[str, str] = field(default_factory=dict, repr=False)
    """By name, the tensor with whose name the text in `filled` ends."""

    def __str__(self) -> str:
        counts = Counter(size.dtype for size in self.sizes.values())
        usual = counts.most_common(1)[0][0] if counts else ""
        lines = [
            (group.name, shortened(group.text), self._shapes(group.members, usual)) for group in grouped(self._entries())
        ]
        return "\n".join([*(aligned(lines) if lines else []), self._total(usual, len(counts))])

    def _entries(self) -> Iterator[Entry]:
        """Each tensor, in the module's order as far as that is known, then the other names of tied ones."""
        left = {**self.filled, **dict.fromkeys(self.skipped, "skipped"), **dict.fromkeys(self.untouched, "NOTHING")}
        for name in [*(name for name in self.sizes if name in left), *(name for name in left if name not in self.sizes)]:
            other = self._others.get(name, "")
            text, size = left[name].removesuffix(other), self.sizes.get(name)
            yield Entry(name, self._text(name, text), other, size and (size.shape, size.dtype))
        for name, first in self.tied.items():
            yield Entry(name, "tied to ", first, "tied")

    def _text(self, name: str, text: str) -> str:
        """The text, parts of different distributions as "[0] Constant(0.0), [1:] Normal(std=1.0)"."""
        rows, size = self.rows.get(name, []), self.sizes.get(name)
        if len(rows) == 1 and isinstance(rows[0].distribution, Slabs):
            return text.replace(f"Slabs({rows[0].distribution.text})", rows[0].distribution.text)
        if len(rows) < 2 or not all(r.distribution for r in rows) or not size or size.shape[:1] != (rows[-1].stop,):
            return text
        return ", ".join(f"[{span_of(r, rows[-1].stop)}] {r.distribution}" for r in rows)

    def _shapes(self, members: tuple[str, ...], usual: str) -> str:
        size = self.sizes.get(members[0])
        if size is None:
            return f"{len(members)} x" if len(members) > 1 else ""
        return shape_text(size.shape, len(members), "" if size.dtype == usual else size.dtype)

    def _total(self, usual: str, dtypes: int) -> str:
        n = len(self.filled) + len(self.skipped) + len(self.untouched)
        total = f"{n:,} tensor{'' if n == 1 else 's'}"
        if not self.sizes:
            return total
        parameters = sum(math.prod(size.shape) for size in self.sizes.values() if size.is_parameter)
        nbytes = bytes_text(sum(size.nbytes for size in self.sizes.values()))
        return f"{total}, {parameters:,} parameters, {nbytes}, {usual}{' unless said' if dtypes > 1 else ''}"

    def note(self, name: str, write: Write, n: int, part: tuple[int, int] | None = None) -> None:
        """Record a write to a tensor of n rows: to all of it, or to the rows from `part[0]` up to `part[1]`."""
        before = self.filled.get(name)
        if before is None and part is None and write.replaces:  # the usual case
            self.filled[name], self.rows[name] = write.text, [Rows(0, n, write.distribution)] if n else []
            if write.other or write.is_computed:
                self._note_source(name, write)
            return
        first, stop = (0, n) if part is None else part
        text = write.text if part is None else f"a part {write.text}"
        if before is None or (part is None and write.replaces):
            self.filled[name] = text
        elif not (part and before.endswith(text)):  # not once more for each of many experts
            self.filled[name] = f"{before}, {'then ' if part is None else ''}{text}"
        self._others.pop(name, None)
        self.copies.pop(name, None)
        if part is None and write.replaces:
            self._note_source(name, write)
        others = [] if part is None else self.rows.get(name, [Rows(0, n)])
        written = Rows(first, stop, write.distribution if write.replaces else None)
        self.rows[name] = _merged([*_between(others, 0, first), *_between([written], 0, n), *_between(others, stop, n)])

    def _note_source(self, name: str, write: Write) -> None:
        """Where the values of a whole tensor come from, if not from its distribution."""
        self.computed.discard(name)
        if write.is_computed:
            self.computed.add(name)
        if write.other:
            self._others[name] = write.other
            if not write.is_computed:
                self.copies[name] = write.other


def span_of(rows: Rows, n: int) -> str:
    """The rows as in an index of a tensor of n rows: "0", "1:"."""
    if rows.stop == rows.first + 1:
        return str(rows.first)
    return f"{rows.first or ''}:{rows.stop if rows.stop < n else ''}"


@cache
def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def bytes_text(nbytes: int) -> str:
    """As in "13.5 GB"."""
    power = 0 if nbytes < 1000 else min((len(str(nbytes)) - 1) // 3, len(UNITS) - 1)
    return f"{nbytes / 1000**power:.{1 if power else 0}f} {UNITS[power]}"


def _between(rows: list[Rows], first: int, stop: int) -> list[Rows]:
    """The rows that lie between `first` and `stop`."""
    parts = [Rows(max(r.first, first), min(r.stop, stop), r.distribution) for r in rows]
    return [r for r in parts if r.first < r.stop]


def _merged(rows: list[Rows]) -> list[Rows]:
    """The rows, neighbours of the same distribution joined."""
    groups = [list(group) for _, group in groupby(rows, key=lambda r: r.distribution)]
    return [Rows(group[0].first, group[-1].stop, group[0].distribution) for group in groups]
