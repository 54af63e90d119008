"""Models as people write them, of the kinds that a library of layers does not show."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import nn


class NanoGPT(nn.Module):
    """As Karpathy's: tied embeddings, `apply(self._init_weights)`, then the residual projections once more."""

    def __init__(self, width: int = 48, layers: int = 2) -> None:
        super().__init__()
        self.wte, self.wpe, self.drop = nn.Embedding(96, width), nn.Embedding(32, width), nn.Dropout(0.1)
        self.h = nn.ModuleList(nn.ModuleDict(self._block(width)) for _ in range(layers))
        self.ln_f, self.lm_head = nn.LayerNorm(width), nn.Linear(width, 96, bias=False)
        self.wte.weight = self.lm_head.weight
        self.register_buffer("mask", torch.tril(torch.ones(32, 32)).view(1, 1, 32, 32))
        self.apply(self._init_weights)
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                torch.nn.init.normal_(parameter, mean=0.0, std=0.02 / math.sqrt(2 * layers))

    @staticmethod
    def _block(width: int) -> dict[str, nn.Module]:
        linear = {"c_attn": nn.Linear(width, 3 * width), "c_proj": nn.Linear(width, width)}
        return linear | {"ln": nn.LayerNorm(width)}

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)


class NarrowThroughTemporaries(nn.Module):
    """bfloat16 weights that are drawn as float32 and copied, as RWKV's are."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.key = nn.Linear(width, 2 * width, bias=False, dtype=torch.bfloat16)
        self.value = nn.Linear(2 * width, width, bias=False, dtype=torch.bfloat16)
        self.mix = nn.Parameter(torch.empty(width, dtype=torch.bfloat16))
        self.decay = nn.Parameter(torch.empty(width, dtype=torch.bfloat16))
        with torch.no_grad():
            self.key.weight.copy_(torch.nn.init.orthogonal_(torch.empty(2 * width, width), gain=2.0))
            self.value.weight.data = torch.empty(width, 2 * width).uniform_(-1e-1, 1e-1).to(torch.bfloat16)
            self.mix.copy_(1 - (torch.arange(width) / width) ** 0.7)
            self.decay.copy_(torch.randn(width) * 0.01 - 6)


class ControlNet(nn.Module):
    """A copy of an encoder and zero convolutions, which the constructor's caller sets."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, width, 3), nn.GroupNorm(4, width), nn.Conv2d(width, width, 3))
        self.control = copy.deepcopy(self.encoder)
        self.zeros = nn.ModuleList(_zero(nn.Conv2d(width, width, 1)) for _ in range(3))


def _zero(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class LoRA(nn.Module):
    def __init__(self, base: nn.Linear, rank: int = 8) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.A = nn.Parameter(torch.empty(rank, base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))


class FusedProjections(nn.Module):
    """q, k and v in one weight, each drawn by its own shape; experts one by one; an LSTM with a forget bias of 1."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.qkv, self.experts = nn.Parameter(torch.empty(3 * width, width)), nn.Parameter(torch.empty(4, width, 2 * width))
        self.lstm, self.relative = nn.LSTM(width, width), nn.Parameter(torch.zeros(1, width, 16))
        with torch.no_grad():
            for part, gain in zip(self.qkv.chunk(3), (1.0, 1.0, 0.2)):
                nn.init.xavier_uniform_(part, gain)
            for expert in self.experts:
                nn.init.kaiming_normal_(expert)
            for name, bias in self.lstm.named_parameters():
                if "bias" in name:
                    bias[width : 2 * width].fill_(1.0)
            self.relative[..., :8].normal_(std=0.02)


class StateSpace(nn.Module):
    """Mamba's parameters: logarithms of numbers, and the inverse of softplus of what is log-uniform."""

    def __init__(self, width: int = 256, states: int = 16) -> None:
        super().__init__()
        self.A_log = nn.Parameter(torch.log(torch.arange(1, states + 1, dtype=torch.float32).repeat(width, 1)))
        self.D, self.dt_proj = nn.Parameter(torch.ones(width)), nn.Linear(8, width)
        dt = torch.exp(torch.rand(width) * (math.log(0.1) - math.log(1e-3)) + math.log(1e-3)).clamp(min=1e-4)
        with torch.no_grad():
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))
        nn.init.uniform_(self.dt_proj.weight, -(8**-0.5), 8**-0.5)


class BareParameters(nn.Module):
    """Parameters without a module of their own: a class token, positions by sines, scales, frequencies."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.token, self.scale = nn.Parameter(torch.randn(1, 1, width) * 0.02), nn.Parameter(1e-4 * torch.ones(width))
        self.fourier, self.temperature = nn.Parameter(torch.randn(width) * 16, False), nn.Parameter(torch.tensor(4.6052))
        self.register_buffer("frequencies", 10000 ** -(torch.arange(0, width, 2) / width), persistent=False)
        angles = torch.arange(20)[:, None] * self.frequencies
        self.positions = nn.Parameter(torch.cat([angles.sin(), angles.cos()], 1), requires_grad=False)
        self.permutation = torch.randperm(width)
        self.mixing = nn.Parameter(torch.eye(width)[self.permutation] + 0.01 * torch.randn(width, width))


class OwnMethod(nn.Module):
    """As timm's and torchtitan's models: a parent that has a method for all, called at the end of its constructor."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.proj, self.head = nn.Linear(width, 2 * width), nn.Linear(2 * width, 10)
        self.init_weights()

    def init_weights(self) -> None:
        nn.init.trunc_normal_(self.proj.weight, std=0.02)
        nn.init.zeros_(self.proj.bias)
        nn.init.constant_(self.head.bias, -math.log(99))


def _half() -> nn.Module:
    return NanoGPT().to(torch.bfloat16)


def _default_dtype() -> nn.Module:
    torch.set_default_dtype(torch.float64)
    try:
        return OwnMethod()
    finally:
        torch.set_default_dtype(torch.float32)


def factories() -> dict[str, Callable[[], nn.Module]]:
    kinds = (NanoGPT, NarrowThroughTemporaries, ControlNet, FusedProjections, StateSpace, BareParameters, OwnMethod)
    found: dict[str, Callable[[], nn.Module]] = {kind.__name__: kind for kind in kinds}
    return found | {"LoRA": lambda: LoRA(nn.Linear(48, 96)), "NanoGPT.bfloat16": _half, "OwnMethod.float64": _default_dtype}
