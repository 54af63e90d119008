"""Every module of torch.nn that has tensors, and its parametrizations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm


def factories() -> dict[str, Callable[[], nn.Module]]:
    found: dict[str, Callable[[], nn.Module]] = {
        "Linear": lambda: nn.Linear(48, 96),
        "Linear.bfloat16": lambda: nn.Linear(48, 96, dtype=torch.bfloat16),
        "Bilinear": lambda: nn.Bilinear(24, 36, 48),
        "Embedding": lambda: nn.Embedding(96, 24),
        "Embedding.padding_idx": lambda: nn.Embedding(96, 24, padding_idx=5),
        "Embedding.from_pretrained": lambda: nn.Embedding.from_pretrained(torch.arange(96.0).reshape(8, 12)),
        "EmbeddingBag": lambda: nn.EmbeddingBag(96, 24),
        "EmbeddingBag.padding_idx": lambda: nn.EmbeddingBag(96, 24, padding_idx=0),
        "MultiheadAttention": lambda: nn.MultiheadAttention(48, 4),
        "MultiheadAttention.kdim": lambda: nn.MultiheadAttention(48, 4, kdim=24, vdim=36, add_bias_kv=True),
        "Transformer": lambda: nn.Transformer(48, 4, 2, 2, 96),
        "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(48, 4, 96),
        "TransformerDecoderLayer": lambda: nn.TransformerDecoderLayer(48, 4, 96),
        "TransformerEncoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(48, 4, 96), 3),
        "TransformerDecoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(48, 4, 96), 3),
        "PReLU": lambda: nn.PReLU(48),
        "LayerNorm": lambda: nn.LayerNorm(48),
        "RMSNorm": lambda: nn.RMSNorm(48),
        "GroupNorm": lambda: nn.GroupNorm(4, 48),
        "CrossEntropyLoss": lambda: nn.CrossEntropyLoss(torch.linspace(0, 1, 48)),
        "AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(64, 500, [50, 200]),
        "LSTM.proj_size": lambda: nn.LSTM(24, 36, 2, proj_size=12, bidirectional=True),
        "Sequential": lambda: nn.Sequential(nn.Conv2d(3, 24, 3), nn.BatchNorm2d(24), nn.ReLU(), nn.Linear(24, 48)),
        "ParameterList": lambda: nn.ParameterList([torch.randn(48, 24), torch.ones(48)]),
        "ParameterDict": lambda: nn.ParameterDict({"a": torch.rand(48, 24), "b": torch.zeros(3)}),
        "tied": _tied,
        "utils.weight_norm": lambda: weight_norm(nn.Linear(48, 96)),
        "utils.spectral_norm": lambda: spectral_norm(nn.Linear(48, 96)),
        "parametrizations.weight_norm": lambda: parametrizations.weight_norm(nn.Conv2d(24, 48, 3)),
        "parametrizations.spectral_norm": lambda: parametrizations.spectral_norm(nn.Linear(48, 96)),
        "parametrizations.orthogonal": lambda: parametrizations.orthogonal(nn.Linear(48, 48)),
    }
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        found[kind.__name__] = lambda kind=kind: kind(24, 36, 2, bidirectional=True)
    for kind in (nn.RNNCell, nn.LSTMCell, nn.GRUCell):
        found[kind.__name__] = lambda kind=kind: kind(24, 36)
    for n in (1, 2, 3):
        for name in (f"Conv{n}d", f"ConvTranspose{n}d"):
            kind = getattr(nn, name)
            found[name] = lambda kind=kind: kind(24, 48, 3)
            found[f"{name}.groups"] = lambda kind=kind: kind(24, 48, 3, groups=4)
            found[f"Lazy{name}"] = partial(_lazy, name, n, 48, 3)
        for name in (f"BatchNorm{n}d", f"InstanceNorm{n}d"):
            kind = getattr(nn, name)
            found[name] = lambda kind=kind: kind(48, affine=True, track_running_stats=True)
            found[f"Lazy{name}"] = partial(_lazy, name, n, affine=True)
    found["LazyLinear"] = lambda: _seen(nn.LazyLinear(48), 2, 24)
    found["SyncBatchNorm"] = lambda: nn.SyncBatchNorm(48)
    return found


def _lazy(name: str, n: int, *args: Any, **options: Any) -> nn.Module:
    return _seen(getattr(nn, f"Lazy{name}")(*args, **options), 2, 24, *[5] * n)


def _seen(module: nn.Module, *shape: int) -> nn.Module:
    module.eval()(torch.ones(shape))
    return module


def _tied() -> nn.Module:
    model = nn.Sequential(nn.Embedding(96, 24), nn.Linear(24, 96))
    model[1].weight = model[0].weight
    return model
