"""Vision: handwritten digits of 8 x 8 pixels, by a small CNN without norms, and by a small Vision Transformer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fastinit.initializers import Normal
from fastinit.lab.scenarios.scenario import Scenario, Size
from fastinit.lab.tasks import Supervised
from fastinit.recipes import Recipe
from fastinit.runtime.forks import without_forks

CHANNELS, CONVOLUTIONS = 16, 8
PATCH, WIDTH, HEADS, DEPTH = 2, 32, 4, 3
IMAGES = "The data is scikit-learn's load_digits: 1,797 handwritten digits of 8 x 8 pixels."


def task(learning_rate: float = 0.05, optimizer: str = "sgd") -> Supervised:
    with without_forks():
        from sklearn.datasets import load_digits

    digits: Any = load_digits()
    images = ((digits.images - digits.images.mean()) / digits.images.std())[:, None].astype("float32")
    return Supervised(images, digits.target, optimizer=optimizer, learning_rate=learning_rate, batch_size=64)


def task_of_vit() -> Supervised:
    return task(2e-3, "adam")


def make_cnn() -> nn.Module:
    """Convolutions of 3 x 3 with ReLU, without norms, to 2 x 2 pixels and a linear layer."""
    parts = list[nn.Module]()
    for number in range(CONVOLUTIONS):
        parts += [nn.Conv2d(CHANNELS if number else 1, CHANNELS, 3, padding=1), nn.ReLU()]
        if number in (3, 5):
            parts.append(nn.MaxPool2d(2))
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(4 * CHANNELS, 10))


class VisionTransformer(nn.Module):
    """Patches of 2 x 2 pixels, learned positions, blocks that norm before they branch, the mean over patches, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        self.positions = nn.Parameter(0.02 * torch.randn(1, (8 // PATCH) ** 2, WIDTH))
        self.blocks = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
                for _ in range(DEPTH)
            )
        )
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        logits: Tensor = self.head(self.norm(self.blocks(x)).mean(1))
        return logits


TIMM = Recipe(
    [
        ("*bias", "zeros"),
        ("*norm*.weight", "ones"),
        ("positions", Normal(0.0, 0.02)),
        ("patches.weight", "lecun_normal"),
        ("*", "truncated_normal", {"std": 0.02}),
    ]
)
"""timm's: truncated normal of std 0.02, and LeCun's for the patches (Dosovitskiy et al. 2021)."""

CNN = Scenario(
    "vision-cnn",
    "Vision: digits by a CNN without norms",
    (
        f"{CONVOLUTIONS} convolutions with ReLU and no norms between them. {IMAGES}",
        "Without norms each layer multiplies the signal: by 1 under he_normal, by sqrt(1/2) under xavier_normal, of "
        "variance 1 / fan_in between layers of one width, and by sqrt(1/6) under torch's 1 / (3 fan_in).",
    ),
    task,
    make_cnn,
    {
        "torch": "torch",
        "xavier_normal": "xavier_normal",
        "he_normal": "he_normal",
        "delta_orthogonal": Recipe(
            [
                ("0.weight", "he_normal"),
                (f"{CONVOLUTIONS * 2 + 3}.weight", "he_normal"),
                ("*.bias", "zeros"),
                ("*", "delta_orthogonal", {"gain": 2**0.5}),
            ]
        ),
        "normal, std 0.01": Normal(0.0, 0.01),
    },
    size=Size(6, 10),
    quick=Size(3, 3),
    libraries=("sklearn",),
)
VIT = Scenario(
    "vision-vit",
    "Vision: digits by a small Vision Transformer",
    (
        f"{DEPTH} Transformer blocks over patches of {PATCH} x {PATCH} pixels. {IMAGES}",
        "Its norms set the size of the signal in each branch, so that initializations are closer to each other here than in "
        "the CNN. timm draws from a truncated normal of std 0.02.",
    ),
    task_of_vit,
    VisionTransformer,
    {"torch": "torch", "timm": TIMM, "xavier_uniform": "xavier_uniform", "normal, std 0.5": Normal(0.0, 0.5)},
    size=Size(6, 8),
    quick=Size(3, 2),
    libraries=("sklearn",),
)
SCENARIOS = (CNN, VIT)
