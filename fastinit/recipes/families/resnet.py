"""ResNets of bottleneck blocks, with the names of torchvision's `resnet50`."""

from __future__ import annotations

from collections.abc import Sequence

from fastinit import recipes
from fastinit.recipes import TensorSpec
from fastinit.recipes.families.layers import Model, linear, norm

EXPANSION = 4  # a bottleneck block puts out 4 times its inner width
STEM = 64  # channels after the first convolution, and inner width of the first stage


def model(blocks: Sequence[int], labels: int = 1000) -> Model:
    """By `recipes.resnet`, as torchvision draws it by default.

    `blocks` is the number of blocks of each stage, (3, 4, 6, 3) for ResNet-50 (He et al. 2015, "Deep residual
    learning", table 1). The running statistics of the norms are there too, as in the state dict.
    """
    features = EXPANSION * STEM * 2 ** (len(blocks) - 1)
    tensors = (
        *_conv_norm("conv1", "bn1", 3, STEM, kernel=7),
        *(tensor for stage, n_blocks in enumerate(blocks) for tensor in _stage(stage, n_blocks)),
        *linear("fc", features, labels),
    )
    return Model(tensors, recipes.resnet(features))


def _stage(stage: int, n_blocks: int) -> tuple[TensorSpec, ...]:
    inner = STEM * 2**stage
    outer = EXPANSION * inner
    before = STEM if stage == 0 else outer // 2
    return tuple(
        tensor for i in range(n_blocks) for tensor in _block(f"layer{stage + 1}.{i}", before if i == 0 else outer, inner)
    )


def _block(name: str, channels: int, inner: int) -> tuple[TensorSpec, ...]:
    outer = EXPANSION * inner
    tensors = (
        *_conv_norm(f"{name}.conv1", f"{name}.bn1", channels, inner, kernel=1),
        *_conv_norm(f"{name}.conv2", f"{name}.bn2", inner, inner, kernel=3),
        *_conv_norm(f"{name}.conv3", f"{name}.bn3", inner, outer, kernel=1),
    )
    if channels == outer:
        return tensors
    # The first block of a stage changes the number of channels, so its shortcut is a convolution.
    return tensors + _conv_norm(f"{name}.downsample.0", f"{name}.downsample.1", channels, outer, kernel=1)


def _conv_norm(conv: str, bn: str, channels_in: int, channels_out: int, kernel: int) -> tuple[TensorSpec, ...]:
    return (
        TensorSpec(f"{conv}.weight", (channels_out, channels_in, kernel, kernel)),
        *norm(bn, channels_out),
        TensorSpec(f"{bn}.running_mean", (channels_out,)),
        TensorSpec(f"{bn}.running_var", (channels_out,)),
        TensorSpec(f"{bn}.num_batches_tracked", (), dtype="int64"),
    )
