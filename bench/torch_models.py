"""The models that bench.torch builds: a ResNet-50, MobileNetV3, a ViT-B/16 and small layers in plain torch; others are
Hugging Face's and timm's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn

Act: TypeAlias = Callable[[], nn.Module]


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


class InvertedResidual(nn.Module):
    """A wider depthwise convolution between two 1x1 ones, with squeeze and excitation (Howard et al. 2019, figure 4)."""

    def __init__(self, into: int, kernel: int, width: int, out: int, squeezes: int, act: Act, stride: int) -> None:
        super().__init__()
        squeezed = nearest_of_8(width // 4)
        widen = normed(into, width, act=act) if width != into else []
        self.expand = nn.Sequential(*widen, *normed(width, width, kernel, stride, groups=width, act=act))
        excite = nn.Conv2d(width, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, width, 1), nn.Hardsigmoid()
        self.excite = nn.Sequential(nn.AdaptiveAvgPool2d(1), *excite) if squeezes else None
        self.project = nn.Sequential(*normed(width, out))
        self.is_residual = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand(x)
        y = self.project(y if self.excite is None else y * self.excite(y))
        return x + y if self.is_residual else y


def normed(
    into: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: Act = nn.Identity
) -> list[nn.Module]:
    """A convolution, the norm behind it, and an activation."""
    convolution = nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(out, eps=0.001, momentum=0.01), act()]


def nearest_of_8(width: int) -> int:
    """The nearest multiple of 8 that is not more than a tenth smaller."""
    rounded = max(8, (width + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * width else rounded + 8


class MobileNetV3(nn.Module):
    """MobileNetV3-Large (Howard et al. 2019, table 1) as torchvision initializes it."""

    BLOCKS = (  # kernel, expanded width, channels, squeeze and excitation, hard swish, stride
        (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1),
        (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1),
        (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1), (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1),
        (5, 960, 160, 1, 1, 1),
    )  # fmt: skip

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        blocks, into = [], 16
        for kernel, width, out, squeezes, is_hard, stride in self.BLOCKS:
            act = nn.Hardswish if is_hard else nn.ReLU
            blocks.append(InvertedResidual(into, kernel, width, out, squeezes, act, stride))
            into = out
        stem, last = normed(3, 16, 3, 2, act=nn.Hardswish), normed(into, 960, act=nn.Hardswish)
        self.features = nn.Sequential(*stem, *blocks, *last)
        self.classifier = nn.Sequential(nn.Linear(960, 1280), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(1280, classes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


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


def of_timm(name: str) -> nn.Module:
    import timm

    return timm.create_model(name)


LLAMA = {"hidden_size": 1536, "num_hidden_layers": 24, "intermediate_size": 4096, "num_attention_heads": 16}

MODELS: dict[str, Callable[[], nn.Module]] = {
    "llama-0.7B": partial(of_hugging_face, "LlamaConfig", vocab_size=32000, **LLAMA),
    "gpt2-medium": partial(of_hugging_face, "GPT2Config", n_embd=1024, n_layer=24, n_head=16),
    "bert-base": partial(of_hugging_face, "BertConfig"),
    "t5-base": partial(of_hugging_face, "T5Config", d_model=768, d_ff=3072, num_layers=12, num_heads=12),
    "vit-b-16": ViT,
    "timm:vit_base_patch16_224": partial(of_timm, "vit_base_patch16_224"),
    "resnet-50": ResNet,
    "mobilenet-v2": partial(of_hugging_face, "MobileNetV2Config"),
    "mobilenet-v3-large": MobileNetV3,
    "efficientnet-b0": partial(
        of_hugging_face, "EfficientNetConfig", width_coefficient=1.0, depth_coefficient=1.0, image_size=224, hidden_dim=1280
    ),
    "200 x Linear(32, 32)": small_layers,
}
