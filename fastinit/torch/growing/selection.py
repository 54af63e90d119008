"""Weight selection for modules: a small model from a larger one of its family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from fastinit.growing.selection import METHODS, places_of
from fastinit.runtime import checks
from fastinit.torch.reports.report import InitReport, Size
from fastinit.torch.structure.names import matching, tensors_by_name

MOST_NAMED = 3  # complaints in an error


@torch.no_grad()
def select_weights_(
    module: nn.Module, larger: nn.Module | Mapping[str, Tensor], *, method: str = "uniform", skip: Iterable[str] = ()
) -> InitReport:
    """Give each tensor elements of the larger model's tensor of its name, evenly spaced along each axis. Gives a report.

    Layers that only the larger model has are left out: where names count layers from 0, its first ones are taken, as the
    paper does. `larger`: a module or its state_dict. `method`: "uniform" or "consecutive", as in `fastinit.growing.select`.
    `skip`: globs of names that keep their values, as "head.*" where classes differ. Buffers are selected as parameters are;
    integers, as the count of batches, and what has one element are copied.

    ValueError, before anything is written, for names that the larger model lacks, other axes or shorter ones, tensors on
    the meta device, and complex numbers or floats where there are none here; and for a glob that matches nothing.

    Xu, Chen, Wang and Liu 2024, "Initializing Models with Larger Ones", arXiv 2311.18823: layers 3.1, elements 3.2.

    >>> import torch, fastinit.torch
    >>> from torch import nn
    >>> small, large = nn.Linear(2, 3), nn.Linear(4, 6)
    >>> report = fastinit.torch.select_weights_(small, large)
    >>> torch.equal(small.weight, large.weight[::2, ::2]), report.filled["bias"]
    (True, 'selected from (6,)')
    """
    checks.one_of("method", method, METHODS)
    tensors = dict(tensors_by_name(module))
    skipped = set(matching(tensors, skip, "skip"))
    named = tensors_by_name(larger, remove_duplicate=False) if isinstance(larger, nn.Module) else _items(larger)
    given = dict(named)
    wanted = {name: tensor for name, tensor in tensors.items() if name not in skipped}
    complaints = [problem for name, tensor in wanted.items() if (problem := _problem(name, tensor, given.get(name)))]
    if complaints:
        more = f" and {len(complaints) - MOST_NAMED} more" if len(complaints) > MOST_NAMED else ""
        raise ValueError(f"larger does not fit the module: {'; '.join(complaints[:MOST_NAMED])}{more}")
    for name, tensor in wanted.items():
        tensor.copy_(_selected(given[name].detach(), tuple(tensor.shape), method))
    filled = {name: f"selected from {tuple(given[name].shape)}" for name in wanted}
    sizes = {name: Size.of(tensor) for name, tensor in tensors.items()}
    return InitReport(filled, untouched=[name for name in tensors if name in skipped], sizes=sizes)


def _items(larger: object) -> Iterable[tuple[str, Tensor]]:
    if not isinstance(larger, Mapping) or not all(isinstance(tensor, Tensor) for tensor in larger.values()):
        raise TypeError(f"larger must be a module or a state_dict, got {type(larger).__name__}")
    return larger.items()


def _problem(name: str, tensor: Tensor, given: Tensor | None) -> str:
    if given is None:
        return f"it has no {name}"
    if tensor.is_meta or given.is_meta:
        return f"{name} is on the meta device"
    if tensor.ndim != given.ndim or any(n > most for n, most in zip(tensor.shape, given.shape)):
        return f"{name} is {tuple(given.shape)} there and {tuple(tensor.shape)} here"
    if not torch.can_cast(given.dtype, tensor.dtype):
        return f"{name} is {given.dtype} there and {tensor.dtype} here, which cannot hold its values"
    return ""


def _selected(given: Tensor, shape: tuple[int, ...], method: str) -> Tensor:
    for axis, (most, n) in enumerate(zip(given.shape, shape)):
        if most != n:
            given = given.index_select(axis, torch.from_numpy(places_of(most, n, method)).to(given.device))
    return given
