"""What was written to a module's tensors in one initialization, and the report of it at the end."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from fastinit.distributions import Constant
from fastinit.torch.reports.report import InitReport, Size, Write
from fastinit.torch.sharding.parts import local
from fastinit.torch.structure.module_tensors import ModuleTensors


class WriteLog:
    """Notes each write in the report; what came from the meta device and got no values becomes NaN at the end.

    `advance`: is told the bytes of each tensor that is filled, once; `from_meta`: those without memory at first, by name.
    """

    def __init__(self, found: ModuleTensors, report: InitReport) -> None:
        self.report = report
        self.advance: Callable[[int], object] | None = None
        self._found = found
        self.from_meta = {name for name, tensor in found.tensors.items() if tensor.is_meta}
        self._in_parts: list[str] = []  # tensors from the meta device of which parts were written, perhaps not all
        self._zeroed: set[tuple[str, int]] = set()

    def note(self, name: str, write: Write, part: tuple[int, int] | None = None) -> None:
        """Take note of a write to the tensor: to all of it, or to the rows from `part[0]` up to `part[1]`."""
        tensor = self._found.tensors[name]
        if self.advance and name not in self.report.filled:
            self.advance(nbytes(tensor))
        if part is not None:
            if name in self.from_meta and name not in self.report.filled:
                self._in_parts.append(name)
                _write_off(tensor)
            if part[1] == part[0] + 1 and write.distribution == Constant(0.0):
                self._zeroed.add((name, part[0]))
        self.report.note(name, write, local(tensor).shape[0] if tensor.ndim else 1, part)

    def note_all(self, writes: Mapping[str, Write]) -> None:
        """`note` for writes to all of many tensors."""
        tensors, note = self._found.tensors, self.report.note
        for name, write in writes.items():
            tensor = tensors[name]
            if self.advance and name not in self.report.filled:
                self.advance(nbytes(tensor))
            note(name, write, local(tensor).shape[0] if tensor.ndim else 1)

    def was_zeroed(self, name: str, row: int) -> bool:
        """Whether this row was made 0 by itself, perhaps before others were written."""
        return (name, row) in self._zeroed

    def is_zero(self, name: str, row: int) -> bool:
        """Whether the last write to this row made it 0."""
        found = next((rows for rows in self.report.rows.get(name, []) if rows.first <= row < rows.stop), None)
        return found is not None and found.distribution == Constant(0.0)

    def finish(self, kept: set[str], warns: bool = True) -> InitReport:
        """Complete the report. Warnings name what has no values, and if `warns` parameters that nothing has filled.

        `kept`: the names of tensors that were to stay as they are.
        """
        report, tensors = self.report, self._found.tensors
        filled = {name: "no elements" for name, t in tensors.items() if t.numel() == 0 and name not in kept}
        filled |= report.filled
        report.filled = {name: filled[name] for name in tensors if name in filled}
        report.skipped = sorted(kept)
        report.sizes = {name: Size.of(tensor) for name, tensor in tensors.items()}
        report.untouched = [name for name in tensors if name not in filled and name not in kept]
        lost = [name for name in tensors if name in self.from_meta and name not in filled]
        for name in lost:
            _write_off(tensors[name])
        bare = [name for name in report.untouched if isinstance(tensors[name], nn.Parameter) and name not in lost]
        if bare and warns:
            _warn_of_bare(bare)
        lost += [f"a part of {name}" for name in self._in_parts if local(tensors[name]).isnan().any()]
        if lost:
            _warn_of_lost(lost)
        return report

    def break_off(self, kept: set[str]) -> None:
        """After an error: say in a warning what was written, and make NaN what came from the meta device without values."""
        filled = self.report.filled
        lost = [name for name in self._found.tensors if name in self.from_meta and name not in filled]
        for name in lost:
            _write_off(self._found.tensors[name])
        left = [name for name in self._found.tensors if name not in {*filled, *kept, *lost}]
        warnings.warn(
            f"an error ended init_ after it had written {_listed([*filled])}; as before: {_listed(left)}; NaN, or 0 where "
            f"they are integers or booleans, since they came from the meta device: {_listed(lost)}",
            stacklevel=4,
        )


MOST_LISTED = 20
"""Names in the warning after an error."""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return f"{', '.join(names[:MOST_LISTED])}{more}" if names else "nothing"


def nbytes(tensor: Tensor) -> int:
    """As if it were dense: `tensor.nbytes` is not there for sparse tensors."""
    return tensor.numel() * tensor.element_size()


def _write_off(tensor: Tensor) -> None:
    with torch.no_grad(), _disable_current_modes():
        tensor.fill_(float("nan") if tensor.is_floating_point() else 0)


def _warn_of_bare(names: list[str]) -> None:
    warnings.warn(
        f"nothing initializes {', '.join(names)}: parameters that keep the values which are there, and depend on "
        "no seed (after to_empty: whatever was in memory); fill them in a reset_parameters or by a Recipe, or "
        "build the model within fastinit.torch.deferred(); skip says that they are to stay",
        stacklevel=5,
    )


def _warn_of_lost(names: list[str]) -> None:
    warnings.warn(
        f"nothing initializes {', '.join(names)}, which came from the meta device without values: now NaN, or 0 "
        "where they are integers or booleans; give them a rule in a Recipe",
        stacklevel=5,
    )
