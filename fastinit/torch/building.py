"""`build`: a model whose tensors are drawn by their names, in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from fastinit.torch.construction.deferral import deferred
from fastinit.torch.construction.recipe import made_by
from fastinit.torch.module import init_

M = TypeVar("M", bound=nn.Module)


def build(
    factory: Callable[..., M],
    /,
    *args: Any,
    seed: int = 0,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
    independent_copies: bool = False,
    **kwargs: Any,
) -> M:
    """`factory(*args, **kwargs)`, every tensor drawn by its name: `deferred()` and `init_` in one line.

    For the report that `audit` takes, call those two. Memory is that of the weights alone, in `dtype` at once where one is
    given, in one mapping as `init_` says; values are those of `init_` with this seed.
    `seed`, `independent_copies`: as for `deferred`. `device`: where the tensors are made. TypeError for a factory that makes
    no module; else the errors of `deferred` and `init_`.

    >>> import torch, fastinit.torch
    >>> model = fastinit.torch.build(torch.nn.Linear, 20, 9, seed=0, dtype="bfloat16")
    >>> model.weight.dtype, model.weight.is_meta
    (torch.bfloat16, False)
    """
    with deferred(seed, independent_copies=independent_copies):
        module = made_by(factory, args, kwargs)
    init_(module, seed=seed, dtype=dtype, device=device)
    return module  # type: ignore[return-value]
