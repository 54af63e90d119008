"""One run of `init_`: decides what fills each of a module's tensors, has that done, and reports on each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from glob import escape

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from fastinit.core.stream import stream_of
from fastinit.distributions import Constant
from fastinit.recipes import Recipe, TensorSpec
from fastinit.recipes.plan import Plan
from fastinit.recipes.tensors import tensor_specs
from fastinit.torch.by_methods import drawn_by_name, run_methods
from fastinit.torch.construction.execution import Target, fill_recorded, set_plain
from fastinit.torch.construction.recorded_tensors import RecordedTensors
from fastinit.torch.construction.streams import named_as_in_whole
from fastinit.torch.layers import layouts_by_name
from fastinit.torch.meta import CPU, materialized
from fastinit.torch.one_mapping import in_one_mapping
from fastinit.torch.reports.progress import progress_bar
from fastinit.torch.reports.report import InitReport, Write
from fastinit.torch.reports.write_log import WriteLog, nbytes
from fastinit.torch.seeds import check_seed
from fastinit.torch.sharding.local_parts import known_shards
from fastinit.torch.sharding.offloaded import kept_on_cpu
from fastinit.torch.sharding.part_tensor import PartTensor
from fastinit.torch.sharding.shard_of import ShardOf, shards_of
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.own_methods import convert
from fastinit.torch.structure.padding import PaddingRow, padded
from fastinit.torch.tensors import TORCH, fill_, is_fillable
from fastinit.torch.unrecorded.checking import check, check_computed
from fastinit.torch.unrecorded.parametrized import forms_of_parametrized


@dataclass(frozen=True)
class Options:
    """How tensors are filled: the arguments of `init_` of the same names."""

    dtype: torch.dtype | None = None
    device: torch.device = CPU
    progress: bool = False
    strict: bool = True
    overwrite: bool = False


class Initialization:
    """A module's tensors, which of them are to stay as they are, and what has been written so far.

    `skip`: globs of tensors that stay; `loaded`: the names of those that have the values of a checkpoint.
    """

    def __init__(
        self,
        found: ModuleTensors,
        seed: int,
        skip: Iterable[str] = (),
        loaded: Collection[str] = (),
        shard_of: ShardOf | None = None,
    ) -> None:
        check_seed(seed)
        for name, tensor in found.tensors.items():
            if is_lazy(tensor):
                raise ValueError(f"{name} has no shape yet: run the lazy module once, with a batch")
        self.found, self.seed = found, seed
        self._loaded = {found.first[name] for name in loaded}
        self.kept = self._loaded | found.matching(skip, "skip")
        given = shards_of(shard_of, {name: found.tensors[first] for name, first in found.first.items()})
        self._shards = known_shards(found, {found.first[name]: shard for name, shard in given.items()}, self.kept)
        parts = {name: shard.part for name, shard in self._shards.items()}
        self.log = WriteLog(found, InitReport(tied=found.tied, prefix=found.prefix, parts=parts))

    def run(self, recipe: Recipe | None, options: Options) -> InitReport:
        """Fill the tensors by a recipe, or else by the modules. What cannot be is an error before anything is written."""
        bar = progress_bar() if options.progress else None
        filling = self._by_modules(options) if recipe is None else self._by_recipe(recipe, options)
        padding = [row for row in padded(self.found) if row.name not in self.kept]
        self.show_wholes()
        with torch.no_grad(), bar or nullcontext():
            if bar:
                todo = [tensor for name, tensor in self.found.tensors.items() if name not in self.kept]
                self.log.advance = partial(bar.advance, bar.add_task("", total=sum(map(nbytes, todo))))
            try:
                filling.fill()
                self._zero_padding(padding, filling)
            except Exception:
                self.log.break_off(self.kept)
                raise
        return self.log.finish(self.kept)

    def _by_recipe(self, recipe: Recipe, options: Options) -> _ByRecipe:
        skip = [*map(escape, self.kept - self._loaded)]
        plan = recipe.plan(self._specs(), skip=skip, loaded=self._loaded, layout=TORCH)
        self.kept |= {planned.name for planned in plan if planned.action == "skip"}
        buffers = self.found.non_persistent - self.kept
        computed = buffers & self.log.from_meta
        self.kept |= buffers - computed
        if computed:
            check_computed(self.found, computed, self.seed, strict=options.strict)
        self._give_memory(options, None)
        return _ByRecipe(self, plan, computed)

    def _by_modules(self, options: Options) -> _ByModules:
        records = RecordedTensors(self.found)
        if not self.found.tensors.keys() <= records.forms.keys() | records.given:
            records.forms |= forms_of_parametrized(self.found, records.forms)
        records.check(self.seed, self.kept, {name: shard.part.shape for name, shard in self._shards.items()})
        certain = self.kept | records.forms.keys() | records.given | self._shards.keys()
        in_doubt = not self.found.tensors.keys() <= certain
        if in_doubt or any(name not in records.plain for name, _ in self.found.left_on_meta()):
            check(self.found, certain, self.seed, records.plain, options.strict, options.overwrite)
        self._give_memory(options, records)
        return _ByModules(self, records)

    def _give_memory(self, options: Options, records: RecordedTensors | None) -> None:
        """Convert the module, and give memory to what is on the meta device."""
        if options.dtype is not None:
            convert(self.found.module, options.dtype)
            self.found.read()
        memory = {} if records is None else records.shared_memory(options.device)
        tensors = self.found.tensors
        if options.device.type == "cpu":
            alone = self.log.from_meta - memory.keys()
            memory |= in_one_mapping({name: tensor for name, tensor in tensors.items() if name in alone})
        offloaded = {*kept_on_cpu(part for _, part in self.found.parts)}
        here = [name for name in self.log.from_meta if id(tensors[name]) in offloaded]
        memory |= {name: torch.empty_like(tensors[name], device=CPU) for name in here}
        for name in filter(self.log.from_meta.__contains__, [*tensors]):
            tensors[name] = materialized(self.found.module, tensors[name], options.device, memory.get(name))

    def _specs(self) -> Iterator[TensorSpec]:
        """Without non-persistent buffers, which are no values to be drawn: masks, positions, frequencies."""
        layouts, computed = layouts_by_name(self.found.parts), self.found.non_persistent
        for spec in tensor_specs({name: tensor for name, tensor in self.found.tensors.items() if name not in computed}):
            shape = self._shards[spec.name].part.shape if spec.name in self._shards else spec.shape
            yield replace(spec, shape=shape, layout=layouts.get(spec.name))

    def show_wholes(self) -> None:
        """Let tensors that are parts of larger ones stand for these from now on."""
        for name, shard in self._shards.items():
            self.found.tensors[name] = PartTensor.of(self.found.tensors[name], name, *shard)

    def _zero_padding(self, padding: list[PaddingRow], filling: _ByRecipe | _ByModules) -> None:
        """Make padding rows 0: under a recipe every one, else those that their own module made 0 and another drew again."""
        every, log = isinstance(filling, _ByRecipe), self.log
        rows = [(name, row) for name, row, is_shared in padding if every or is_shared or log.was_zeroed(name, row)]
        lost = [(name, row) for name, row in rows if name not in filling.recorded and not log.is_zero(name, row)]
        if lost:
            with drawn_by_name(self.found, self.seed, self.kept.__contains__, log.note):
                for name, row in lost:
                    self.found.tensors[name][row].fill_(0.0)


class _ByRecipe:
    """Fills tensors by a plan, and by the modules' methods the buffers `computed`, which no recipe gives."""

    recorded: frozenset[str] = frozenset()

    def __init__(self, run: Initialization, plan: Plan, computed: set[str]) -> None:
        self._run, self._plan, self._computed = run, plan, computed

    def fill(self) -> None:
        run, tensors, plan = self._run, self._run.found.tensors, self._plan
        for planned in plan:
            if planned.action in ("keep", "skip"):
                continue
            name, tensor = planned.name, tensors[planned.name]
            source = plan[planned.stream_name]  # the tensor that a tied one is tied to; else the tensor itself
            write = Write.of(source.distribution) if source.distribution is not None else Write.copy(source.name)
            if source.distribution is None:  # it was loaded
                tensor.copy_(tensors[source.name])
            elif source.value is not None:
                tensor.fill_(source.value)
            elif is_fillable(tensor):
                fill_(tensor, source.distribution, stream_of(run.seed, source.name), is_fresh=name in run.log.from_meta)
            else:
                raise ValueError(f"{name}, a {type(tensor).__name__} on {tensor.device}, cannot be filled in place")
            run.log.note(name, write)
        if self._computed:
            run_methods(run.found, run.seed, run.kept | (tensors.keys() - self._computed), run.log.note)


class _ByModules:
    """Fills tensors as construction was recorded, and by the modules' methods those of which there is no record."""

    def __init__(self, run: Initialization, records: RecordedTensors) -> None:
        self._run, self._records, self._aliases = run, records, records.aliases()
        self._empty = {name: form for name, form in records.forms.items() if form.is_empty}  # as skip_init leaves them
        self.recorded = (records.forms.keys() - self._empty.keys()) | records.given

    def fill(self) -> None:
        run = self._run
        self._fill_recorded()
        if run.found.tensors.keys() - self.recorded - run.kept:
            run_methods(run.found, run.seed, run.kept | self.recorded, run.log.note)
            self._warn_of_methods()

    def _fill_recorded(self) -> None:
        run, records, tensors = self._run, self._records, self._run.found.tensors
        named = named_as_in_whole({**records.forms, **{name: form for name, (_, form) in records.plain.items()}})
        plain = set_plain(records, tensors, named)
        named = {name: named[name] for name in records.forms if name not in run.kept and name not in self._empty}
        for name, whole in self._aliases.items():
            if name in named and whole in named:
                del named[name]
                run.log.note(name, Write(f"shares the memory of {whole}", other=whole, is_computed=True))
        targets = {name: Target(tensors[name], one) for name, one in named.items()}
        fill_recorded(targets, run.seed, run.log.note_all, silent=plain, fresh=run.log.from_meta)
        for name in tensors:
            if name in records.given and name not in run.kept:
                run.log.note(name, _given(tensors[name]))

    def _warn_of_methods(self) -> None:
        """Name what construction left without values, and the modules' own methods have filled."""
        left = [name for name in self._empty if name in self._run.log.report.filled]
        if left:
            warnings.warn(
                f"construction left {', '.join(left)} without values, as skip_init and contexts that leave initialization "
                "out do: they get what the modules' own methods draw; construct without those for what construction draws",
                stacklevel=5,
            )


@contextmanager
def drawing_by_name(
    found: ModuleTensors, seed: int, shard_of: ShardOf | None = None, warns: bool = True
) -> Iterator[InitReport]:
    """See `fastinit.torch.by_name`; `warns`: of parameters that nothing has filled at the end."""
    for name, tensor in found.tensors.items():
        if tensor.is_meta:
            raise ValueError(f"{name} is on the meta device: call module.to_empty(device=...) first")
    run = Initialization(found, seed, shard_of=shard_of)
    run.show_wholes()
    with drawn_by_name(found, seed, run.kept.__contains__, run.log.note):
        yield run.log.report
    run.log.finish(run.kept, warns)


def _given(tensor: Tensor) -> Write:
    """What a report says of a tensor that construction made of values, as a counter or a limit."""
    if type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided and tensor.numel() == 1:
        value = tensor.item()
        if not isinstance(value, complex) and not math.isnan(value):
            return Write.of(Constant(float(value)))
    return Write("given by construction", is_computed=True)
