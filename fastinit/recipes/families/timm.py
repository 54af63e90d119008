"""timm's ViT: what its tensors are drawn from, by each of its modes."""

from __future__ import annotations

import math

from fastinit.initializers import Constant, Initializer, Normal, Ones, Parts, Uniform, VarianceScaling, XavierUniform, Zeros
from fastinit.recipes.families.building import AS_TORCH, Recipe, family
from fastinit.runtime.checks import integer, one_of, positive

MODES = ("", "jax", "moco")


def timm(patch_inputs: int = 768, mode: str = "", num_classes: int | None = None, layer_scale: float = 1e-5) -> Recipe:
    """timm's ViT, by its names; `mode` is its `weight_init`, `patch_inputs` are channels x patch x patch.

    - "": linear layers N(0, 0.02), patch embedding and its bias U(+-1 / sqrt(patch_inputs)), torch's own default;
    - "jax": linear layers Xavier uniform, biases of the MLPs N(0, 1e-6), patches LeCun normal, head 0: the distribution of
      the code of Dosovitskiy et al. 2020; given `num_classes`, the head's bias is -log(num_classes) ("jax_nlhb");
    - "moco": Xavier uniform, q, k and v each with fans of its own; patches as in "".
    Positions N(0, 0.02), class and register tokens N(0, 1e-6), norms 1, `gamma` `layer_scale`, other biases 0.

    Source: timm, `vision_transformer.py`; Chen et al. 2021, arXiv 2104.02057, for "moco".

    >>> from fastinit import recipes
    >>> print(recipes.timm().plan({"cls_token": (1, 1, 64), "blocks.0.ls1.gamma": (64,), "head.weight": (10, 64)}))
    tensor              shape       action  values
    cls_token           (1, 1, 64)  draw    Normal(std=1e-06)
    blocks.0.ls1.gamma  (64,)       draw    Constant(1e-05)
    head.weight         (10, 64)    draw    Normal(std=0.02)
    3 tensors: 3 draw
    """
    one_of("mode", mode, MODES)
    positive("layer_scale", layer_scale)
    bound = 1 / math.sqrt(integer("patch_inputs", patch_inputs, 1))
    head_bias = 0.0 if num_classes is None else -math.log(integer("num_classes", num_classes, 1))
    xavier, small = XavierUniform(convention="torch"), Normal(0.0, 1e-6)
    torch_patches: tuple[tuple[str, Initializer], ...] = (
        ("patch_embed.proj.weight", AS_TORCH),
        ("patch_embed.proj.bias", Uniform(-bound, bound)),
    )
    by_mode: dict[str, tuple[tuple[str, Initializer], ...]] = {
        "": (*torch_patches, ("*.bias", Zeros()), ("*.weight", Normal(0.0, 0.02))),
        "jax": (
            ("patch_embed.proj.weight", VarianceScaling(1.0, "fan_in", "truncated_normal", convention="torch")),
            ("head.weight", Zeros()),
            ("head.bias", Constant(head_bias)),
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
    return family(
        ("*cls_token", small),
        ("*reg_token", small),
        ("*pos_embed", Normal(0.0, 0.02)),
        ("*.gamma", Constant(layer_scale)),
        ("*norm*.weight", Ones()),
        *by_mode[mode],
    )
