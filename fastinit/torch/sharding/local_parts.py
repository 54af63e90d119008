"""Finds the tensors of a module that are not the model's but this rank's, and the parts that they are where they say it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fastinit.torch.sharding import megatron
from fastinit.torch.sharding.parts import TORCHS_OWN, is_dtensor
from fastinit.torch.sharding.shard_of import Shard
from fastinit.torch.structure.module_tensors import ModuleTensors

SHARD_OF = "say which parts they are by shard_of={name: (global_shape, index)}"
FSDP1 = (
    "parts of FSDP1's flat parameters: initialize within FullyShardedDataParallel.summon_full_params(model), or before "
    "wrapping, or shard by fully_shard"
)
ZERO3 = (
    "partitioned by DeepSpeed's ZeRO-3 and not here: initialize within "
    "deepspeed.zero.GatheredParameters([*model.parameters()], modifier_rank=0)"
)
MEGATRON = f"parts of tensors that Megatron divides among ranks, whose rank and size are not known: {SHARD_OF}"
EXPERTS = (
    "of experts that each rank numbers from 0: initialize each expert by itself, with its number in the whole model in "
    f'prefix="...experts.5.", or {SHARD_OF}'
)
LAYERS = (
    "of layers that each stage of a pipeline numbers from 0: initialize each layer by itself, with its number in the whole "
    'model in prefix="decoder.layers.7."'
)


def known_shards(found: ModuleTensors, given: Mapping[str, Shard], kept: Collection[str]) -> dict[str, Shard]:
    """The shards of the tensors, by name: those given, and those that Megatron's attributes tell.

    ValueError that names all other tensors whose values would be the same on ranks that hold different parts of the model.
    `kept`: the names of tensors that nothing is written to.
    """
    shards, refused = dict(given), dict[str, list[str]]()
    own = {name: tensor for name, tensor in found.tensors.items() if name not in shards and not is_dtensor(tensor)}
    parts = [part for _, part in found.parts]
    misnumbered, divided = {*_of_misnumbered_layers(parts)}, {*_divided_by_fsdp1(parts)}
    telling = misnumbered | divided | {id(tensor) for tensor in own.values() if not _says_nothing(tensor)}
    if not telling:  # the usual case
        return shards
    parallel = {
        id(t): part
        for part in parts
        for t in part._parameters.values()
        if t is not None and id(t) in telling and megatron.is_tensor_parallel(t)
    }
    is_one_expert = found.prefix.rstrip(".").rpartition(".")[2].isdigit() and all(map(_is_experts, found.tensors.values()))
    for name, tensor in own.items():
        if id(tensor) not in telling:
            continue
        reason = None
        if getattr(tensor, "_is_flat_param", False) or id(tensor) in divided:
            reason = FSDP1
        elif hasattr(tensor, "ds_id") and not _is_gathered(tensor):
            reason = ZERO3
        elif _is_experts(tensor) and not is_one_expert:
            reason = EXPERTS
        elif id(tensor) in misnumbered:
            reason = LAYERS
        elif id(tensor) in parallel:
            shard = megatron.shard(tensor, parallel[id(tensor)])
            if shard is not None:
                shards[name] = shard
            reason = MEGATRON if shard is None else None
        if reason and name not in kept:
            refused.setdefault(reason, []).append(name)
    if refused:
        raise ValueError("\n".join(f"{', '.join(names)} are {reason}" for reason, names in refused.items()))
    return shards


def _says_nothing(tensor: Tensor) -> bool:
    """Whether it has no attributes by which others say what it is, as most tensors."""
    return type(tensor) in TORCHS_OWN and not vars(tensor)


def _divided_by_fsdp1(parts: Iterable[nn.Module]) -> Iterator[int]:
    """The ids of parameters that FSDP1 shows under their own names (use_orig_params) and has divided."""
    fsdp = sys.modules.get("torch.distributed.fsdp.fully_sharded_data_parallel")
    for part in parts:
        if fsdp is None or not isinstance(part, fsdp.FullyShardedDataParallel):
            continue
        flat: Any = getattr(getattr(part, "_handle", None), "flat_param", None)
        for info, shape in zip(getattr(flat, "_param_infos", ()), getattr(flat, "_shapes", ())):
            parameter = info.module._parameters.get(info.param_name)
            if parameter is not None and parameter.shape != shape:
                yield id(parameter)


def _is_gathered(tensor: Any) -> bool:
    """Whether all of a parameter of ZeRO-3 is here."""
    status, shape = getattr(tensor, "ds_status", None), getattr(tensor, "ds_shape", tensor.shape)
    return getattr(status, "name", status) == "AVAILABLE" and torch.Size(shape) == tensor.shape


def _is_experts(tensor: Any) -> bool:
    """Whether Megatron or DeepSpeed (`allreduce`), MegaBlocks or Tutel say that it is an expert's of this rank alone."""
    if getattr(tensor, "allreduce", True) is False:
        return getattr(tensor, "group_name", None) != "ep_size_1"  # DeepSpeed's, where each rank has all experts
    return bool(getattr(tensor, "expert_model_parallel", False) or getattr(tensor, "skip_allreduce", False))


def _of_misnumbered_layers(parts: Iterable[nn.Module]) -> Iterator[int]:
    """The ids of parameters in lists of Megatron's layers whose `layer_number`, from 1, is not that of their names."""
    for part in parts:
        for name, layer in part.named_children() if isinstance(part, nn.ModuleList) else ():
            number = getattr(layer, "layer_number", None)
            if isinstance(number, int) and name.isdigit() and number > int(name) + 1:
                yield from map(id, layer.parameters())
