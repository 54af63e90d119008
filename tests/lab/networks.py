"""The networks that the lab's tests look at."""

import torch
from torch import nn

import fastinit
import fastinit.torch


def mlp(depth, width, activation=nn.ReLU, bias=False):
    """Layers of one width, each followed by the activation but the last."""
    parts = [part for _ in range(depth) for part in (nn.Linear(width, width, bias=bias), activation())]
    return nn.Sequential(*parts[:-1])


def filled(model, initializer, seed=0):
    """The model, its weights by the initializer and its biases zero."""
    fastinit.torch.init_(model, fastinit.Recipe([fastinit.Rule("*bias", "zeros", optional=True), ("*", initializer)]), seed)
    return model


def normal_batch(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Block(nn.Module):
    """A Transformer's block, with norms before its branches or after its residual sums."""

    def __init__(self, width, norm):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.norm = norm

    def attend(self, x):
        return self.attention(x, x, x, need_weights=False)[0]

    def forward(self, x):
        if self.norm == "pre":
            x = x + self.attend(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attend(x))
        return self.norm2(x + self.mlp(x))


def transformer(depth, width, norm):
    """Weights by Xavier and a norm at the end of the stream of a pre-norm one, as in Xiong et al. 2020, section 3."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(*[Block(width, norm) for _ in range(depth)], *[nn.LayerNorm(width)] * (norm == "pre"))
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            rows = 3 if "in_proj" in name else 1
            variance = 2 / (parameter.shape[0] / rows + parameter.shape[1])
            with torch.no_grad():
                parameter.normal_(0, variance**0.5, generator=generator)
    return model


class Recurrent(nn.Module):
    def __init__(self, kind=nn.LSTM):
        super().__init__()
        self.embedding, self.recurrent, self.head = nn.Embedding(20, 8), kind(8, 16, batch_first=True), nn.Linear(16, 20)

    def forward(self, tokens):
        return self.head(self.recurrent(self.embedding(tokens))[0])


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )
