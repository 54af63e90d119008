"""`recommend`: which initializer a layer should have, and why. The rules: recommendation_rules.py."""

from __future__ import annotations

from typing import Any

from fastinit.initializers.gains import Function, activation_name, second_moment
from fastinit.initializers.recommendation_rules import RULES, Network, Recommendation
from fastinit.runtime import checks
from fastinit.runtime.nearest import did_you_mean

ALIASES = {
    **dict.fromkeys(("linear", "fc", "mlp", "ffn", "feedforward", "fully_connected"), "dense"),
    **dict.fromkeys(("convolution", "conv1d", "conv2d", "conv3d", "depthwise"), "conv"),
    **dict.fromkeys(("classifier", "head", "logits", "lm_head"), "output"),
    **dict.fromkeys(("recurrent", "simple_rnn", "gru"), "rnn"),
    **dict.fromkeys(("layer_norm", "layernorm", "batch_norm", "batchnorm", "rms_norm", "rmsnorm", "group_norm"), "norm"),
    "self_attention": "attention",
    "embed": "embedding",
    "layerscale": "layer_scale",
}
"""Other names of the types of layers."""


def recommend(
    activation: str | Function = "relu",
    layer_type: str = "dense",
    *,
    position: str = "hidden",
    depth: int | None = None,
    residual: bool = False,
    normalization: str | None = None,
    branches: int | None = None,
    width: int | None = None,
    base_width: float | None = None,
    prior: float | None = None,
    **parameters: Any,
) -> Recommendation:
    """The initializer for a layer of a network, with reasons and references: a `Recommendation`, printable.

    - `activation`: a name that `fastinit.gain` knows with its `parameters` (leaky_relu: negative_slope), or a callable: the
      nonlinearity whose outputs the layer takes. "sin" without w0 is SIREN's, with w0=30.
    - `layer_type`: "dense", "conv", "attention" (value and output, which take no nonlinearity), "embedding", "output"
      (classifier, head), "rnn", "lstm" (their recurrent weights), "norm" (its scale), "layer_scale"; or another name that
      they go by, as "linear".
    - `position`: "first" (of the network), "hidden", or "last" (of its residual branch).
    - `depth`: the number of layers; of a residual network, which needs it, the number of blocks. `branches`: the residual
      branches in a block; None means 1 for convolutions and 2 otherwise, as in a Transformer.
    - `normalization`: None; "pre" at the start of each branch; "post" after each residual sum; "batch" after each layer.
    - `width`: the width of an embedding, in units. `base_width`: that of the model whose learning rate is reused (`mup`).
    - `prior`: for an output, the share of positive examples.

    ValueError for unknown names, with the known ones, and for what is missing or contradictory; TypeError for arguments of
    another type. Sources: the `references` of the result.

        >>> import fastinit
        >>> print(fastinit.recommend("selu"))
        weight: LecunNormal()
        bias: Zeros()
        - SELU has gain 1: with variance 1 / fan_in its fixed point is mean 0 and variance 1.
        [1] Klambauer et al. 2017, Self-Normalizing Neural Networks, arXiv:1706.02515, section 2
    """
    named = _layer_type(layer_type)
    checks.one_of("position", position, ("first", "hidden", "last"))
    checks.one_of("normalization", normalization, (None, "pre", "post", "batch"))
    for name, count in (("depth", depth), ("branches", branches), ("width", width)):
        if count is not None:
            checks.integer(name, count, least=1)
    if checks.boolean("residual", residual) and depth is None:
        raise ValueError("depth is needed where residual=True: the number of blocks whose branches add up")
    for name, value, its_layer in (("prior", prior, "output"), ("width", width, "embedding")):
        if value is not None and named != its_layer:
            raise ValueError(f"{name} goes with layer_type={its_layer!r}, not with {layer_type!r}")
    second_moment(activation, **parameters)
    network = Network(
        activation=activation_name(activation) if isinstance(activation, str) else activation,
        parameters=parameters,
        position=position,
        depth=depth or 0,
        residual=residual,
        normalization=normalization,
        branches=branches or (1 if named == "conv" else 2),
        width=width,
        base_width=None if base_width is None else checks.number("base_width", base_width),
        prior=prior,
    )
    return RULES[named](network)


def _layer_type(layer_type: Any) -> str:
    if not isinstance(layer_type, str):
        raise TypeError(f"layer_type must be one of {', '.join(map(repr, RULES))}, got {layer_type!r}")
    known = {name: name for name in RULES} | ALIASES
    if layer_type.lower() in known:
        return known[layer_type.lower()]
    hint = did_you_mean(layer_type.lower(), {form: form for form in known})
    raise ValueError(f"unknown layer_type {layer_type!r}: {hint}known: {', '.join(RULES)}")
