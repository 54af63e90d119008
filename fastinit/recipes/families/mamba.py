"""Mamba and Mamba-2: what their tensors are drawn from."""

from __future__ import annotations

from fastinit.initializers import MambaALog, MambaDtBias, MambaDtWeight, Normal, Ones, VarianceScaling, Zeros
from fastinit.initializers.mamba import SCHEMES
from fastinit.recipes.families.building import AS_TORCH, Recipe, family
from fastinit.runtime.checks import integer, not_negative, one_of


def mamba(
    depth: int,
    std: float = 0.1,
    rescale: bool = False,
    dt_scale: float = 1.0,
    dt_scheme: str = "random",
    tied: bool = True,
) -> Recipe:
    """Mamba and Mamba-2 of `depth` layers, by transformers' names.

    - `A_log`: A = -1, -2, ..., -N; `D`: 1;
    - time steps (`dt_bias`, `dt_proj.bias`): log-uniform between 0.001 and 0.1, see `fastinit.initializers.MambaDtBias`;
      their projection: within `dt_scale` / sqrt(rank), drawn by `dt_scheme`, "random" or "constant";
    - convolution and `out_proj`: U(+-1 / sqrt(fan_in)), torch's own default; with `rescale` the latter over sqrt(depth);
    - other weights: N(0, std); norms 1, biases 0; with `tied` the head is the embedding.

    Source: Gu and Dao 2023 and its code; `std` and `rescale` are transformers' `initializer_range` and
    `rescale_prenorm_residual`.

    >>> from fastinit import recipes
    >>> print(recipes.mamba(depth=24).plan({"backbone.layers.0.mixer.A_log": (64, 16), "backbone.norm_f.weight": (64,)}))
    tensor                         shape     action  values
    backbone.layers.0.mixer.A_log  (64, 16)  draw    MambaALog()
    backbone.norm_f.weight         (64,)     draw    Constant(1.0)
    2 tensors: 2 draw
    """
    integer("depth", depth, 1)
    one_of("dt_scheme", dt_scheme, SCHEMES)
    not_negative("dt_scale", dt_scale)
    out = VarianceScaling(1 / 3 / depth, "fan_in", "uniform", convention="torch") if rescale else AS_TORCH
    return family(
        ("*.A_log", MambaALog()),
        ("*.D", Ones()),
        ("*.dt_bias", MambaDtBias()),
        ("*.dt_proj.bias", MambaDtBias()),
        ("*.dt_proj.weight", MambaDtWeight(dt_scale, dt_scheme, convention="torch")),
        ("*.conv1d.weight", AS_TORCH),
        ("*.out_proj.weight", out),
        ("*norm*.weight", Ones()),
        ("*.bias", Zeros()),
        ("*.weight", Normal(0.0, std)),
        tied={"lm_head.weight": "backbone.embeddings.weight"} if tied else {},
    )
