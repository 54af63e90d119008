"""The models that bench.torch builds: a ResNet-50, a ViT-B/16 and small layers in plain torch; others are Hugging Face's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a shortcut (He et al. 2016, figure 5)."""

    def __init__(self, into: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(into, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = nn.Identity()
        if into != 4 * width or stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(into, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + self.downsample(x)).relu()


class ResNet(nn.Module):
    """ResNet-50 as torchvision initializes it: convolutions by He's fan_out, norms 1 and 0."""

    def __init__(self, blocks: tuple[int, ...] = (3, 4, 6, 3), classes: int = 1000) -> None:
        super().__init__()
        stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        self.stem = nn.Sequential(*stem)
        layers, into = [], 64
        for stage, count in enumerate(blocks):
            for i in range(count):
                layers.append(Bottleneck(into, 64 << stage, 2 if stage and i == 0 else 1))
                into = 256 << stage
        self.layers, self.fc = nn.Sequential(*layers), nn.Linear(into, classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layers(self.stem(x)).mean((2, 3)))


class ViT(nn.Module):
    """ViT-B/16 as timm initializes it: every linear layer by a truncated normal of std 0.02."""

    def __init__(self, width: int = 768, depth: int = 12, patch: int = 16, tokens: int = 197, classes: int = 1000) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(torch.empty(tokens, width))
        options = {"activation": "gelu", "batch_first": True, "norm_first": True}
        layer = nn.TransformerEncoderLayer(width, width // 64, 4 * width, **options)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.positions, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = nn.functional.pad(x, (0, 0, 1, 0)) + self.positions
        return self.head(self.encoder(x)[:, 0])


def small_layers() -> nn.Module:
    return nn.Sequential(*[nn.Linear(32, 32) for _ in range(200)])


def of_hugging_face(config: str, **parameters: object) -> nn.Module:
    """The base model of this configuration."""
    import transformers

    return transformers.AutoModel.from_config(getattr(transformers, config)(**parameters))


LLAMA = {"hidden_size": 1536, "num_hidden_layers": 24, "intermediate_size": 4096, "num_attention_heads": 16}

MODELS: dict[str, Callable[[], nn.Module]] = {
    "llama-0.7B": partial(of_hugging_face, "LlamaConfig", vocab_size=32000, **LLAMA),
    "gpt2-medium": partial(of_hugging_face, "GPT2Config", n_embd=1024, n_layer=24, n_head=16),
    "bert-base": partial(of_hugging_face, "BertConfig"),
    "t5-base": partial(of_hugging_face, "T5Config", d_model=768, d_ff=3072, num_layers=12, num_heads=12),
    "vit-b-16": ViT,
    "resnet-50": ResNet,
    "mobilenet-v2": partial(of_hugging_face, "MobileNetV2Config"),
    "efficientnet-b0": partial(
        of_hugging_face, "EfficientNetConfig", width_coefficient=1.0, depth_coefficient=1.0, image_size=224, hidden_dim=1280
    ),
    "200 x Linear(32, 32)": small_layers,
}
