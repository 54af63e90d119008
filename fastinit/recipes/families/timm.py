"""Ready recipes of vision models. Every rule is optional: variants of a family have some of these tensors."""

from __future__ import annotations

import math

from fastinit.initializers import (
    Constant,
    Normal,
    Ones,
    Parts,
    Uniform,
    VarianceScaling,
    XavierUniform,
    Zeros,
)
from fastinit.recipes.checks import at_least_one, one_of, positive
from fastinit.recipes.language import recipe_of
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rules import Rule

TORCH_LINEAR = VarianceScaling(1 / 3, "fan_in", "uniform", convention="torch")
"""What torch.nn.Linear and Conv2d draw: U(-bound, bound), bound = 1 / sqrt(fan_in), of variance 1 / (3 fan_in)."""


def vit(std: float = 0.02) -> Recipe:
    """ViT, by the names of transformers' checkpoints: N(0, std), class token, positions and classifier included.

    transformers draws class token and positions with trunc_normal_(std=0.02), whose cut is at +-2 absolute: 100 std out,
    where no value ever falls (and up to version 4 every other weight too). So the distribution is the plain normal.
    The model is that of Dosovitskiy et al. 2020, the distribution is not: see `timm` for that of their JAX code.
    """
    return recipe_of(
        ("*cls_token", Normal(0.0, std)),
        ("*position_embeddings", Normal(0.0, std)),
        ("*mask_token", Zeros()),
        ("*layernorm*.weight", Ones()),
        ("*.bias", Zeros()),
        ("*.weight", Normal(0.0, std)),
    )


TIMM_MODES = ("", "jax", "moco")


def timm(patch_inputs: int = 768, mode: str = "", num_classes: int | None = None, layer_scale: float = 1e-5) -> Recipe:
    """timm's ViT, by its names; `mode` as its `weight_init`.

    - "": linear layers N(0, 0.02), the patch embedding and its bias as torch's own convolution, U(+-1 / sqrt(patch_inputs));
    - "jax": linear layers Xavier uniform, biases of the MLPs N(0, 1e-6), patches LeCun normal, the head 0: the distribution of the
      code of Dosovitskiy et al. 2020; given `num_classes`, the head's bias is -log(num_classes) ("jax_nlhb");
    - "moco": Xavier uniform, of q, k and v by themselves (Chen et al. 2021, arXiv 2104.02057).
    Positions N(0, 0.02), class and register tokens N(0, 1e-6), norms 1, `layer_scale` for its `gamma`. `patch_inputs` is
    channels x patch x patch.
    """
    one_of("mode", mode, TIMM_MODES)
    positive("layer_scale", layer_scale)
    bound = 1 / math.sqrt(at_least_one("patch_inputs", patch_inputs))
    xavier, small = XavierUniform(convention="torch"), Normal(0.0, 1e-6)
    tokens = (("*cls_token", small), ("*reg_token", small), ("*pos_embed", Normal(0.0, 0.02)))
    scales = (("*.gamma", Constant(layer_scale)), ("*norm*.weight", Ones()))
    torch_patches = (("patch_embed.proj.weight", TORCH_LINEAR), ("patch_embed.proj.bias", Uniform(-bound, bound)))
    by_mode = {
        "": (*torch_patches, ("*.bias", Zeros()), ("*.weight", Normal(0.0, 0.02))),
        "jax": (
            ("patch_embed.proj.weight", VarianceScaling(1.0, "fan_in", "truncated_normal", convention="torch")),
            ("head.weight", Zeros()),
            ("head.bias", Constant(0.0 if num_classes is None else -math.log(at_least_one("num_classes", num_classes)))),
            ("*.mlp.*.bias", small),
            ("*.bias", Zeros()),
            ("*.weight", xavier),
        ),
        "moco": (
            *torch_patches,
            ("*.qkv.weight", Parts(0, ((1 / 3, xavier),) * 3)),
            ("*.bias", Zeros()),
            ("*.weight", xavier),
        ),
    }
    return recipe_of(*tokens, *scales, *by_mode[mode])


LAST_NORMS = ("", "bn2", "bn3")


def resnet(features: int = 2048, zero_last: str = "") -> Recipe:
    """ResNets, by torchvision's and timm's names: He normal on fan_out for convolutions, torch's own default for `fc`.

    He et al. 2015, eq. 14. `features` is the number of inputs of `fc`: 2048 for ResNet-50 and deeper, 512 for ResNet-18 and
    34. `zero_last` is the norm that each block starts at 0, "bn3" of bottlenecks or "bn2" of basic blocks: torchvision's
    `zero_init_residual`, timm's default (Goyal et al. 2017, section 5.1).
    """
    one_of("zero_last", zero_last, LAST_NORMS)
    bound = 1 / math.sqrt(at_least_one("features", features))
    he_fan_out = VarianceScaling(2.0, "fan_out", "normal", convention="torch")
    others = recipe_of(
        ("fc.weight", TORCH_LINEAR),
        ("fc.bias", Uniform(-bound, bound)),
        *([(f"*.{zero_last}.weight", Zeros())] if zero_last else []),
        ("*.running_var", Ones()),
        ("*.bias", Zeros()),
        ("*.running_mean", Zeros()),
        ("*.num_batches_tracked", Zeros()),
    )
    convolutions = Rule("*.weight", he_fan_out, ndim=4, optional=True)  # whatever their names: timm's are at several places
    return Recipe((convolutions, *others, Rule("*.weight", Ones(), ndim=1, optional=True)))
