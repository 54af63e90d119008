"""Which initializer a layer should have, and why: rules from the papers, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fastinit.distributions import number
from fastinit.initializers import (
    DeepNorm,
    DepthScaled,
    Fixup,
    HeNormal,
    Identity,
    Initializer,
    LayerScale,
    LecunNormal,
    LSTMBias,
    MuP,
    Normal,
    Ones,
    Orthogonal,
    PriorBias,
    Siren,
    TFixup,
    VarianceScaling,
    XavierNormal,
    Zeros,
)
from fastinit.initializers.gains import _known as known_activation
from fastinit.initializers.gains import gain, second_moment
from fastinit.runtime.nearest import did_you_mean

HE = "He et al. 2015, Delving Deep into Rectifiers, arXiv:1502.01852, section 2.2"
XAVIER = "Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, eq. 12"
SELU = "Klambauer et al. 2017, Self-Normalizing Neural Networks, arXiv:1706.02515, section 2"
SIREN = (
    "Sitzmann et al. 2020, Implicit Neural Representations with Periodic Activation Functions, arXiv:2006.09661, sec. 3.2"
)
POOLE = "Poole et al. 2016, Exponential expressivity in deep neural networks through transient chaos, arXiv:1606.05340"
GPT2 = "Radford et al. 2019, Language Models are Unsupervised Multitask Learners (GPT-2), section 2.3"
FIXUP = "Zhang, Dauphin and Ma 2019, Fixup Initialization, arXiv:1901.09321, section 3"
TFIXUP = "Huang et al. 2020, Improving Transformer Optimization Through Better Initialization (T-Fixup), ICML"
DEEPNORM = "Wang et al. 2022, DeepNet: Scaling Transformers to 1,000 Layers, arXiv:2203.00555, figure 2"
MUP = "Yang et al. 2021, Tensor Programs V, arXiv:2203.03466, table 3"
GOYAL = "Goyal et al. 2017, Accurate, Large Minibatch SGD, arXiv:1706.02677, section 5.1"
FOCAL = "Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002, section 4.1"
VASWANI = "Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762, section 3.4"
SAXE = "Saxe, McClelland and Ganguli 2014, Exact solutions to the nonlinear dynamics of learning, arXiv:1312.6120"
FORGET = "Jozefowicz et al. 2015, An Empirical Exploration of Recurrent Network Architectures, section 2.2"
IRNN = "Le, Jaitly and Hinton 2015, A Simple Way to Initialize Recurrent Networks, arXiv:1504.00941"
CAIT = "Touvron et al. 2021, Going deeper with Image Transformers (CaiT), arXiv:2103.17239, section 2"


@dataclass(frozen=True)
class Recommendation:
    """An initializer for a layer's weight, one for its bias, and the reasons, a sentence each, with what they rest on."""

    initializer: Initializer
    bias: Initializer
    reasons: tuple[str, ...]
    references: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"weight: {self.initializer!r}", f"bias: {self.bias!r}", *(f"- {reason}" for reason in self.reasons)]
        return "\n".join([*lines, *(f"[{n}] {reference}" for n, reference in enumerate(self.references, 1))])


@dataclass(frozen=True)
class _Network:
    """What `recommend` is told."""

    activation: str | Callable[[Any], Any]
    parameters: dict[str, float]
    position: str
    depth: int | None
    residual: bool
    normalization: str | None
    branches: int
    width: int | None
    base_width: float | None
    prior: float | None


POSITIONS = ("first", "hidden", "last")
NORMALIZATIONS = (None, "pre", "post", "batch")


def recommend(
    activation: str | Callable[[Any], Any] = "relu",
    layer: str = "dense",
    *,
    position: str = "hidden",
    depth: int | None = None,
    residual: bool = False,
    normalization: str | None = None,
    branches: int | None = None,
    width: int | None = None,
    base_width: float | None = None,
    prior: float | None = None,
    **parameters: float,
) -> Recommendation:
    """The initializer for a layer of a network, with reasons and references: a `Recommendation`, printable.

    - `activation`: a name that `fastinit.gain` knows with its `parameters` (leaky_relu: negative_slope), or a callable: the
      nonlinearity whose outputs the layer takes. "sin" without w0 is SIREN's, of w0=30.
    - `layer`: "dense", "conv", "attention" (value and output, which take no nonlinearity), "embedding", "output"
      (classifier, head), "rnn", "lstm" (their recurrent weights), "norm" (its scale), "layer_scale"; or another name that
      they go by, as "linear".
    - `position`: "first" (of the network), "hidden", or "last" (of its residual branch).
    - `depth`: the number of layers, of a residual network that of its blocks, which it needs. `branches`: the residual
      branches in a block; None means 1 for convolutions and 2 otherwise, as in a Transformer.
    - `normalization`: None; "pre" at the start of each branch; "post" after each residual sum; "batch" after each layer.
    - `width`: that of an embedding. `base_width`: that of the model whose learning rate is to be kept (`mup`).
    - `prior`: of an output, the share of the positives.

    ValueError for unknown names, saying which there are, and for what is missing or means nothing; TypeError for what is no
    name, number or bool. The rules, each with its source, are the functions and tables of `fastinit.recommendation`.
    """
    kind = _kind(layer)
    _check_one_of("position", position, POSITIONS)
    _check_one_of("normalization", normalization, NORMALIZATIONS)
    for name, count in (("depth", depth), ("branches", branches), ("width", width)):
        _check_count(name, count)
    if not isinstance(residual, bool):
        raise TypeError(f"residual must be True or False, got {residual!r}")
    if residual and depth is None:
        raise ValueError("depth is needed where residual=True: the number of blocks whose branches add up")
    for name, value, its_layer in (("prior", prior, "output"), ("width", width, "embedding")):
        if value is not None and kind != its_layer:
            raise ValueError(f"{name} goes with layer={its_layer!r}, not with {layer!r}")
    second_moment(activation, **parameters)
    named = known_activation(activation) if isinstance(activation, str) else activation
    branches = branches or (1 if kind == "conv" else 2)
    base_width = None if base_width is None else number("base_width", base_width)
    network = _Network(named, parameters, position, depth, residual, normalization, branches, width, base_width, prior)
    return RULES[kind](network)


# ---- layers ----


def _weight(network: _Network) -> Recommendation:
    """Of dense and convolutional layers; the first layer of a network is in no branch."""
    if not network.residual or network.position == "first":
        return _plain(network)
    if network.normalization == "post":
        return _post_norm(network)
    if network.normalization is None:
        return _fixup(network)
    return _in_branch(network)


def _attention(network: _Network) -> Recommendation:
    network = replace(network, activation="linear", parameters={})
    if network.residual and network.normalization is None:
        _check_no_base_width(network, "T-Fixup")
        initializer = TFixup("encoder", network.depth)
        reasons = (
            f"Without normalization T-Fixup narrows value, output and feed-forward weights to {initializer.gain:.3g} of "
            f"Xavier's; in a decoder use TFixup('decoder', {network.depth}).",
            "Query and key keep xavier_uniform.",
        )
        return Recommendation(initializer, Zeros(), reasons, (TFIXUP,))
    if network.residual and network.normalization == "post":
        return _post_norm(network)
    return _in_branch(network) if network.residual else _plain(network)


def _embedding(network: _Network) -> Recommendation:
    if network.width is None or network.base_width is not None:
        reason = "An embedding is looked up, not summed over: its std is a constant whatever the width; 0.02 is GPT-2's."
        return Recommendation(Normal(std=0.02), Zeros(), (reason,), (GPT2, MUP))
    std = network.width**-0.5
    reasons = (
        f"Rows of {network.width} values with std width^-1/2 have length 1: logits of a tied output have variance 1.",
        "Multiply what is looked up by sqrt(width), or normalize it, to start with variance 1.",
    )
    return Recommendation(Normal(std=std), Zeros(), reasons, (VASWANI,))


def _output(network: _Network) -> Recommendation:
    if network.prior is not None:
        bias = PriorBias(network.prior)
        reason = f"The bias makes every class start with the probability {network.prior!r}, that of the positives."
        return Recommendation(Normal(std=0.01), bias, (reason,), (FOCAL,))
    if network.base_width is not None:
        reason = "The output's std falls as 1 / fan_in, so that wider models start with smaller logits and learn alike."
        return Recommendation(MuP("output", network.base_width), Zeros(), (reason,), (MUP,))
    if network.residual and network.normalization is None:
        return Recommendation(Zeros(), Zeros(), ("Fixup starts the classifier at 0.",), (FIXUP,))
    reason = "Small weights make all classes start as good as equally likely."
    return Recommendation(Normal(std=0.01), Zeros(), (reason,), (GOYAL,))


def _rnn(network: _Network) -> Recommendation:
    if network.activation == "relu":
        reason = "The identity lets a recurrent network of ReLUs keep its state, and its gradient, over many steps."
        return Recommendation(Identity(), Zeros(), (reason,), (IRNN,))
    reason = "An orthogonal matrix keeps the length of the state, and of its gradient, over many steps."
    return Recommendation(Orthogonal(), Zeros(), (reason,), (SAXE,))


def _lstm(network: _Network) -> Recommendation:
    reasons = (
        "An orthogonal matrix keeps the length of the state, and of its gradient; give each gate its own with `parts`.",
        "A forget bias of 1 makes the cell remember from the start; its order of gates is torch's.",
    )
    return Recommendation(Orthogonal(), LSTMBias(), reasons, (SAXE, FORGET))


def _norm(network: _Network) -> Recommendation:
    if network.residual and network.normalization == "batch" and network.position == "last":
        reason = "A scale of 0 in the last norm of a branch makes each block start as the identity."
        return Recommendation(Zeros(), Zeros(), (reason,), (GOYAL,))
    return Recommendation(Ones(), Zeros(), ("A norm starts as normalization alone: scale 1, shift 0.",))


def _layer_scale(network: _Network) -> Recommendation:
    if network.depth is None:
        raise ValueError("depth is needed for layer='layer_scale', whose value it decides")
    reason = "The deeper the network, the closer to 0 its branches start."
    return Recommendation(LayerScale(network.depth), Zeros(), (reason,), (CAIT,))


RULES: dict[str, Callable[[_Network], Recommendation]] = {
    "dense": _weight,
    "conv": _weight,
    "attention": _attention,
    "embedding": _embedding,
    "output": _output,
    "rnn": _rnn,
    "lstm": _lstm,
    "norm": _norm,
    "layer_scale": _layer_scale,
}
"""The rule of each kind of layer."""

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


# ---- activations ----

BOUNDED = ("linear", "tanh", "hardtanh", "softsign", "erf", "sigmoid", "hardsigmoid")
"""Odd, or of the shape of a sigmoid: neither direction matters more, and Xavier takes the mean of both fans."""

UNSTABLE = (
    "relu_squared",
    "hardswish",
    "gelu",
    "gelu_tanh",
    "quick_gelu",
    "silu",
    "mish",
    "swiglu",
    "geglu",
    "reglu",
    "glu",
)
"""Whose second moment of 1 is a fixed point that repels: the slope of q -> gain^2 E[f(sqrt(q) z)^2] at 1 is above 1."""


def _plain(network: _Network) -> Recommendation:
    """By the activation, and the width where it is to be transferred."""
    if network.base_width is not None:
        return _transferred(network)
    initializer, reasons, references = _by_activation(network)
    if network.activation in UNSTABLE and network.normalization is None and not network.residual:
        reasons += (
            f"The second moment of {network.activation} is kept on average, but its deviations grow with each layer: deep "
            f"networks need normalization or residual branches beside it.",
        )
        references += (POOLE,)
    return Recommendation(initializer, Zeros(), reasons, references)


def _by_activation(network: _Network) -> tuple[Initializer, tuple[str, ...], tuple[str, ...]]:
    name, parameters = network.activation, network.parameters
    if name in ("relu", "leaky_relu", "prelu"):
        slope = parameters.get("negative_slope", {"leaky_relu": 0.01, "prelu": 0.25}.get(name, 0.0))
        kept = (1 + slope * slope) / 2
        reason = f"{name} keeps {kept:.4g} of the second moment: variance {1 / kept:.4g} / fan_in makes up for it."
        return HeNormal(slope), (reason,), (HE,)
    if name == "selu":
        return (
            LecunNormal(),
            ("SELU has gain 1: with variance 1 / fan_in its fixed point is mean 0 and variance 1.",),
            (SELU,),
        )
    if name == "sin":
        return _siren(network)
    factor = gain(name, **parameters)
    if name in BOUNDED:
        reason = f"Xavier's, of the mean of both fans, with the exact gain of {name}, {factor:.4g}."
        return XavierNormal(factor), (reason,), (XAVIER,)
    called = name if isinstance(name, str) else "this activation"
    reason = (
        f"The exact gain of {called} is {factor:.4g}; variance gain^2 / fan_in keeps the second moment (ReLU's is 1.414)."
    )
    return VarianceScaling(factor**2, "fan_in", "normal"), (reason,), (HE,)


def _siren(network: _Network) -> tuple[Initializer, tuple[str, ...], tuple[str, ...]]:
    omega, first = network.parameters.get("w0", 30.0), network.position == "first"
    reason = f"Layers sin({omega:g} (W x + b)) keep their distribution with U(+-sqrt(6 / fan_in) / {omega:g})."
    if first:
        reason = "The first layer spreads coordinates in [-1, 1] over several periods of the sine: U(+-1 / fan_in)."
    return Siren(omega, first), (reason,), (SIREN,)


# ---- depth and width ----


def _transferred(network: _Network) -> Recommendation:
    role = "input" if network.position == "first" else "hidden"
    initializer = MuP(role, network.base_width, gain(network.activation, **network.parameters))
    reason = "muP: the learning rate of the narrow model stays the best one, with the factors that `scales(shape)` gives."
    return Recommendation(initializer, Zeros(), (reason,), (MUP,))


def _in_branch(network: _Network) -> Recommendation:
    """With normalization inside the branches."""
    plain = _plain(network)
    if network.normalization == "batch":
        reason = "Batch norm undoes the scale of a weight: start the last norm of each branch at 0 (layer='norm')."
        return _with(plain, plain.initializer, reason, GOYAL)
    if network.position != "last":
        reason = "The norm before each branch makes its scale independent of the depth: only its last layer is narrowed."
        return _with(plain, plain.initializer, reason, GPT2)
    total = network.depth * network.branches
    reason = f"The sum of {total} branches grows with each: over sqrt({total}), all of them add no more than one would."
    return _with(plain, DepthScaled(network.depth, plain.initializer, network.branches), reason, GPT2)


def _fixup(network: _Network) -> Recommendation:
    total = network.depth * network.branches
    if network.position == "last":
        reason = "Without normalization the last layer of each branch starts at 0, and with it each block as the identity."
        return Recommendation(Zeros(), Zeros(), (reason,), (FIXUP,))
    factor, plain = Fixup(total).factor, _plain(network)
    reason = (
        f"Without normalization, weights inside the {total} branches of 2 layers are narrowed by {total}^-1/2, "
        f"{factor:.3g}, and the last one of each starts at 0 (position='last'); of m layers it is Fixup({total}, m)."
    )
    name = network.activation
    if network.base_width is None and isinstance(name, str) and not network.parameters and name != "sin":
        return _with(plain, Fixup(total, nonlinearity=name), reason, FIXUP)
    return _with(plain, DepthScaled(total, plain.initializer, branches=1), reason, FIXUP)


def _post_norm(network: _Network) -> Recommendation:
    _check_no_base_width(network, "DeepNorm")
    initializer = DeepNorm(decoder=network.depth)
    reasons = (
        f"Norms after the sum shrink gradients with the depth: DeepNorm multiplies the residual by {initializer.alpha:.4g} "
        f"and narrows Xavier's by {initializer.beta:.4g}.",
        "Query and key keep xavier_normal; with encoder and decoder both, see `deepnorm_constants`.",
    )
    return Recommendation(initializer, Zeros(), reasons, (DEEPNORM,))


def _with(plain: Recommendation, initializer: Initializer, reason: str, reference: str) -> Recommendation:
    """The recommendation with another initializer, for one more reason."""
    return Recommendation(initializer, plain.bias, (*plain.reasons, reason), (*plain.references, reference))


# ---- checks ----


def _kind(layer: Any) -> str:
    if not isinstance(layer, str):
        raise TypeError(f"layer must be one of {', '.join(map(repr, RULES))}, got {layer!r}")
    known = {kind: kind for kind in RULES} | ALIASES
    if layer.lower() in known:
        return known[layer.lower()]
    hint = did_you_mean(layer.lower(), {form: form for form in known})
    raise ValueError(f"unknown layer {layer!r}: {hint}known: {', '.join(RULES)}")


def _check_no_base_width(network: _Network, scheme: str) -> None:
    if network.base_width is not None:
        raise ValueError(f"base_width goes with normalization='pre' or 'batch': {scheme} says the std itself")


def _check_one_of(name: str, value: Any, known: tuple) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {value!r}")


def _check_count(name: str, count: Any) -> None:
    if count is None:
        return
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{name} must be an int, got {count!r}")
    if count < 1:
        raise ValueError(f"{name} must be at least 1, got {count!r}")
