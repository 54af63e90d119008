"""Initializes the tensors of a module by their names."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import _disable_current_modes

from fastinit import recipes
from fastinit.core.stream import stream_of
from fastinit.distributions import Constant, Distribution
from fastinit.recipes.tensors import tensor_specs
from fastinit.torch import replacements as intercept
from fastinit.torch import streams
from fastinit.torch.meta import materialized
from fastinit.torch.names import joined, matching, modules_by_name, names_by_torchs, tensors_by_name
from fastinit.torch.report import InitReport, Write
from fastinit.torch.tensors import fill_, is_fillable, local
from fastinit.torch.watch import NamesOf, Watch


def init_(
    module: nn.Module,
    recipe: str | recipes.Recipe = "auto",
    seed: int = 0,
    *,
    dtype: torch.dtype | None = None,
    skip: Iterable[str] = (),
    freeze: Iterable[str] = (),
    progress: bool = False,
) -> InitReport:
    """Initialize every parameter and buffer of a module by its fully qualified name.

    A tensor's values depend on `seed`, its name and the position in the whole (global) tensor only: adding a layer changes
    no other, and a shard (DTensor) gets its part of the same global weights, without communication.

    - `recipe`: "auto", what the modules' own `reset_parameters` and, for Hugging Face models, the family's `_init_weights`
      would draw; or a `fastinit.Recipe` over the names, which gives what its `materialize` gives for the same names and
      shapes: rules that count fans say `layout="oi"`, or have initializers in the convention "torch".
    - `dtype`: convert what holds floats to it first, as `module.to(dtype)` does; non-persistent buffers of Hugging Face's
      models, as rotary frequencies, stay as they are.
    - `skip`, `freeze`: names or glob patterns of tensors that stay as they are, or NaN where they have no values yet.
    - `progress`: a bar on standard error (extra `cli`).

    Tensors on the meta device are made on the CPU, in place: the parameter objects, what is tied, and `requires_grad` stay.
    Names are those of the bare module, without what compiling, DistributedDataParallel and activation checkpointing put in.
    For a model that draws its weights in a method of its own, as `init_weights`, instead of `reset_parameters`: `by_name`.

    Tied parameters are filled once, as and under their first name. What nothing fills keeps its values; where it has none,
    as it was on the meta device, it becomes NaN (0 where it is no float), and a UserWarning names it.

    What a parametrization computes (weight_norm) is not drawn, and neither are the tensors that it is computed from, as with
    `reset_parameters`: initialize first, parametrize then.

    Filled again, a tensor gets the same values: a module whose own `reset_parameters` draws until they fit ends in a
    RuntimeError.
    """
    kept = matching(module, "skip", skip) | matching(module, "freeze", freeze)
    return Initialization(module, seed, kept).run(recipe, dtype, progress)


def init_missing_(
    module: nn.Module,
    loaded_keys: Iterable[str],
    recipe: str | recipes.Recipe = "auto",
    seed: int = 0,
    *,
    dtype: torch.dtype | None = None,
    skip: Iterable[str] = (),
    freeze: Iterable[str] = (),
    progress: bool = False,
) -> InitReport:
    """Initialize what a checkpoint lacks: all but `loaded_keys`, whose values are kept. The options are those of `init_`.

    ValueError for a key that the module does not have, or whose tensor is still on the meta device.
    """
    kept = matching(module, "skip", skip) | matching(module, "freeze", freeze)
    names, tensors = names_by_torchs(module), dict(tensors_by_name(module, remove_duplicate=False))
    for key in loaded_keys:
        if key not in names:
            raise ValueError(f"loaded_keys has {key!r}, which the module has not")
        if tensors[names[key]].is_meta:
            raise ValueError(f"loaded_keys has {key!r}, which is on the meta device: load it with assign=True")
        kept.add(names[key])
    return Initialization(module, seed, kept).run(recipe, dtype, progress)


class Initialization:
    """One run of `init_`: the module's tensors by name and by memory, and what became of each."""

    def __init__(self, module: nn.Module, seed: int, kept: set[str]) -> None:
        stream_of(seed)  # for its errors
        self.module, self.seed = module, seed
        self.tensors = dict(tensors_by_name(module))
        for name, tensor in self.tensors.items():
            if is_lazy(tensor):
                raise ValueError(f"{name} has no shape yet: run the lazy module once, with a batch")
        first_name = {id(tensor): name for name, tensor in self.tensors.items()}
        every = dict(tensors_by_name(module, remove_duplicate=False))
        self.report = InitReport(
            tied={name: first_name[id(t)] for name, t in every.items() if first_name[id(t)] != name},
        )
        self.kept = {first_name[id(every[name])] for name in kept}
        self._held: set[str] = set()  # for the time being: see `_begin`
        self._seed_torch = torch.default_generator.manual_seed  # of the CPU alone, which is faster than of all devices
        self._in_parts: list[str] = []  # from the meta device and written in parts, which may not be all
        self.was_meta = {name for name, tensor in self.tensors.items() if tensor.is_meta}
        self._advance: Callable[[int], object] = lambda nbytes: None

    def run(self, recipe: str | recipes.Recipe, dtype: torch.dtype | None, progress: bool = False) -> InitReport:
        if recipe != "auto" and not isinstance(recipe, recipes.Recipe):
            raise TypeError(f"recipe must be 'auto' or a fastinit.Recipe, got {recipe!r}")
        bar = _bar() if progress else None
        distributions = {} if recipe == "auto" else self._distributions(recipe)
        if dtype is not None:
            _convert(self.module, dtype)
            self.tensors = dict(tensors_by_name(self.module))
        self._materialize()
        with torch.no_grad(), bar or nullcontext():
            if bar:
                self._advance = partial(bar.advance, bar.add_task("", total=self._nbytes()))
            if recipe == "auto":
                self._by_the_modules()
            else:
                self._by_distributions(distributions)
        self.finish()
        return self.report

    def _materialize(self) -> None:
        for name, tensor in self.tensors.items():
            if tensor.is_meta:
                self.tensors[name] = materialized(self.module, tensor)

    def _nbytes(self) -> int:
        return sum(_nbytes_of(tensor) for name, tensor in self.tensors.items() if name not in self.kept)

    def _distributions(self, recipe: recipes.Recipe) -> dict[str, tuple[Distribution, str]]:
        """By name, the distribution of each tensor that gets one, and the name of its stream: its own, or what it is tied to."""
        specs = tensor_specs(self.tensors)
        distributions, tied = recipe.distributions(specs), recipe.tied_in(specs)
        self.kept |= {name for name in self.tensors if recipe.is_frozen(name)}
        found = {}
        for spec in specs:
            source = tied.get(spec.name, spec.name)
            if spec.name not in self.kept and distributions[source] is not None:
                recipes.check_dtype(spec, distributions[source])
                found[spec.name] = distributions[source], source
        return found

    def _by_distributions(self, distributions: dict[str, tuple[Distribution, str]]) -> None:
        for name, (distribution, source) in distributions.items():
            tensor = self.tensors[name]
            if is_fillable(tensor):
                fill_(tensor, distribution, stream_of(self.seed, source))
            elif isinstance(distribution, Constant):  # whole numbers, as a counter of batches
                tensor.fill_(distribution.value)
            else:
                raise ValueError(f"{name}, a {type(tensor).__name__} on {tensor.device}, cannot be filled in place")
            self._note(name, Write(str(distribution), distribution), len(tensor) if tensor.ndim else 1)

    def _by_the_modules(self) -> None:
        devices = sorted({tensor.device.index for tensor in self.tensors.values() if tensor.device.type == "cuda"})
        if devices:
            self._seed_torch = torch.manual_seed
        with self.in_force(), torch.random.fork_rng(devices=devices):
            self._reset(self.module, "")

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Within the block whatever torch's functions draw into the module's tensors is drawn by name."""
        names = NamesOf(self.tensors, self._is_kept, self.seed, self._note)
        with intercept.in_place(), streams.named(names), Watch(names), _looking_contiguous(self.module):
            yield

    def _reset(self, module: nn.Module, name: str) -> None:
        """In the order of construction: children first, so that a parent has the last word."""
        if _is_hugging_face(module):
            self._reset_hugging_face(module, name)
            return
        names = {child: joined(module, name, child_name) for child_name, child in module.named_children()}
        for child, child_name in names.items():
            self._reset(child, child_name)
        if name in names.values():  # a wrapper, which passes on what it is asked for
            return
        reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
        if callable(reset):
            self._begin(name)
            reset()

    def _begin(self, name: str) -> None:
        """Now comes the module of this name.

        Tensors that it has in common with a module before it were filled there, and are held. What it draws into tensors of
        no name, to copy it or to compute with it, is to depend on nothing else either.
        """
        own = f"{name}." if name else ""
        tied = self.report.tied.items()
        self._held = {first for alias, first in tied if alias.startswith(own) and not first.startswith(own)}
        self._seed_torch(stream_of(self.seed, name).k0)

    def _is_kept(self, name: str | None) -> bool:
        return name in self.kept or name in self._held

    def _reset_hugging_face(self, model: nn.Module, name: str) -> None:
        """Run the families' `_init_weights` on every module, also on what bears the mark of having been initialized."""
        names = {part: f"{name}.{own}" if name and own else name or own for own, part in modules_by_name(model)}
        marked = [*names, *(t for tensor_name, t in self.tensors.items() if tensor_name not in self.kept)]
        for bearer in marked:
            vars(bearer).pop("_is_hf_initialized", None)
        with ExitStack() as undo:
            if hasattr(type(model), "is_custom_code"):  # which FSDP2's classes are taken for, as they are torch's
                own = next(kind for kind in type(model).__mro__ if not kind.__module__.startswith("torch."))
                model.is_custom_code = own.is_custom_code
                undo.callback(delattr, model, "is_custom_code")
            for part in names:
                if hasattr(type(part), "_init_weights"):
                    _before(part, "_init_weights", lambda module: self._begin(names[module]))
                    undo.callback(delattr, part, "_init_weights")
            model.initialize_weights()

    def _note(self, name: str, write: Write, n: int, part: tuple[int, int] | None = None) -> None:
        if name not in self.report.filled:
            self._advance(_nbytes_of(self.tensors[name]))
            if part is not None and name in self.was_meta:
                self._in_parts.append(name)
                self._write_off(name)
        self.report.note(name, write, n, part)

    def _write_off(self, name: str) -> None:
        with torch.no_grad(), _disable_current_modes():
            self.tensors[name].fill_(float("nan") if self.tensors[name].is_floating_point() else 0)

    def finish(self) -> None:
        self.report.kept = sorted(self.kept)
        self.report.untouched = [n for n in self.tensors if n not in self.report.filled and n not in self.kept]
        empty = {name: "no elements" for name in self.report.untouched if self.tensors[name].numel() == 0}
        self.report.untouched = [name for name in self.report.untouched if name not in empty]
        filled = empty | self.report.filled
        self.report.filled = {name: filled[name] for name in self.tensors if name in filled}
        lost = [name for name in self.tensors if name in self.was_meta and name not in self.report.filled]
        for name in lost:
            self._write_off(name)
        lost += [f"a part of {name}" for name in self._in_parts if local(self.tensors[name]).isnan().any()]
        if lost:
            warnings.warn(
                f"nothing initializes {', '.join(lost)}, which came from the meta device without values: now NaN, or 0 "
                "where they are whole numbers; give them a rule in a Recipe",
                stacklevel=4,
            )


@contextmanager
def _looking_contiguous(module: nn.Module) -> Iterator[None]:
    """Convolutions draw what is not, as channels-last weights, by way of a tensor of no name; our fills do not need that."""
    weights = [part._parameters.get("weight") for part in module.modules() if isinstance(part, _ConvNd)]
    others = [weight for weight in weights if weight is not None and not weight.is_contiguous()]
    for weight in others:
        weight.is_contiguous = lambda **_: True
    try:
        yield
    finally:
        for weight in others:
            vars(weight).pop("is_contiguous", None)


def _nbytes_of(tensor: Tensor) -> int:
    """As if it were dense: `tensor.nbytes` is not there for sparse tensors."""
    return tensor.numel() * tensor.element_size()


def _is_hugging_face(module: nn.Module) -> bool:
    return hasattr(type(module), "initialize_weights") and hasattr(type(module), "_init_weights")


def _convert(module: nn.Module, dtype: torch.dtype) -> None:
    """As `module.to` does, but for what Hugging Face's models compute again, and in float32: frequencies of positions."""
    models = [part for part in module.modules() if _is_hugging_face(part)]
    parts = {part for model in models for part in model.modules()}
    before = [(part, name, part._buffers[name]) for part in parts for name in part._non_persistent_buffers_set]
    module.to(dtype=dtype)
    for part, name, buffer in before:
        part._buffers[name] = buffer


def _before(owner: Any, method: str, first: Callable[[Any], object]) -> None:
    """From now on call `first` before this method of one object, with its argument."""
    then = getattr(owner, method)

    def both(argument: Any) -> Any:
        first(argument)
        return then(argument)

    setattr(owner, method, both)


def _bar() -> Any:
    """For progress on standard error, in bytes."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
    except ImportError:
        raise ImportError("progress=True needs rich: pip install 'fastinit[cli]'") from None
    columns = (TextColumn("initializing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
