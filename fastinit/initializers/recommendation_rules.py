"""The rules of `recommend`: for each type of layer an initializer, the reasons, and the papers they are from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fastinit.initializers.base import Initializer
from fastinit.initializers.biases import LSTMBias, PriorBias
from fastinit.initializers.depth import NORMAL_OF_GPT2, DepthScaled, LayerScale
from fastinit.initializers.gains import Function, gain
from fastinit.initializers.identities import Identity
from fastinit.initializers.orthogonality import Orthogonal
from fastinit.initializers.plain import Normal, Ones, Zeros
from fastinit.initializers.residual import DeepNorm, Fixup, TFixup
from fastinit.initializers.scaled import HeNormal, LecunNormal, Siren, VarianceScaling, XavierNormal
from fastinit.initializers.width import MuP

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
    """An initializer for a layer's weight, one for its bias, and the reasons, a sentence each, with their references."""

    initializer: Initializer
    bias: Initializer
    reasons: tuple[str, ...]
    references: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"weight: {self.initializer!r}", f"bias: {self.bias!r}", *(f"- {reason}" for reason in self.reasons)]
        return "\n".join([*lines, *(f"[{n}] {reference}" for n, reference in enumerate(self.references, 1))])

    def and_(self, reason: str, reference: str, initializer: Initializer | None = None) -> Recommendation:
        """This recommendation with one more reason, and with `initializer` in place of its own where one is given."""
        reasons, references = (*self.reasons, reason), (*self.references, reference)
        return replace(self, initializer=initializer or self.initializer, reasons=reasons, references=references)


@dataclass(frozen=True)
class Network:
    """The arguments of `recommend`, checked."""

    activation: str | Function
    parameters: dict[str, Any]
    position: str
    depth: int  # 0 where it is not given
    residual: bool
    normalization: str | None
    branches: int
    width: int | None
    base_width: float | None
    prior: float | None

    @property
    def gain(self) -> float:
        return gain(self.activation, **self.parameters)

    @property
    def total_branches(self) -> int:
        return self.depth * self.branches


def _for(
    initializer: Initializer, *reasons: str, of: tuple[str, ...] = (), bias: Initializer | None = None
) -> Recommendation:
    return Recommendation(initializer, bias or Zeros(), reasons, of)


# ---- layers ----


def _weight(network: Network) -> Recommendation:
    """The rule of dense and convolutional layers; the first layer of a network is in no branch."""
    if not network.residual or network.position == "first":
        return _plain(network)
    return {"post": _post_norm, None: _fixup}.get(network.normalization, _in_branch)(network)


def _attention(network: Network) -> Recommendation:
    network = replace(network, activation="linear", parameters={})
    if not network.residual:
        return _plain(network)
    return {"post": _post_norm, None: _t_fixup}.get(network.normalization, _in_branch)(network)


def _embedding(network: Network) -> Recommendation:
    if network.width is None or network.base_width is not None:
        reason = "An embedding is looked up, not summed over: its std is a constant whatever the width; 0.02 is GPT-2's."
        return _for(NORMAL_OF_GPT2, reason, of=(GPT2, MUP))
    return _for(
        Normal(std=network.width**-0.5),
        f"Rows of {network.width} values with std width^-1/2 have length 1: logits of a tied output have variance 1.",
        "Multiply what is looked up by sqrt(width), or normalize it, to start with variance 1.",
        of=(VASWANI,),
    )


def _output(network: Network) -> Recommendation:
    if network.prior is not None:
        reason = f"The bias makes every class start with the probability {network.prior!r}, that of the positives."
        return _for(Normal(std=0.01), reason, of=(FOCAL,), bias=PriorBias(network.prior))
    if network.base_width is not None:
        reason = "The output's std falls as 1 / fan_in, so that wider models start with smaller logits and learn alike."
        return _for(MuP("output", network.base_width), reason, of=(MUP,))
    if network.residual and network.normalization is None:
        return _for(Zeros(), "Fixup starts the classifier at 0.", of=(FIXUP,))
    return _for(Normal(std=0.01), "With small weights all classes start about equally likely.", of=(GOYAL,))


def _rnn(network: Network) -> Recommendation:
    if network.activation == "relu":
        reason = "The identity lets a recurrent network of ReLUs keep its state, and its gradient, over many steps."
        return _for(Identity(), reason, of=(IRNN,))
    reason = "An orthogonal matrix keeps the length of the state, and of its gradient, over many steps."
    return _for(Orthogonal(), reason, of=(SAXE,))


def _lstm(network: Network) -> Recommendation:
    return _for(
        Orthogonal(),
        "An orthogonal matrix keeps the length of the state, and of its gradient; give each gate its own with `parts`.",
        "A forget bias of 1 makes the cell remember from the start; its order of gates is torch's.",
        of=(SAXE, FORGET),
        bias=LSTMBias(),
    )


def _norm(network: Network) -> Recommendation:
    if network.residual and network.normalization == "batch" and network.position == "last":
        reason = "A scale of 0 in the last norm of a branch makes each block start as the identity."
        return _for(Zeros(), reason, of=(GOYAL,))
    return _for(Ones(), "A norm starts as normalization alone: scale 1, shift 0.")


def _layer_scale(network: Network) -> Recommendation:
    if not network.depth:
        raise ValueError("depth is needed for layer_type='layer_scale', whose value it decides")
    return _for(LayerScale(network.depth), "The deeper the network, the closer to 0 its branches start.", of=(CAIT,))


RULES: dict[str, Callable[[Network], Recommendation]] = {
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
"""The rule of each type of layer."""


# ---- activations ----

BOUNDED = ("linear", "tanh", "hardtanh", "softsign", "erf", "sigmoid", "hardsigmoid")
"""Odd, or of the shape of a sigmoid: neither direction matters more, and Xavier takes the mean of both fans."""

# Their second moment of 1 is a fixed point that repels: the slope of q -> gain^2 E[f(sqrt(q) z)^2] at 1 is above 1.
UNSTABLE = (
    "relu_squared", "hardswish", "gelu", "gelu_tanh", "quick_gelu", "silu", "mish", "swiglu", "geglu", "reglu", "glu",
)  # fmt: skip


def _plain(network: Network) -> Recommendation:
    """The rule outside residual branches: by the activation, and by muP where `base_width` is given."""
    if network.base_width is not None:
        reason = (
            "muP: the learning rate of the narrow model stays the best one, with the factors that `scales(shape)` gives."
        )
        role = "input" if network.position == "first" else "hidden"
        return _for(MuP(role, network.base_width, network.gain), reason, of=(MUP,))
    recommendation = _by_activation(network)
    if network.activation in UNSTABLE and network.normalization is None and not network.residual:
        reason = (
            f"The second moment of {network.activation} is kept on average, but its deviations grow with each layer: deep "
            f"networks need normalization or residual branches beside it."
        )
        return recommendation.and_(reason, POOLE)
    return recommendation


def _by_activation(network: Network) -> Recommendation:
    name = network.activation
    if name in ("relu", "leaky_relu", "prelu"):
        slope = network.parameters.get("negative_slope", {"leaky_relu": 0.01, "prelu": 0.25}.get(str(name), 0.0))
        kept = (1 + slope * slope) / 2
        reason = f"{name} keeps {kept:.4g} of the second moment: variance {1 / kept:.4g} / fan_in makes up for it."
        return _for(HeNormal(negative_slope=slope), reason, of=(HE,))
    if name == "selu":
        reason = "SELU has gain 1: with variance 1 / fan_in its fixed point is mean 0 and variance 1."
        return _for(LecunNormal(), reason, of=(SELU,))
    if name == "sin":
        omega, first = network.parameters.get("w0", 30.0), network.position == "first"
        reason = f"Layers sin({omega:g} (W x + b)) keep their distribution with U(+-sqrt(6 / fan_in) / {omega:g})."
        if first:
            reason = "The first layer spreads coordinates in [-1, 1] over several periods of the sine: U(+-1 / fan_in)."
        return _for(Siren(omega, first), reason, of=(SIREN,))
    factor = network.gain
    if name in BOUNDED:
        reason = f"Xavier's, of the mean of both fans, with the exact gain of {name}, {factor:.4g}."
        return _for(XavierNormal(gain=factor), reason, of=(XAVIER,))
    called = name if isinstance(name, str) else "this activation"
    reason = (
        f"The exact gain of {called} is {factor:.4g}; variance gain^2 / fan_in keeps the second moment (ReLU's is 1.414)."
    )
    return _for(VarianceScaling(factor**2, "fan_in", "normal"), reason, of=(HE,))


# ---- residual branches ----


def _in_branch(network: Network) -> Recommendation:
    """The rule inside residual branches that have normalization."""
    plain, total = _plain(network), network.total_branches
    if network.normalization == "batch":
        reason = "Batch norm undoes the scale of a weight: start the last norm of each branch at 0 (layer_type='norm')."
        return plain.and_(reason, GOYAL)
    if network.position != "last":
        reason = "The norm before each branch makes its scale independent of the depth: only its last layer is narrowed."
        return plain.and_(reason, GPT2)
    reason = f"The sum of {total} branches grows with each: over sqrt({total}), all of them add no more than one would."
    return plain.and_(reason, GPT2, DepthScaled(network.depth, plain.initializer, network.branches))


def _fixup(network: Network) -> Recommendation:
    total, plain, name = network.total_branches, _plain(network), network.activation
    if network.position == "last":
        reason = "Without normalization the last layer of each branch starts at 0, and with it each block as the identity."
        return _for(Zeros(), reason, of=(FIXUP,))
    reason = (
        f"Without normalization, weights inside the {total} branches of 2 layers are narrowed by {total}^-1/2, "
        f"{Fixup(total).factor:.3g}, and the last one of each starts at 0 (position='last'); of m layers it is "
        f"Fixup({total}, m)."
    )
    if network.base_width is None and isinstance(name, str) and not network.parameters and name != "sin":
        return plain.and_(reason, FIXUP, Fixup(total, nonlinearity=name))
    return plain.and_(reason, FIXUP, DepthScaled(total, plain.initializer, branches=1))


def _t_fixup(network: Network) -> Recommendation:
    _check_no_base_width(network, "T-Fixup")
    initializer = TFixup("encoder", network.depth)
    return _for(
        initializer,
        f"Without normalization T-Fixup narrows value, output and feed-forward weights to {initializer.gain:.3g} of "
        f"Xavier's; in a decoder use TFixup('decoder', {network.depth}).",
        "Query and key keep xavier_uniform.",
        of=(TFIXUP,),
    )


def _post_norm(network: Network) -> Recommendation:
    _check_no_base_width(network, "DeepNorm")
    initializer = DeepNorm(decoder=network.depth)
    return _for(
        initializer,
        f"Norms after the sum shrink gradients with the depth: DeepNorm multiplies the residual by {initializer.alpha:.4g} "
        f"and narrows Xavier's by {initializer.beta:.4g}.",
        "Query and key keep xavier_normal; with encoder and decoder both, see `deepnorm_constants`.",
        of=(DEEPNORM,),
    )


def _check_no_base_width(network: Network, scheme: str) -> None:
    if network.base_width is not None:
        raise ValueError(f"base_width goes with normalization='pre' or 'batch': {scheme} sets the std itself")
