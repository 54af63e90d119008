"""The report of an initialization: which tensor got what and which got nothing; and its audit, against the values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
from torch import Tensor, nn

from fastinit import auditing
from fastinit.auditing import Finding, Report
from fastinit.laws import Law
from fastinit.torch.names import tensors_by_name
from fastinit.torch.tensors import DTYPES, as_array, local


@dataclass(frozen=True)
class Write:
    """What was written to a tensor, in words; its law, where it has one; whether nothing is left of what was there."""

    text: str
    law: Law | None = None
    replaces: bool = True


@dataclass(frozen=True)
class Rows:
    """Rows (along the first axis) `first` to `stop` of the tensor, of a DTensor of the local shard, and their law."""

    first: int
    stop: int
    law: Law | None = None


@dataclass
class InitReport:
    """What `init_` did, by fully qualified name: `filled`, with what; `kept`, as it was asked to; `untouched`, nothing.

    `rows`: the laws of what is filled, by rows, as an embedding's padding row has another. `fastinit.torch.audit(module,
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
        law = write.law if write.replaces else None
        self.rows[name] = _merged([*_cut(others, 0, first), *_cut([Rows(first, stop, law)], 0, n), *_cut(others, stop, n)])


def _cut(rows: list[Rows], first: int, stop: int) -> list[Rows]:
    """What of the rows lies between."""
    cut = [Rows(max(r.first, first), min(r.stop, stop), r.law) for r in rows]
    return [r for r in cut if r.first < r.stop]


def _merged(rows: list[Rows]) -> list[Rows]:
    """Neighbours of the same law are one."""
    groups = [list(group) for _, group in groupby(rows, key=lambda r: r.law)]
    return [Rows(group[0].first, group[-1].stop, group[0].law) for group in groups]


def audit(module: nn.Module, report: InitReport) -> Report:
    """Measure the tensors of a module against the laws that an initialization gave them: see `fastinit.audit`.

    Nothing is copied that is on the CPU. Of a DTensor this rank's shard is measured, without communication. Rows of
    different laws are measured by themselves: "embedding.weight[0]" is the padding row, "embedding.weight[1:]" the others.
    What got nothing, and is not `kept`, is a warning; what is kept, or was written by operations that have no law (as a
    multiplication), is only looked at for itself. ValueError for a tensor on the meta device.
    """
    arrays, laws, findings = {}, {}, []
    for name, tensor in tensors_by_name(module):
        try:
            array = _array(name, tensor)
        except (TypeError, RuntimeError):  # quantized, sparse
            findings.append(Finding(name, "not measured", "warning", f"it is a {type(tensor).__name__} of {tensor.dtype}"))
            continue
        for part, of_part, law in _parts(name, array, report.rows.get(name, [])):
            arrays[part] = of_part
            if law is not None:
                laws[part] = law
    if not arrays:
        return Report((), tuple(findings))
    names = [name for name in report.untouched if name not in report.kept]
    findings += [Finding(name, "nothing", "warning", "nothing initialized it: it is as it was before") for name in names]
    measured = auditing.audit(arrays, laws)
    return replace(measured, findings=(*measured.findings, *findings))


def _array(name: str, tensor: Tensor) -> np.ndarray:
    tensor = local(tensor).detach()
    if tensor.is_meta:
        raise ValueError(f"{name} is on the meta device, and has no values")
    tensor = tensor.cpu()
    return as_array(tensor) if tensor.dtype in DTYPES else tensor.numpy()


def _parts(name: str, array: np.ndarray, rows: list[Rows]) -> list[tuple[str, np.ndarray, Law | None]]:
    """The array, or its rows where they have several laws, with names and laws."""
    if len(rows) < 2:
        return [(name, array, rows[0].law if rows else None)]
    return [(f"{name}[{_span(r, len(array))}]", array[r.first : r.stop], r.law) for r in rows]


def _span(rows: Rows, n: int) -> str:
    if rows.stop == rows.first + 1:
        return str(rows.first)
    return f"{rows.first or ''}:{rows.stop if rows.stop < n else ''}"
