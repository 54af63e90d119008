"""What the tape needs to know about each operation of torch's dispatcher: kinds of operations, by tables and schemas."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch._ops import OpOverload

from fastinit.distributions import Distribution, Normal, Uniform

aten = torch.ops.aten

LOOKS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
LOOKS_WITHOUT_TAG = {aten.is_nonzero.default}

NOT_RUN = {
    aten.fill_.Scalar, aten.zero_.default, aten.erfinv_.default, aten.clamp_.default,
}  # fmt: skip
"""Operations that write their first argument, of whatever shape, without a look at another: on the meta device a no-op."""

EMPTY = {f"aten.{name}" for name in (
    "empty.memory_format", "empty_like.default", "empty_strided.default", "new_empty.default", "new_empty_strided.default"
)}  # fmt: skip
"""Operations after which memory holds nothing: no steps."""

ALIASING = {
    aten.set_.source_Tensor, aten.set_.source_Tensor_storage_offset,
    aten.set_.source_Storage, aten.set_.source_Storage_storage_offset,
}  # fmt: skip
"""Operations that make their first argument an alias of another tensor, as parametrizations do: views, no writes."""

STANDARD: dict[OpOverload, Distribution] = {
    aten.randn.default: Normal(0.0, 1.0),
    aten.randn_like.default: Normal(0.0, 1.0),
    aten.rand.default: Uniform(0.0, 1.0),
    aten.rand_like.default: Uniform(0.0, 1.0),
}
"""The distributions of operations that make a tensor and draw it."""


class Kind(NamedTuple):
    """What the tape needs to know about an operation."""

    name: str
    is_view: bool
    takes_device: bool
    draws: bool
    looks: bool
    """Whether Python sees its result, or its shape depends on values: its operands are computed at once."""
    written: tuple[tuple[int, str], ...]
    """The arguments that it writes to: their places and names."""


@cache
def kind_of(op: OpOverload) -> Kind:
    arguments = op._schema.arguments
    written = tuple((i, a.name) for i, a in enumerate(arguments) if a.alias_info is not None and a.alias_info.is_write)
    aliases = any(result.alias_info is not None for result in op._schema.returns)
    return Kind(
        str(op),
        (aliases and not written) or op in ALIASING,
        any(a.name == "device" for a in arguments),
        torch.Tag.nondeterministic_seeded in op.tags,
        bool(LOOKS & {*op.tags}) or op in LOOKS_WITHOUT_TAG,
        written,
    )
