"""The names of a module's tensors and modules, without what wrappers add to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from torch import Tensor, nn

WRAPPED = {"_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"}  # by compile, checkpointing, FSDP
PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)  # call what they wrap `module`


def joined(parent: nn.Module, name: str, child: str) -> str:
    """The name of a module within one of this name."""
    if child in WRAPPED or (child == "module" and isinstance(parent, PARALLEL)):
        return name
    return f"{name}.{child}" if name else child


def modules_by_name(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """All modules, each once; what is wrapped has its wrapper's name."""
    names = _names_of_modules(module)
    for name, part in module.named_modules():
        yield names[name], part


def tensors_by_name(module: nn.Module, remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
    """Parameters and then buffers, in torch's order."""
    modules = _names_of_modules(module)
    for name, tensor in _tensors(module, remove_duplicate):
        yield _in(modules, name), tensor


def names_by_torchs(module: nn.Module) -> dict[str, str]:
    """The name of each tensor, by that and by the one that torch gives it."""
    modules = _names_of_modules(module)
    found = {name: _in(modules, name) for name, _ in _tensors(module, remove_duplicate=False)}
    return found | {name: name for name in found.values()}


def matching(module: nn.Module, option: str, patterns: Iterable[str]) -> set[str]:
    """The tensors whose names match one of the patterns. ValueError for a pattern that matches none."""
    if isinstance(patterns, str):
        raise TypeError(f"{option} must be a collection of patterns, got the string {patterns!r}")
    names = [name for name, _ in tensors_by_name(module, remove_duplicate=False)]
    found: set[str] = set()
    for pattern in patterns:
        those = {name for name in names if fnmatchcase(name, pattern)}
        if not those:
            raise ValueError(f"{option} has {pattern!r}, which matches no tensor of the module")
        found |= those
    return found


def _tensors(module: nn.Module, remove_duplicate: bool) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(remove_duplicate=remove_duplicate)
    yield from module.named_buffers(remove_duplicate=remove_duplicate)


def _names_of_modules(module: nn.Module) -> dict[str, str]:
    """By the names that torch gives them."""
    modules = dict(module.named_modules(remove_duplicate=False))
    names = {"": ""}
    for name in modules:
        parent, _, child = name.rpartition(".")
        if name:
            names[name] = joined(modules[parent], names[parent], child)
    return names


def _in(modules: dict[str, str], name: str) -> str:
    """A tensor's name, the names of modules being these."""
    parent, _, own = name.rpartition(".")
    parent = modules.get(parent, parent)
    return f"{parent}.{own}" if parent else own
