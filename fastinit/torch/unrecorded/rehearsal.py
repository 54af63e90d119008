"""Runs the methods by which a module initializes itself without writing: what each tensor would be filled with."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from fastinit.core.stream import stream_of
from fastinit.distributions import Constant, Distribution
from fastinit.initializers import distribution_of
from fastinit.torch.construction.steps import each
from fastinit.torch.drawing import streams
from fastinit.torch.drawing.by_memory import MOST_FILLS, SOMEWHERE, Make, NamesByMemory
from fastinit.torch.drawing.replacements import PATCH
from fastinit.torch.drawing.watch import Watch, write_of, written_by
from fastinit.torch.reports.report import InitReport, Rows, Write
from fastinit.torch.sharding.parts import is_dtensor, local
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.own_methods import reset
from fastinit.torch.structure.padding import padded
from fastinit.torch.tensors import TORCH
from fastinit.torch.unrecorded.samples import Values, sample

ZERO = Write.of(Constant(0.0))


@dataclass
class Rehearsal:
    """What the modules' own methods would write.

    - `report`: what each tensor would be filled with, as `init_` reports it;
    - `writers`: by tensor, the module whose method wrote to it last, and the method's name;
    - `copied`: by tensor, a sample of the values that would be copied to it;
    - `writes`: by tensor, how many times the operations of torch's own functions would raise its version;
    - `failed`: by the module's name, the module and the error of a method that needs values to run.
    """

    report: InitReport = field(default_factory=InitReport)
    writers: dict[str, nn.Module] = field(default_factory=dict)
    copied: dict[str, Values] = field(default_factory=dict)
    writes: Counter[str] = field(default_factory=Counter)
    failed: dict[str, tuple[nn.Module, Exception]] = field(default_factory=dict)


def rehearse(found: ModuleTensors, skipped: Collection[str], seed: int) -> Rehearsal:
    """Run the modules' own methods with every write to their tensors noted and none done. The module stays as it is.

    `skipped`: the names of tensors that are not to be written.
    A method that fails is noted: it may need the values that it would have written.
    """
    return _Run(found, skipped, seed).run()


class _Run:
    def __init__(self, found: ModuleTensors, skipped: Collection[str], seed: int) -> None:
        self.found, self.skipped, self.seed = found, skipped, seed
        self.result = Rehearsal(InitReport(tied=found.tied))
        self.part = found.module  # the one whose method runs
        self.filled_before: set[str] = set()
        self.zeroed: set[tuple[str, int]] = set()

    def run(self) -> Rehearsal:
        found = self.found
        names = DryNames(found.tensors, self._is_skipped, self.seed, self)
        to_write = [tensor for name, tensor in found.tensors.items() if name not in self.skipped]
        devices = sorted({t.device.index for t in to_write if t.device.type == "cuda"})
        with warnings.catch_warnings(), torch.no_grad(), torch.random.fork_rng(devices=devices), restored(found.module):
            warnings.simplefilter("ignore")  # the methods warn again when they run
            with PATCH, streams.named(names), DryWatch(names):
                reset(found.module, to_write, self._run, found.prefix[:-1])
        for name, row, is_shared in padded(found):
            if (is_shared or (name, row) in self.zeroed) and name not in self.skipped:  # `init_` makes it 0 again
                self.result.report.note(name, ZERO, len(local(found.tensors[name])), (row, row + 1))
        return self.result

    def _run(self, name: str, part: nn.Module, method: Callable[[], object]) -> None:
        self.part, self.filled_before = part, self.found.shared_with_others(name)
        torch.default_generator.manual_seed(stream_of(self.seed, name).k0)
        try:
            method()
        except EndlessFills:
            raise
        except Exception as error:
            self.result.failed[name] = part, error

    def _is_skipped(self, name: str | None) -> bool:
        return name in self.skipped or name in self.filled_before

    def note(self, name: str, write: Write, part: tuple[int, int] | None, values: Values | None) -> None:
        tensor, result = self.found.tensors[name], self.result
        if part is not None and part[1] == part[0] + 1 and write.distribution == ZERO.distribution:
            self.zeroed.add((name, part[0]))
        result.report.note(name, write, len(local(tensor)) if tensor.ndim else 1, part)
        result.writers[name] = self.part
        result.copied.pop(name, None)
        if values is not None and part is None:
            result.copied[name] = values


class EndlessFills(RuntimeError):
    """A method draws until the values fit, which they never do."""


class DryNames(NamesByMemory):
    """The names of a module's tensors, none of which is written to."""

    def __init__(self, tensors: Mapping[str, Tensor], skips: Callable[[str | None], bool], seed: int, run: _Run) -> None:
        super().__init__(tensors, skips, seed, lambda name, write, part: run.note(name, write, part, None))
        self._run, self._counts_only = run, False
        self._draws: Counter[tuple[str, tuple[int, ...]]] = Counter()
        self._computed: dict[int, tuple[Tensor, Distribution | None]] = {}  # see `follow`

    def foresee(self, tensor: Tensor, make: Make, stock: Callable[[], Tensor]) -> Tensor | None:
        """Note a fill. On the meta device torch's own function runs, so that what it writes is counted."""
        name = self.name(tensor)
        if name is None:
            return None
        try:
            distribution = distribution_of(make(), tuple(tensor.shape), TORCH)
        except (TypeError, ValueError):
            return None  # torch's own function raises
        self._draws[name, tuple(tensor.shape)] += 1
        if self._draws[name, tuple(tensor.shape)] > MOST_FILLS:
            raise EndlessFills(
                f"{name} was filled {MOST_FILLS} times, with the same values each time: a loop that draws until they fit "
                "does not end; let it draw into another tensor"
            )
        self.note(tensor, Write.of(distribution))
        if tensor.is_meta:
            self._counts_only = True
            try:
                stock()
            finally:
                self._counts_only = False
        return tensor

    def leave_out(self, tensor: Tensor, func: OpOverload, args: tuple[Any, ...]) -> None:
        """Note an operation of torch that writes to the tensor, and is not done."""
        name = self.name(tensor)
        assert name is not None
        self._run.result.writes[name] += 1
        if self._counts_only or self.is_skipped(tensor):
            return
        write, part = write_of(func, args), self.part(name, tensor)
        if part == SOMEWHERE:
            write, part = replace(write, distribution=None), (0, len(local(self._tensors[name])))
        before = self._run.result.report.rows.get(name, [])
        scaled = _scaled(func, args, _of_rows(before, part))
        if scaled is not None:
            write = replace(write, distribution=scaled, replaces=True)
        source = _source(func, args)
        if source is None:
            self._run.note(name, write, part, None)
        elif id(source) in self._computed:
            self._run.note(name, replace(write, distribution=self._computed[id(source)][1]), part, None)
        else:
            self._run.note(name, write, part, sample(source.expand(tensor.shape)))

    def follow(self, func: OpOverload, args: tuple[Any, ...], made: object) -> None:
        """Keep what is computed from a tensor that would have been written to: not with these values, but perhaps with a
        known distribution.
        """
        if not isinstance(made, Tensor) or self.name(made) is not None:
            return
        for source in each(args, Tensor):
            rows = self._run.result.report.rows.get(self.name(source) or "", [])
            if rows or id(source) in self._computed:
                before = _of_rows(rows, None) if rows else self._computed[id(source)][1]
                self._computed[id(made)] = made, _scaled(func, args, before)


class DryWatch(Watch):
    """Within it, operations that write to known tensors are noted and left out."""

    def __init__(self, names: DryNames) -> None:
        super().__init__(names)
        self._dry_names = names

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        written = [*written_by(func, args, kwargs or {})] if func._schema.is_mutable else []
        known = [tensor for tensor in written if self._dry_names.name(tensor) is not None]
        if not known:
            made = super().__torch_dispatch__(func, types, args, kwargs)
            self._dry_names.follow(func, args, made)
            return made
        if len(known) < len(written):
            raise NotImplementedError(f"{func} writes to tensors of the module and to others at once")
        for tensor in known:
            self._dry_names.leave_out(tensor, func, args)
        return written[0] if func._schema.returns else None


def _of_rows(rows: list[Rows], part: tuple[int, int] | None) -> Distribution | None:
    """The one distribution that all these rows have."""
    found = {r.distribution for r in rows if part is None or (r.first < part[1] and r.stop > part[0])}
    return found.pop() if len(found) == 1 else None


def _scaled(func: OpOverload, args: tuple[Any, ...], before: Distribution | None) -> Distribution | None:
    """The distribution after a multiplication by a positive number, or a division."""
    operation = func._opname.removesuffix("_")
    if before is None or operation not in ("mul", "div") or len(args) != 2:
        return None
    number = args[1].item() if isinstance(args[1], Tensor) and args[1].ndim == 0 and not args[1].is_meta else args[1]
    if not isinstance(number, (int, float)) or number <= 0:
        return None
    try:
        return before.times(float(number) if operation == "mul" else 1 / number)
    except ValueError:
        return None


def _source(func: OpOverload, args: tuple[Any, ...]) -> Tensor | None:
    """What would be copied, if it has values."""
    if func is not torch.ops.aten.copy_.default:
        return None
    to, source = args[:2]
    return None if source.is_meta or is_dtensor(source) or is_dtensor(to) else source


@contextmanager
def restored(module: nn.Module) -> Iterator[None]:
    """After the block the module's attributes, and its tensors' attributes, memory and versions are as before it."""
    parts = [(part, {**vars(part)}, _tables(part)) for part in module.modules()]
    tensors = {id(t): t for _, _, tables in parts for table in tables for t in table.values() if isinstance(t, Tensor)}
    before = [(t, {**vars(t)}, t.detach(), _version(t)) for t in tensors.values()]
    try:
        yield
    finally:
        for part, own, tables in parts:
            _restore(vars(part), own)
            now: tuple[Any, ...] = part._parameters, part._buffers, part._modules
            for table, was in zip(now, tables):
                _restore(table, was)
        for tensor, marks, alias, version in before:
            _restore(vars(tensor), marks)
            if not _is_alias(local(tensor), local(alias)):
                tensor.data = alias
            if version is not None and tensor._version != version:
                _set_version(tensor, version)


def _tables(part: nn.Module) -> tuple[dict[str, Any], ...]:
    return dict(part._parameters), dict(part._buffers), dict(part._modules)


def _restore(table: dict[str, Any], before: dict[str, Any]) -> None:
    if table.keys() != before.keys() or any(table[key] is not value for key, value in before.items()):
        table.clear()
        table.update(before)


def _is_alias(one: Tensor, other: Tensor) -> bool:
    try:
        return one.untyped_storage()._cdata == other.untyped_storage()._cdata and one.dtype is other.dtype
    except (NotImplementedError, RuntimeError):
        return True  # without memory of its own


def _version(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


def _set_version(tensor: Tensor, version: int) -> None:
    autograd: Any = torch._C._autograd  # pyright: ignore[reportAttributeAccessIssue]
    set_version = autograd._unsafe_set_version_counter
    try:
        set_version((tensor,), (version,))
    except TypeError:  # before torch 2.7
        set_version(tensor, version)
