"""Initializes the tensors of a module by their names."""

from __future__ import annotations

import warnings
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from fastinit import recipes
from fastinit.laws import Constant, Law
from fastinit.recipes.tensors import tensor_specs
from fastinit.stream import Stream, stream_of
from fastinit.torch import intercept, streams
from fastinit.torch.meta import materialized
from fastinit.torch.tensors import fill_, is_dtensor, is_fillable

MOST_FILLS = 1000  # of one tensor in one run; no module does it more than a few times


@dataclass
class InitReport:
    """What `init_` did, by fully qualified name: `filled`, with what; `kept`, as it was asked to; `untouched`, nothing.

    `fastinit.torch.audit(module, report)` measures the values.
    """

    filled: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    tied: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        width = max((len(name) for name in self.filled), default=0)
        lines = [f"{name:<{width}}  {got}" for name, got in self.filled.items()]
        lines += [f"{name:<{width}}  tied to {of}" for name, of in self.tied.items()]
        lines += [f"{name:<{width}}  kept" for name in self.kept]
        lines += [f"{name:<{width}}  NOTHING" for name in self.untouched]
        return "\n".join(lines)


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
      shapes: rules that count fans say `layout="oi"`, or have initializers in the flavour "torch".
    - `dtype`: convert floating-point parameters to it first.
    - `skip`, `freeze`: names or glob patterns of tensors that stay as they are.
    - `progress`: a bar on standard error (extra `cli`).

    Tensors on the meta device are made on the CPU, in place: the parameter objects, what is tied, and `requires_grad` stay.
    Tied parameters are filled once, as and under their first name. What nothing fills keeps its values; where it has none,
    as it was on the meta device, it becomes NaN (0 where it is no float), and a UserWarning names it.

    Filled again, a tensor gets the same values: a module whose own `reset_parameters` draws until they fit ends in a
    RuntimeError.
    """
    kept = _matching(module, "skip", skip) | _matching(module, "freeze", freeze)
    return Initialization(module, seed, kept).run(recipe, dtype, progress)


def init_missing_(
    module: nn.Module, loaded_keys: Collection[str], recipe: str | recipes.Recipe = "auto", seed: int = 0, **options: Any
) -> InitReport:
    """Initialize what a checkpoint lacks: all but `loaded_keys`, whose values are kept. The options are those of `init_`.

    ValueError for a key that the module does not have.
    """
    known = {name for name, _ in _tensors(module, remove_duplicate=False)}
    for key in loaded_keys:
        if key not in known:
            raise ValueError(f"loaded_keys has {key!r}, which the module has not")
    return Initialization(module, seed, set(loaded_keys)).run(recipe, options.pop("dtype", None), **options)


def _tensors(module: nn.Module, remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(remove_duplicate=remove_duplicate)
    yield from module.named_buffers(remove_duplicate=remove_duplicate)


def _matching(module: nn.Module, option: str, patterns: Iterable[str]) -> set[str]:
    if isinstance(patterns, str):
        raise TypeError(f"{option} must be a collection of patterns, got the string {patterns!r}")
    names = [name for name, _ in _tensors(module, remove_duplicate=False)]
    found: set[str] = set()
    for pattern in patterns:
        matching = {name for name in names if fnmatchcase(name, pattern)}
        if not matching:
            raise ValueError(f"{option} has {pattern!r}, which matches no tensor of the module")
        found |= matching
    return found


class Initialization:
    """One run of `init_`: the module's tensors by name and by memory, and what became of each."""

    def __init__(self, module: nn.Module, seed: int, kept: set[str]) -> None:
        stream_of(seed)  # for its errors
        self.module, self.seed = module, seed
        self.tensors = dict(_tensors(module))
        for name, tensor in self.tensors.items():
            if is_lazy(tensor):
                raise ValueError(f"{name} has no shape yet: run the lazy module once, with a batch")
        first_name = {id(tensor): name for name, tensor in self.tensors.items()}
        every = dict(_tensors(module, remove_duplicate=False))
        self.report = InitReport(
            tied={name: first_name[id(t)] for name, t in every.items() if first_name[id(t)] != name},
        )
        self.kept = {first_name[id(every[name])] for name in kept}
        self._held: set[str] = set()  # for the time being: see `_begin`
        self._seed_torch = torch.default_generator.manual_seed  # of the CPU alone, which is faster than of all devices
        self.was_meta = {name for name, tensor in self.tensors.items() if tensor.is_meta}
        self._advance: Callable[[int], None] = lambda nbytes: None

    def run(self, recipe: str | recipes.Recipe, dtype: torch.dtype | None, progress: bool = False) -> InitReport:
        if recipe != "auto" and not isinstance(recipe, recipes.Recipe):
            raise TypeError(f"recipe must be 'auto' or a fastinit.Recipe, got {recipe!r}")
        laws = {} if recipe == "auto" else self._laws(recipe)
        if dtype is not None:
            self.module.to(dtype=dtype)
            self.tensors = dict(_tensors(self.module))
        self._materialize()
        with torch.no_grad(), _progress(progress, self._nbytes()) as advance:
            self._advance = advance
            if recipe == "auto":
                self._by_the_modules()
            else:
                self._by_laws(laws)
        self.finish()
        return self.report

    def _materialize(self) -> None:
        for name, tensor in self.tensors.items():
            if tensor.is_meta:
                self.tensors[name] = materialized(self.module, tensor)

    def _nbytes(self) -> int:
        return sum(tensor.nbytes for name, tensor in self.tensors.items() if name not in self.kept)

    def _laws(self, recipe: recipes.Recipe) -> dict[str, tuple[Law, str]]:
        """By name, the law of each tensor that gets one, and the name of its stream: its own, or what it is tied to."""
        specs = tensor_specs(self.tensors)
        laws, tied = recipe.laws(specs), recipe.tied_in(specs)
        self.kept |= {name for name in self.tensors if recipe.is_frozen(name)}
        found = {}
        for spec in specs:
            source = tied.get(spec.name, spec.name)
            if spec.name not in self.kept and laws[source] is not None:
                recipes.check_dtype(spec, laws[source])
                found[spec.name] = laws[source], source
        return found

    def _by_laws(self, laws: dict[str, tuple[Law, str]]) -> None:
        for name, (law, source) in laws.items():
            tensor = self.tensors[name]
            if is_fillable(tensor):
                fill_(tensor, law, stream_of(self.seed, source))
            elif isinstance(law, Constant):  # whole numbers, as a counter of batches
                tensor.fill_(law.value)
            else:
                raise ValueError(f"{name}, a {type(tensor).__name__} on {tensor.device}, cannot be filled in place")
            self._note(name, str(law))

    def _by_the_modules(self) -> None:
        devices = sorted({tensor.device.index for tensor in self.tensors.values() if tensor.device.type == "cuda"})
        if devices:
            self._seed_torch = torch.manual_seed
        with self.in_force(), torch.random.fork_rng(devices=devices):
            self._reset(self.module, "")

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Within the block whatever torch's functions draw into the module's tensors is drawn by name."""
        names = _NamesOf(self.tensors, self._is_kept, self.seed, self._note)
        with intercept.in_place(), streams.named(names), _Watch(names):
            yield

    def _reset(self, module: nn.Module, name: str) -> None:
        """In the order of construction: children first, so that a parent has the last word."""
        if hasattr(module, "initialize_weights") and hasattr(module, "_init_weights"):
            self._reset_hugging_face(module, name)
            return
        for child_name, child in module.named_children():
            self._reset(child, f"{name}.{child_name}" if name else child_name)
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
        names = {part: f"{name}.{inner}" if name and inner else name or inner for inner, part in model.named_modules()}
        marked = [*names, *(t for tensor_name, t in self.tensors.items() if tensor_name not in self.kept)]
        for bearer in marked:
            vars(bearer).pop("_is_hf_initialized", None)
        with ExitStack() as undo:
            for part in names:
                if hasattr(part, "_init_weights"):
                    _before(part, "_init_weights", lambda module: self._begin(names[module]))
                    undo.callback(delattr, part, "_init_weights")
            model.initialize_weights()

    def _note(self, name: str, got: str, whole: bool = True) -> None:
        before = self.report.filled.get(name)
        if before is None:
            self._advance(self.tensors[name].nbytes)
        self.report.filled[name] = got if whole or before is None else f"{before}, a part {got}"

    def finish(self) -> None:
        self.report.kept = sorted(self.kept)
        self.report.untouched = [n for n in self.tensors if n not in self.report.filled and n not in self.kept]
        self.report.filled = {name: self.report.filled[name] for name in self.tensors if name in self.report.filled}
        lost = [name for name in self.tensors if name in self.was_meta and name not in self.report.filled]
        for name in lost:
            with torch.no_grad():
                self.tensors[name].fill_(float("nan") if self.tensors[name].is_floating_point() else 0)
        if lost:
            warnings.warn(
                f"nothing initializes {', '.join(lost)}, which came from the meta device without values: now NaN, or 0 "
                "where they are whole numbers; give them a rule in a Recipe",
                stacklevel=4,
            )


def _before(owner: Any, method: str, first: Callable[[Any], object]) -> None:
    """From now on call `first` before this method of one object, with its argument."""
    then = getattr(owner, method)

    def both(argument: Any) -> Any:
        first(argument)
        return then(argument)

    setattr(owner, method, both)


class _NamesOf:
    """Knows a module's tensors by the memory they lie in, and so also views of them (fastinit.torch.streams.Names)."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        is_kept: Callable[[str | None], bool],
        seed: int,
        note: Callable[[str, str, bool], None],
    ) -> None:
        self._tensors, self._is_kept, self._seed, self._note = tensors, is_kept, seed, note
        self._fills: Counter[Stream] = Counter()
        self._by_storage: dict[int, list[tuple[int, str]]] = {}
        for name, tensor in tensors.items():
            storage, offset = _memory(tensor)
            self._by_storage.setdefault(storage, []).append((offset, name))

    def name(self, tensor: Tensor) -> str | None:
        """The tensor's name, or that of the one it is a view of."""
        storage, offset = _memory(tensor)
        before = [found for found in self._by_storage.get(storage, ()) if found[0] <= offset]
        return max(before)[1] if before else None

    def adopted(self, name: str, part: Tensor) -> Tensor:
        """The part, known by this name for as long as it lives where it has memory of its own (fastinit.torch.sharded)."""
        storage, offset = _memory(part)
        if storage not in self._by_storage:
            self._by_storage[storage] = [(offset, name)]
            weakref.finalize(part._local_tensor, self._by_storage.pop, storage)
        return part

    def is_kept(self, tensor: Tensor) -> bool:
        return self._is_kept(self.name(tensor))

    def stream(self, tensor: Tensor) -> Stream | None:
        name = self.name(tensor)
        if name is None:
            return None
        whole = self._tensors[name]
        if is_dtensor(whole) and not is_dtensor(tensor):
            raise ValueError(f"{name} is a DTensor, and its local shard was to be filled: fill the DTensor, as a whole")
        part = "" if tensor.shape == whole.shape else f"[{_offset(tensor, whole)}:{tuple(tensor.shape)}]"
        stream = stream_of(self._seed, name + part)
        self._fills[stream] += 1
        if self._fills[stream] > MOST_FILLS:
            raise RuntimeError(
                f"{name + part} was filled {MOST_FILLS} times, with the same values each time: a loop that draws until they "
                "fit does not end; let it draw into another tensor"
            )
        return stream

    def note(self, tensor: Tensor, got: object) -> None:
        name = self.name(tensor)
        if name is not None:
            self._note(name, str(got), tensor.shape == self._tensors[name].shape)


def _memory(tensor: Tensor) -> tuple[int, int]:
    """The storage and the place in it."""
    local = tensor._local_tensor if is_dtensor(tensor) else tensor
    try:
        return local.untyped_storage()._cdata, local.storage_offset()
    except (NotImplementedError, RuntimeError):  # a wrapper without memory
        return 0, 0


def _offset(view: Tensor, whole: Tensor) -> int:
    """The number of the element of `whole` that a view of it begins with."""
    if not is_dtensor(whole):
        return view.storage_offset() - whole.storage_offset()
    from fastinit.torch.sharded import global_offset

    return global_offset(view, whole)


class _Watch(TorchDispatchMode, intercept.Watching):
    """Notes each operation that writes to a named tensor, and holds back those on tensors to be kept.

    A view of a DTensor stays a view: NotImplementedError where DTensor makes a copy of it, gathered from all ranks.
    """

    def __init__(self, names: _NamesOf) -> None:
        super().__init__()
        self._names = names

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        written = list(_written(func, args, kwargs or {})) if func._schema.is_mutable else []
        if any(self._names.is_kept(tensor) for tensor in written):
            if len(written) > 1:
                raise NotImplementedError(f"{func} writes to several tensors at once, of which some are to be kept")
            return written[0]
        for tensor in written:
            numbers = (str(a) for a in args[1:] if isinstance(a, (bool, int, float)))
            self._names.note(tensor, f"{func._opname}({', '.join(numbers)})")
        if args and is_dtensor(args[0]):
            return self._of_dtensor(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))

    def _of_dtensor(self, func, args, kwargs):
        from fastinit.torch.sharded import is_cut, selected

        tensor, axis = args[0], args[1] if len(args) > 1 else 0
        name, slices = self._names.name(tensor), _SLICES.get(func)
        if name is not None and slices and is_cut(tensor, axis):
            parts = selected(tensor, axis, *slices(tensor, *args[1:]))
            parts = [self._names.adopted(name, part) for part in parts]
            return parts[0] if func is torch.ops.aten.select.int else parts
        made = func(*args, **kwargs)
        aliases = any(result.alias_info for result in func._schema.returns)
        for view in made if isinstance(made, (list, tuple)) else [made]:
            if name is not None and aliases and is_dtensor(view) and self._names.name(view) != name:
                raise NotImplementedError(
                    f"{func} of {name}, a DTensor with placements {tensor.placements}, is a copy gathered from all ranks, "
                    f"and what is written to it would be lost: skip {name}, or initialize it by a Recipe"
                )
        return made


def _written(func, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors that an operation writes to, in place or as `out`."""
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            found = args[i] if i < len(args) else kwargs.get(argument.name)
            yield from (t for t in (found if isinstance(found, (list, tuple)) else [found]) if isinstance(t, Tensor))


# Operations that give slices of a tensor along an axis -> which ones.
_SLICES = {
    torch.ops.aten.select.int: lambda tensor, axis, index: [index],
    torch.ops.aten.unbind.int: lambda tensor, axis=0: range(tensor.shape[axis]),
}


@contextmanager
def _progress(wanted: bool, total: int) -> Iterator[Callable[[int], None]]:
    if not wanted:
        yield lambda nbytes: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("initializing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda nbytes: bar.advance(task, nbytes)
