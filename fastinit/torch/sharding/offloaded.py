"""Which parameters of a module FSDP2 keeps on the CPU: those that were sharded with a `CPUOffloadPolicy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import nn


def kept_on_cpu(parts: Iterable[nn.Module]) -> Iterator[int]:
    """The ids of these parameters. Their DTensors' mesh is the GPUs', but FSDP2 wants their shards in the CPU's memory."""
    sharded: Any = [part for part in parts if hasattr(type(part), "_get_fsdp_state")]
    for part in sharded:
        for group in _groups(part._get_fsdp_state()):
            yield from (id(param.sharded_param) for param in group.fsdp_params if param.offload_to_cpu)


def _groups(state: Any) -> Sequence[Any]:
    """Those of its parameters; before torch 2.13 a module had one group, or None."""
    groups: Sequence[Any] | None = getattr(state, "_fsdp_param_groups", None)
    return [*filter(None, [state._fsdp_param_group])] if groups is None else groups
