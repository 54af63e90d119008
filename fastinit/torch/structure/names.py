"""The names of a module's tensors and modules, without what wrappers add to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from torch import Tensor, nn

WRAPPED = {"_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"}  # by compile, checkpointing, FSDP
PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)  # what they wrap is their `module`


def joined(parent: nn.Module, name: str, child: str) -> str:
    """The name of a module within `parent`, whose name is `name`."""
    if child in WRAPPED or (child == "module" and isinstance(parent, PARALLEL)):
        return name
    return f"{name}.{child}" if name else child


def modules_by_name(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """All modules, each once; a wrapped module has the name of its wrapper."""
    return ((name, part) for _, name, part in _parts(module, remove_duplicate=True))


def parts_by_name(module: nn.Module) -> Iterator[tuple[str, str, nn.Module]]:
    """All modules by all of their names: torch's, and without wrappers."""
    return _parts(module, remove_duplicate=False)


def tensors_by_name(module: nn.Module, remove_duplicate: bool = True, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Parameters and then buffers, in torch's order; `prefix` begins each name."""
    return ((prefix + name, tensor) for _, name, tensor in _tensors(module, remove_duplicate))


def checked_prefix(prefix: str) -> str:
    """TypeError or ValueError for what does not begin names: it is empty, or names with a dot after each."""
    if not isinstance(prefix, str):
        raise TypeError(f"prefix must be a string as 'layers.7.', got {prefix!r}")
    if prefix and not (prefix.endswith(".") and all(prefix[:-1].split("."))):
        raise ValueError(f"prefix must be names with a dot after each, as 'layers.7.', got {prefix!r}")
    return prefix


def matching(names: Iterable[str], globs: Iterable[str], option: str) -> list[str]:
    """The names that match one of the globs. ValueError for a glob that matches none."""
    if isinstance(globs, str):
        raise TypeError(f"{option} must be a collection of patterns, got the string {globs!r}")
    names, found = [*names], set[str]()
    for glob in globs:
        matches = {name for name in names if fnmatchcase(name, glob)}
        if not matches:
            raise ValueError(f"{option} has {glob!r}, which matches nothing in the module")
        found |= matches
    return [name for name in names if name in found]


def _tensors(module: nn.Module, remove_duplicate: bool) -> Iterator[tuple[str, str, Tensor]]:
    """Of each tensor the name that torch gives it, the name without wrappers, and the tensor."""
    seen: set[int] = set()
    parts = [*_parts(module, remove_duplicate)]
    for table in ("_parameters", "_buffers"):
        for torchs, name, part in parts:
            tensors: dict[str, Tensor | None] = getattr(part, table)
            for own, tensor in tensors.items():
                if tensor is None or (remove_duplicate and id(tensor) in seen):
                    continue
                seen.add(id(tensor))
                yield f"{torchs}.{own}" if torchs else own, f"{name}.{own}" if name else own, tensor


def _parts(module: nn.Module, remove_duplicate: bool) -> Iterator[tuple[str, str, nn.Module]]:
    """Of each module, in `named_modules`' order, the name that torch gives it, the name without wrappers, and itself."""
    seen: set[int] = set()
    waiting = [("", "", module)]
    while waiting:
        torchs, name, part = waiting.pop()
        if remove_duplicate and id(part) in seen:
            continue
        seen.add(id(part))
        yield torchs, name, part
        children = [(child, of) for child, of in part._modules.items() if of is not None]
        waiting += [
            (f"{torchs}.{child}" if torchs else child, joined(part, name, child), of) for child, of in children[::-1]
        ]
