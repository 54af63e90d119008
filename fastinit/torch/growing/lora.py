"""LoRA adapters of peft's models, filled by seed and name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fastinit.core.stream import stream_of
from fastinit.distributions import Distribution, Normal, Uniform
from fastinit.growing.lora import ITERATIONS, METHODS, lora
from fastinit.runtime import checks
from fastinit.torch.layers import check_memory, parameter_name
from fastinit.torch.reports.report import InitReport, Size
from fastinit.torch.seeds import check_seed
from fastinit.torch.structure.names import modules_by_name, tensors_by_name
from fastinit.torch.tensors import fill_


class Adapted(NamedTuple):
    """A layer with an adapter: its name, peft's module, the layer's weight, the factors' names and tensors."""

    name: str
    module: Any
    base: Tensor
    a: tuple[str, Tensor]
    b: tuple[str, Tensor]

    @property
    def is_embedding(self) -> bool:
        return self.a[0].rpartition(".")[0].endswith("lora_embedding_A")


@torch.no_grad()
def lora_(model: nn.Module, method: str | bool = True, *, adapter: str = "default", seed: int = 0) -> InitReport:
    """Fill the factors of a peft model's adapters as peft's `init_lora_weights` of that name does. Gives a report.

    True or "default", "gaussian", "orthogonal", "pissa", "pissa_niter_4" and the like, "olora": see `fastinit.growing.lora`.
    The last three change the layers' own weights, by what the adapter begins with: the model's outputs stay, when they were
    those of the layers alone, as with peft's `init_lora_weights=True` or False. What is random depends on the seed and the
    factors' names, as do the parts of other initializations, whatever layers have adapters.

    `model`: one with `lora_A` and `lora_B`, or their counterparts of embeddings, as `peft.get_peft_model` makes it.
    Convolutions and embeddings, whose A is 0 and B normal, take "default" and "gaussian" only.

    ValueError, before anything is written, for a model without such an adapter, methods that need data ("eva", "corda",
    "lora_ga") or quantization ("loftq"), and layers that are quantized, sharded or on the meta device.

    >>> import torch, fastinit.torch
    >>> from torch import nn
    >>> class Adapted(nn.Module):  # with the attributes of peft's layers
    ...     def __init__(self, layer, rank):
    ...         super().__init__()
    ...         self.base_layer, self.scaling, self.fan_in_fan_out = layer, {"default": 2.0}, False
    ...         self.lora_A = nn.ModuleDict({"default": nn.Linear(layer.in_features, rank, bias=False)})
    ...         self.lora_B = nn.ModuleDict({"default": nn.Linear(rank, layer.out_features, bias=False)})
    ...     def forward(self, x):
    ...         return self.base_layer(x) + 2.0 * self.lora_B["default"](self.lora_A["default"](x))
    >>> layer, x = nn.Linear(8, 6), torch.ones(1, 8)
    >>> before, model = layer(x), Adapted(layer, 2)
    >>> report = fastinit.torch.lora_(model, "pissa")
    >>> torch.allclose(model(x), before, atol=1e-6), report.filled["lora_A.default.weight"]
    (True, 'pissa of rank 2')
    """
    check_seed(seed)
    name = "default" if method is True else method
    if not isinstance(name, str) or not ITERATIONS.fullmatch(name):
        checks.one_of("init_lora_weights", name, (True, *METHODS, "pissa_niter_[number of iterations]"))
    found = [*_adapted(model, adapter)]
    if not found:
        raise ValueError(
            f"model must have LoRA adapters of the name {adapter!r}, as peft.get_peft_model makes them: it has none"
        )
    made = [(one, *_factors(one, str(name), adapter, seed)) for one in found]
    filled: dict[str, str] = {}
    for one, a, b, base in made:
        for (of, tensor), values in ((one.a, a), (one.b, b)):
            tensor.copy_(values)
            filled[of] = f"{name} of rank {_rank(one)}"
        if base is not None:
            one.base.copy_(base)
            filled[parameter_name(parameter_name(one.name, "base_layer"), "weight")] = f"less what {name} takes"
    sizes = {of: Size.of(tensor) for of, tensor in tensors_by_name(model)}
    return InitReport(filled, untouched=[of for of in sizes if of not in filled], sizes=sizes)


def _adapted(model: nn.Module, adapter: str) -> Iterator[Adapted]:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {checks.shown(model)}")
    for name, part in modules_by_name(model):
        base = getattr(part, "base_layer", None)
        weight = getattr(base, "weight", None)
        for begin, own in (("lora_", ".weight"), ("lora_embedding_", "")):
            pair = [getattr(part, f"{begin}{factor}", {}) for factor in "AB"]
            if weight is None or not all(adapter in factors for factors in pair):
                continue
            a, b = (factors[adapter] if begin.endswith("embedding_") else factors[adapter].weight for factors in pair)
            names = [parameter_name(name, f"{begin}{factor}.{adapter}{own}") for factor in "AB"]
            yield Adapted(name, part, weight, (names[0], a), (names[1], b))


def _rank(one: Adapted) -> int:
    return int(one.a[1].shape[0])


def _factors(one: Adapted, method: str, adapter: str, seed: int) -> tuple[Tensor, Tensor, Tensor | None]:
    for name, tensor in (one.a, one.b, (f"{one.name}.base_layer.weight", one.base)):
        check_memory(name, tensor)
    if one.is_embedding or one.a[1].ndim != 2:
        if method not in ("default", "gaussian"):
            kind = type(one.module.base_layer).__name__
            raise ValueError(f"{one.name} is an {kind}, whose adapters take 'default' and 'gaussian', got {method!r}")
        return *_drawn(one, method, seed), None
    if method in ("default", "gaussian"):
        return *_drawn(one, method, seed), None
    transposed = bool(getattr(one.module, "fan_in_fan_out", False))  # as in Hugging Face's Conv1D
    weight = one.base.detach().double().cpu().numpy()
    scaling, seed_name = float(one.module.scaling[adapter]), f"{one.name}.{adapter}"
    made = lora(weight.T if transposed else weight, _rank(one), method, scaling=scaling, seed=seed, name=seed_name)
    a, b = (torch.from_numpy(made.a).to(one.a[1].dtype), torch.from_numpy(made.b).to(one.b[1].dtype))
    if method == "orthogonal":
        return a, b, None
    taken = scaling * (b.double() @ a.double())  # by the factors as they are rounded
    return a, b, torch.from_numpy(weight) - (taken.T if transposed else taken)


def _drawn(one: Adapted, method: str, seed: int) -> tuple[Tensor, Tensor]:
    """A random by its name and B of zeros; of embeddings the other way round."""
    a, b = (torch.zeros_like(tensor, requires_grad=False) for _, tensor in (one.a, one.b))
    if one.is_embedding:
        return a, fill_(b, Normal(0.0, 1.0), stream_of(seed, one.b[0]))
    bound = (a[0].numel() or 1) ** -0.5
    distribution: Distribution = Normal(0.0, 1 / _rank(one)) if method == "gaussian" else Uniform(-bound, bound)
    return fill_(a, distribution, stream_of(seed, one.a[0])), b
