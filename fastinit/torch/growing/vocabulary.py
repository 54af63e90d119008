"""More tokens: rows of embeddings and of the layers that give tokens, like those that there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from fastinit.growing.rows import OF_HUGGING_FACE, new_rows
from fastinit.runtime import checks
from fastinit.torch.layers import check_memory
from fastinit.torch.reports.report import InitReport, Size
from fastinit.torch.seeds import check_seed
from fastinit.torch.structure.names import tensors_by_name

KINDS = (nn.Embedding, nn.Linear)


@torch.no_grad()
def grow_vocabulary_(
    module: nn.Module,
    size: int,
    *,
    parts: Iterable[str] | None = None,
    covariance_scale: float = OF_HUGGING_FACE,
    seed: int = 0,
) -> InitReport:
    """Give embeddings and the layers that score tokens `size` rows, the new ones normal like the old. Gives a report.

    New rows are N(m, covariance_scale C), m the mean and C the covariance of the rows that there are, those of padding
    excepted; a bias grows likewise. New row k of a tensor depends on the seed, the tensor's name and k. See
    `fastinit.growing.new_rows`, also for the default of `covariance_scale`, Hugging Face's.

    `parts`: the names of `nn.Embedding`s and `nn.Linear`s that have a row for each token; by default what a Hugging Face
    model says by `get_input_embeddings` and `get_output_embeddings`, else the only embedding. Tied weights grow once and
    stay tied; `vocab_size` of the model and its config follows. New parameters take the place of the old: make the
    optimizer then.

    ValueError, with the module as it was, where parts are not known or of another kind, where they have different numbers
    of rows, and for a `size` that is not above theirs.

    >>> import torch, fastinit.torch
    >>> embedding = torch.nn.Embedding(100, 16)
    >>> print(fastinit.torch.grow_vocabulary_(embedding, 104, seed=0))
    weight  4 rows like the 100 before  (104, 16)
    1 tensor, 1,664 parameters, 6.7 KB, float32
    """
    check_seed(seed)
    chosen = _parts(module, parts)
    before = {part.weight.shape[0] for part in chosen.values()}
    if len(before) != 1:
        rows = ", ".join(f"{name} {part.weight.shape[0]}" for name, part in chosen.items())
        raise ValueError(f"parts must have one number of rows, got {rows}")
    old = before.pop()
    if checks.integer("size", size, least=1) <= old:
        raise ValueError(f"size must be above the {old} rows that there are, got {size}")
    names = {id(tensor): name for name, tensor in tensors_by_name(module)}
    growing: dict[int, tuple[nn.Parameter, int | None]] = {}
    for part in chosen.values():
        for tensor in (part.weight, getattr(part, "bias", None)):
            if tensor is not None:
                check_memory(names[id(tensor)], tensor)
                padding = getattr(part, "padding_idx", None)
                growing[id(tensor)] = (tensor, padding if padding is not None else growing.get(id(tensor), (None, None))[1])
    grown = {
        key: nn.Parameter(_grown(tensor, size, padding, covariance_scale, seed, names[key]), tensor.requires_grad)
        for key, (tensor, padding) in growing.items()
    }
    _put(module, grown)
    for part in chosen.values():
        setattr(part, "num_embeddings" if isinstance(part, nn.Embedding) else "out_features", size)
    holders: tuple[Any, ...] = (_config(module), *module.modules())
    for holder in holders:
        if type(getattr(holder, "vocab_size", None)) is int and holder.vocab_size == old:
            holder.vocab_size = size
    filled = {names[key]: f"{size - old} rows like the {old} before" for key in grown}
    sizes = {name: Size.of(tensor) for name, tensor in tensors_by_name(module)}
    return InitReport(filled, untouched=[name for name in sizes if name not in filled], sizes=sizes)


def _parts(module: nn.Module, names: Iterable[str] | None) -> dict[str, Any]:
    """By name, the modules that have a row for each token."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {checks.shown(module)}")
    known = dict(module.named_modules())
    if names is None:
        found = _known_parts(module)
    elif isinstance(names, str):
        raise TypeError(f"parts must be a collection of names, got the string {names!r}")
    else:
        found = {name: known.get(name) for name in names}
    if not found:
        raise ValueError("parts must be given: the module has not one embedding alone, and no get_input_embeddings")
    for name, part in found.items():
        if not isinstance(part, KINDS) or part._parameters.get("weight") is None:
            got = "nothing of that name" if part is None else type(part).__name__
            raise ValueError(f"parts must name nn.Embedding and nn.Linear with weights of their own, got {got} for {name!r}")
    weights = {id(part._parameters["weight"]) for part in found.values() if part is not None}
    for name, part in module.named_modules():  # tied to these: its bias and its number of rows grow as well
        if isinstance(part, KINDS) and id(part._parameters.get("weight")) in weights:
            found.setdefault(name, part)
    return found


def _known_parts(module: nn.Module) -> dict[str, nn.Module | None]:
    names = {id(part): name for name, part in module.named_modules()}
    asked = [getattr(module, f"get_{end}_embeddings", None) for end in ("input", "output")]
    given = [part for ask in asked if callable(ask) and isinstance(part := ask(), nn.Module)]
    if not given:
        embeddings: list[nn.Module] = [part for part in module.modules() if isinstance(part, nn.Embedding)]
        given = embeddings if len(embeddings) == 1 else []
    return {names[id(part)]: part for part in given}


def _config(module: nn.Module) -> Any:
    """That of a Hugging Face model, of the part with the tokens."""
    config: Any = getattr(module, "config", None)
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _grown(tensor: Tensor, size: int, padding: int | None, scale: float, seed: int, name: str) -> Tensor:
    old = tensor.detach()
    kept = old if padding is None else torch.cat([old[:padding], old[padding + 1 :]])
    wide = kept.double().cpu().numpy()
    more = new_rows(wide, size - len(old), covariance_scale=scale, seed=seed, name=name)
    return torch.cat([old, torch.from_numpy(more).to(old.device, old.dtype)])


def _put(module: nn.Module, grown: dict[int, nn.Parameter]) -> None:
    """In place of each tensor its longer one, wherever it is tied."""
    for part in module.modules():
        for own, tensor in [*part._parameters.items()]:
            if tensor is not None and id(tensor) in grown:
                part._parameters[own] = grown[id(tensor)]
