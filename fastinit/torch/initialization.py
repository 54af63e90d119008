"""One run of `init_`: finds a module's tensors, has them filled by a recipe or by the modules, and reports on each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from glob import escape

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import _disable_current_modes

from fastinit.core.stream import stream_of
from fastinit.distributions import Constant
from fastinit.recipes import Recipe, TensorSpec
from fastinit.recipes.plan import Plan
from fastinit.recipes.tensors import tensor_specs
from fastinit.runtime.scoped_patch import Replacement, ScopedPatch
from fastinit.torch import streams
from fastinit.torch.attributes import left_on_meta
from fastinit.torch.by_memory import NamesByMemory
from fastinit.torch.construction.execution import Target, fill_recorded, set_plain
from fastinit.torch.construction.recorded_tensors import RecordedTensors
from fastinit.torch.construction.streams import named_as_in_whole
from fastinit.torch.layers import layouts_by_name
from fastinit.torch.meta import CPU, materialized
from fastinit.torch.names import checked_prefix, non_persistent, shared_with_others, tensors_by_name
from fastinit.torch.own_methods import convert, reset
from fastinit.torch.padding import PaddingRow, padded
from fastinit.torch.progress import progress_bar
from fastinit.torch.replacements import PATCH
from fastinit.torch.report import InitReport, Size, Write
from fastinit.torch.sharding.local_parts import known_shards
from fastinit.torch.sharding.part_tensor import PartTensor
from fastinit.torch.sharding.parts import is_part_tensor, local
from fastinit.torch.sharding.shard_of import ShardOf, shards_of
from fastinit.torch.tensors import TORCH, fill_, is_fillable
from fastinit.torch.unrecorded.checking import Options, check, check_computed
from fastinit.torch.watch import Watch


class Initialization:
    """The module's tensors by name, the names of those that are skipped or loaded, and the report so far."""

    def __init__(
        self,
        module: nn.Module,
        seed: int,
        skip: Collection[str] = (),
        loaded: Collection[str] = (),
        prefix: str = "",
        shard_of: ShardOf | None = None,
    ) -> None:
        if seed is None:
            raise TypeError(
                "seed must be an int, got None: every rank would draw a model of its own; draw one, and share it"
            )
        stream_of(seed)  # raises for an invalid seed
        self.module, self.seed, self.prefix = module, seed, checked_prefix(prefix)
        self.tensors = dict(tensors_by_name(module, prefix=prefix))
        for name, tensor in self.tensors.items():
            if is_lazy(tensor):
                raise ValueError(f"{name} has no shape yet: run the lazy module once, with a batch")
        first_name = {id(tensor): name for name, tensor in self.tensors.items()}
        every = {name: first_name[id(tensor)] for name, tensor in tensors_by_name(module, False, prefix)}
        tied = {name: first for name, first in every.items() if first != name}
        self.report = InitReport(tied=tied, prefix=prefix)
        self._loaded = {every[name] for name in loaded}
        self._kept = self._loaded | {every[name] for name in skip}  # stay as they are
        given = shards_of(shard_of, {name: self.tensors[first] for name, first in every.items()})
        given = {every[name]: shard for name, shard in given.items()}
        self._shards = known_shards(module, self.tensors, prefix, given, self._kept)
        self.report.parts = {name: shard.part for name, shard in self._shards.items()}
        self._aliases: dict[str, str] = {}  # by name, the tensor whose memory it shares, as construction made them
        self._recorded: set[str] = set()  # filled by the record of their construction
        self._filled_before: set[str] = set()  # see `_run`
        self._seed_torch = torch.default_generator.manual_seed  # of the CPU alone, which is faster than of all devices
        self._in_parts: list[str] = []  # tensors from the meta device of which parts were written, perhaps not all
        self._from_meta = {name for name, tensor in self.tensors.items() if tensor.is_meta}
        self._computed: set[str] = set()  # non-persistent buffers without values, which a recipe does not give
        self._padded: list[PaddingRow] = []
        self._zeroed: set[tuple[str, int]] = set()  # rows of tensors that were made 0
        self._advance: Callable[[int], object] = lambda nbytes: None

    def run(
        self,
        recipe: Recipe | None,
        dtype: torch.dtype | None,
        progress: bool,
        *,
        strict: bool = True,
        overwrite: bool = False,
        device: torch.device = CPU,
    ) -> InitReport:
        """Fill the tensors by a recipe, or else by the modules. What cannot be is an error before anything is written."""
        bar = progress_bar() if progress else None
        plan = records = None
        if recipe is not None:
            skip = map(escape, self._kept - self._loaded)
            plan = recipe.plan(self._specs(), skip=[*skip], loaded=self._loaded, layout=TORCH)
            self._kept |= {planned.name for planned in plan if planned.action == "skip"}
            computed = non_persistent(self.module, self.prefix) - self._kept
            self._computed = computed & self._from_meta
            self._kept |= computed - self._computed
        else:
            records = RecordedTensors(self.module, self.tensors, self.prefix)
            shapes = {name: shard.part.shape for name, shard in self._shards.items()}
            records.check(self.seed, self._kept, shapes)
        self._check(records, strict, overwrite)
        if dtype is not None:
            convert(self.module, dtype)
            self.tensors = dict(tensors_by_name(self.module, prefix=self.prefix))
        if records is not None:
            records.replaced(self.tensors)
            self._aliases = records.aliases()
        memory = {} if records is None else records.shared_memory(device)
        for name in self._from_meta:
            self.tensors[name] = materialized(self.module, self.tensors[name], device, memory.get(name))
        self._padded = [row for row in padded(self.module, self.tensors, self.prefix) if row.name not in self._kept]
        self.show_wholes()
        with torch.no_grad(), bar or nullcontext():
            if bar:
                todo = [t for name, t in self.tensors.items() if not self._is_skipped(name)]
                self._advance = partial(bar.advance, bar.add_task("", total=sum(map(_nbytes, todo))))
            if plan is not None:
                self._by_plan(plan)
                if self._computed:
                    self._by_the_modules(self.tensors.keys() - self._computed)
            elif records is not None:
                self._by_records(records)
                if self.tensors.keys() - self._recorded - self._kept:
                    self._by_the_modules()
                    self._warn_of_methods(records)
            self._zero_padding(every=plan is not None)
        self.finish()
        return self.report

    def _check(self, records: RecordedTensors | None, strict: bool, overwrite: bool) -> None:
        """Complain, before anything is written, of what would not be what construction did."""
        known, options = (self.module, self.tensors, self.report.tied), Options(self.seed, self.prefix, strict, overwrite)
        if records is None:
            if self._computed:
                check_computed(*known, self._computed, options)
            return
        certain = self._kept | records.forms.keys() | records.given | self._shards.keys()
        if (
            self.tensors.keys() - certain
            or {name for name, _ in left_on_meta(self.module, self.prefix)} - records.plain.keys()
        ):
            check(*known, certain, options, records.plain)

    def _specs(self) -> Iterator[TensorSpec]:
        """Without non-persistent buffers, which are no values to be drawn: masks, positions, frequencies."""
        layouts, computed = layouts_by_name(self.module, self.prefix), non_persistent(self.module, self.prefix)
        for spec in tensor_specs({name: tensor for name, tensor in self.tensors.items() if name not in computed}):
            shape = self._shards[spec.name].part.shape if spec.name in self._shards else spec.shape
            yield replace(spec, shape=shape, layout=layouts.get(spec.name))

    def show_wholes(self) -> None:
        """Let tensors that are parts of larger ones stand for these from now on."""
        for name, shard in self._shards.items():
            self.tensors[name] = PartTensor.of(self.tensors[name], name, *shard)

    def _by_plan(self, plan: Plan) -> None:
        for planned in plan:
            if planned.action in ("keep", "skip"):
                continue
            name, tensor = planned.name, self.tensors[planned.name]
            source = plan[planned.stream_name]  # the tensor that a tied one is tied to; else the tensor itself
            write = Write.of(source.distribution) if source.distribution is not None else Write.copy(source.name)
            if source.distribution is None:  # it was loaded
                tensor.copy_(self.tensors[source.name])
            elif source.value is not None:
                tensor.fill_(source.value)
            elif is_fillable(tensor):
                fill_(tensor, source.distribution, stream_of(self.seed, source.name))
            else:
                raise ValueError(f"{name}, a {type(tensor).__name__} on {tensor.device}, cannot be filled in place")
            self._note(name, write)

    def _by_records(self, records: RecordedTensors) -> None:
        empty = {name for name, form in records.forms.items() if form.is_empty}  # as skip_init leaves them
        self._recorded = (records.forms.keys() - empty) | records.given
        named = named_as_in_whole({**records.forms, **{name: form for name, (_, form) in records.plain.items()}})
        plain = set_plain(records, self.tensors, named)
        named = {name: named[name] for name in records.forms if name not in self._kept | empty}
        for name, whole in self._aliases.items():
            if name in named and whole in named:
                del named[name]
                self._note(name, Write(f"shares the memory of {whole}", other=whole, is_computed=True))
        targets = {name: Target(self.tensors[name], one) for name, one in named.items()}
        fill_recorded(targets, self.seed, self._note, silent=plain)
        for name in records.given - self._kept:
            self._note(name, _given(self.tensors[name]))

    def _warn_of_methods(self, records: RecordedTensors) -> None:
        """Name what construction left without values, and the modules' own methods have filled."""
        left = [name for name, form in records.forms.items() if form.is_empty and name in self.report.filled]
        if left:
            warnings.warn(
                f"construction left {', '.join(left)} without values, as skip_init and contexts that leave initialization "
                "out do: they get what the modules' own methods draw; construct without those for what construction draws",
                stacklevel=4,
            )

    def _zero_padding(self, every: bool) -> None:
        """Make padding rows 0: under a recipe every one, else those that their own module made 0 and another drew again."""
        rows = [(name, row) for name, row, is_shared in self._padded if every or is_shared or (name, row) in self._zeroed]
        lost = [(name, row) for name, row in rows if name not in self._recorded and not self._is_zero(name, row)]
        if lost:
            self._filled_before = set()
            with self.in_force():
                for name, row in lost:
                    self.tensors[name][row].fill_(0.0)

    def _is_zero(self, name: str, row: int) -> bool:
        found = next((rows for rows in self.report.rows.get(name, []) if rows.first <= row < rows.stop), None)
        return found is not None and found.distribution == Constant(0.0)

    def _by_the_modules(self, others: Collection[str] = ()) -> None:
        """`others`: tensors that are left out, since they have their values."""
        kept, self._kept = self._kept, self._kept | {*others}
        try:
            self._by_their_methods()
        finally:
            self._kept = kept

    def _by_their_methods(self) -> None:
        devices = sorted({tensor.device.index for tensor in self.tensors.values() if tensor.device.type == "cuda"})
        if devices:
            self._seed_torch = torch.manual_seed
        with self.in_force(), torch.random.fork_rng(devices=devices):
            tensors = [t for name, t in self.tensors.items() if not self._is_skipped(name)]
            reset(self.module, tensors, self._run, self.prefix[:-1])

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Within the block whatever torch's functions draw into the module's tensors is drawn by name."""
        names = NamesByMemory(self.tensors, self._is_skipped, self.seed, self._note)
        wholes = _standing_for_wholes(self.module, self.tensors.values())
        with wholes, PATCH, streams.named(names), Watch(names), _looking_contiguous(self.module):
            yield

    def _run(self, name: str, part: nn.Module, method: Callable[[], object]) -> None:
        """Have the module of this name initialize itself.

        Tensors that it shares with a module before it were filled there, and are skipped. Torch's generator, for what it
        draws into other tensors, to copy it or to compute with it, is seeded by its name.
        """
        self._filled_before = shared_with_others(name, self.report.tied)
        self._seed_torch(stream_of(self.seed, name).k0)
        method()

    def _is_skipped(self, name: str | None) -> bool:
        return name in self._kept or name in self._recorded or name in self._filled_before

    def _note(self, name: str, write: Write, part: tuple[int, int] | None = None) -> None:
        tensor = self.tensors[name]
        if name not in self.report.filled:
            self._advance(_nbytes(tensor))
            if part is not None and name in self._from_meta:
                self._in_parts.append(name)
                _write_off(tensor)
        if part is not None and part[1] == part[0] + 1 and write.distribution == Constant(0.0):
            self._zeroed.add((name, part[0]))
        self.report.note(name, write, len(local(tensor)) if tensor.ndim else 1, part)

    def finish(self, warns: bool = True) -> None:
        """Complete the report; what has no values becomes NaN. Warnings name that, and if `warns` parameters that
        nothing has filled.
        """
        report = self.report
        filled = {name: "no elements" for name, t in self.tensors.items() if t.numel() == 0 and name not in self._kept}
        filled |= report.filled
        report.filled = {name: filled[name] for name in self.tensors if name in filled}
        report.skipped = sorted(self._kept)
        report.sizes = {name: Size.of(tensor) for name, tensor in self.tensors.items()}
        report.untouched = [name for name in self.tensors if name not in filled.keys() | self._kept]
        lost = [name for name in self.tensors if name in self._from_meta and name not in filled]
        for name in lost:
            _write_off(self.tensors[name])
        bare = [name for name in report.untouched if isinstance(self.tensors[name], nn.Parameter) and name not in lost]
        if bare and warns:
            warnings.warn(
                f"nothing initializes {', '.join(bare)}: parameters that keep the values which are there, and depend on "
                "no seed (after to_empty: whatever was in memory); fill them in a reset_parameters or by a Recipe, or "
                "build the model within fastinit.torch.deferred(); skip says that they are to stay",
                stacklevel=4,
            )
        lost += [f"a part of {name}" for name in self._in_parts if local(self.tensors[name]).isnan().any()]
        if lost:
            warnings.warn(
                f"nothing initializes {', '.join(lost)}, which came from the meta device without values: now NaN, or 0 "
                "where they are integers or booleans; give them a rule in a Recipe",
                stacklevel=4,
            )


@contextmanager
def drawing_by_name(
    module: nn.Module, seed: int, prefix: str = "", shard_of: ShardOf | None = None, warns: bool = True
) -> Iterator[InitReport]:
    """See `fastinit.torch.by_name`; `warns`: of parameters that nothing has filled at the end."""
    for name, tensor in tensors_by_name(module):
        if tensor.is_meta:
            raise ValueError(f"{name} is on the meta device: call module.to_empty(device=...) first")
    run = Initialization(module, seed, (), (), prefix, shard_of)
    run.show_wholes()
    with run.in_force():
        yield run.report
    run.finish(warns)


def _standing_for_wholes(module: nn.Module, tensors: Iterable[Tensor]) -> ScopedPatch:
    """Within the block the module has, for each of its tensors that is a part of a larger one, what stands for that."""
    wholes = {id(tensor._local_tensor): tensor for tensor in tensors if is_part_tensor(tensor)}

    def replacements() -> Iterator[Replacement]:
        for part in module.modules() if wholes else ():
            for table in (part._parameters, part._buffers):
                yield from ((table, name, wholes[id(t)]) for name, t in [*table.items()] if id(t) in wholes)

    return ScopedPatch(replacements)


def _given(tensor: Tensor) -> Write:
    """What a report says of a tensor that construction made of values, as a counter or a limit."""
    if type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided and tensor.numel() == 1:
        value = tensor.item()
        if not isinstance(value, complex) and not math.isnan(value):
            return Write.of(Constant(float(value)))
    return Write("given by construction", is_computed=True)


def _nbytes(tensor: Tensor) -> int:
    """As if it were dense: `tensor.nbytes` is not there for sparse tensors."""
    return tensor.numel() * tensor.element_size()


def _write_off(tensor: Tensor) -> None:
    with torch.no_grad(), _disable_current_modes():
        tensor.fill_(float("nan") if tensor.is_floating_point() else 0)


def _looking_contiguous(module: nn.Module) -> ScopedPatch:
    """Within the block weights of convolutions claim to be contiguous, since fastinit fills any: torch would draw others, as
    channels-last ones, into a temporary tensor that has no name.
    """
    weights = [part._parameters.get("weight") for part in module.modules() if isinstance(part, _ConvNd)]
    others = [weight for weight in weights if weight is not None and not weight.is_contiguous()]
    return ScopedPatch(lambda: [(weight, "is_contiguous", lambda **_: True) for weight in others])
