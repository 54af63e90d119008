"""ResNets: what their tensors are drawn from, and names and shapes of torchvision's `resnet50` and deeper ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from fastinit.initializers import Ones, Uniform, VarianceScaling, Zeros
from fastinit.recipes.families.building import AS_TORCH, Model, Recipe, Rule, TensorSpec, family, linear, norm
from fastinit.runtime.checks import integer, one_of

LAST_NORMS = ("", "bn2", "bn3")


def resnet(features: int = 2048, zero_last: str = "") -> Recipe:
    """ResNets, by torchvision's and timm's names.

    - convolutions: N(0, sqrt(2 / fan_out)), He normal;
    - `fc`, weight and bias: U(-b, b), b = 1 / sqrt(features), torch's own default. `features` is the number of its inputs:
      2048 for ResNet-50 and deeper, 512 for ResNet-18 and 34;
    - norms 1, except `zero_last`, the norm of each block that is 0: "bn3" of bottlenecks or "bn2" of basic blocks, as
      torchvision's `zero_init_residual`, timm's default; other biases 0.

    Source: He et al. 2015, eq. 14; Goyal et al. 2017, section 5.1, for `zero_last`; torchvision, `resnet.py`.

    >>> from fastinit import recipes
    >>> print(recipes.resnet(zero_last="bn3").plan({"conv1.weight": (64, 3, 7, 7), "layer1.0.bn3.weight": (256,)}))
    tensor               shape          action  values
    conv1.weight         (64, 3, 7, 7)  draw    Normal(std=0.0252538)
    layer1.0.bn3.weight  (256,)         draw    Constant(0.0)
    2 tensors: 2 draw
    """
    one_of("zero_last", zero_last, LAST_NORMS)
    bound = 1 / math.sqrt(integer("features", features, 1))
    he_fan_out = VarianceScaling(2.0, "fan_out", "normal", convention="torch")
    others = family(
        ("fc.weight", AS_TORCH),
        ("fc.bias", Uniform(-bound, bound)),
        *([(f"*.{zero_last}.weight", Zeros())] if zero_last else []),
        ("*.running_var", Ones()),
        ("*.bias", Zeros()),
        ("*.running_mean", Zeros()),
        ("*.num_batches_tracked", Zeros()),
    )
    convolutions = Rule("*.weight", he_fan_out, ndim=4, optional=True)  # whatever their names: timm's are at several places
    return Recipe((convolutions, *others, Rule("*.weight", Ones(), ndim=1, optional=True)))


EXPANSION = 4  # a bottleneck block puts out 4 times its inner width
STEM = 64  # channels after the first convolution, and inner width of the first stage


def model(blocks: Sequence[int], labels: int = 1000) -> Model:
    """Bottleneck blocks: `blocks` is their number in each stage. Running statistics are there, as in the state dict."""
    features = EXPANSION * STEM * 2 ** (len(blocks) - 1)
    tensors = (
        *_conv_norm("conv1", "bn1", 3, STEM, kernel=7),
        *(tensor for stage, n_blocks in enumerate(blocks) for tensor in _stage(stage, n_blocks)),
        *linear("fc", features, labels),
    )
    return Model(tensors, resnet(features))


MODELS = {"resnet50": partial(model, blocks=(3, 4, 6, 3))}  # He et al. 2015, "Deep residual learning", table 1


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
