"""What other libraries call the initializers and their parameters."""

from __future__ import annotations

from typing import Any

# A name's letters and digits -> fastinit's name, and the parameters that have the other library's defaults.
NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    **{alias: (name, {}) for alias, name in {
        "zero": "zeros", "one": "ones",
        "randomuniform": "uniform", "randomnormal": "normal", "gaussian": "normal",
        "truncnormal": "truncated_normal", "truncnormaltf": "truncated_normal", "randomtruncatednormal": "truncated_normal",
        "glorotuniform": "xavier_uniform", "glorotnormal": "xavier_normal", "xavier": "xavier_uniform",
        "kaiminguniform": "he_uniform", "kaimingnormal": "he_normal", "msra": "he_normal",
        "uniformscaling": "lecun_uniform", "uniformunitscaling": "lecun_uniform",
        "eye": "identity", "convolutionaldeltaorthogonal": "delta_orthogonal",
        "sine": "siren", "biasinitwithprob": "prior_bias",
        "scaledinitmethodnormal": "depth_scaled", "initmethodnormal": "normal",  # Megatron-LM
        "wanginitmethod": "wang_init", "smallinitinitmethod": "small_init", "smallinitinit": "small_init",  # GPT-NeoX, xLSTM
    }.items()},
    "firstlayersine": ("siren", {"first": True}),  # of the authors of SIREN
    "msraprelu": ("he_normal", {"negative_slope": 0.25, "mode": "fan_avg"}),  # mxnet.init.MSRAPrelu
}  # fmt: skip

_LOW_HIGH = {"a": "low", "b": "high", "minval": "low", "maxval": "high", "lower": "low", "upper": "high"}
_STD = {"stddev": "std", "sigma": "std", "loc": "mean", "scale": "std"}
_SLOPE = {"a": "negative_slope", "slope": "negative_slope"}
PARAMETERS: dict[str, dict[str, str]] = {
    "constant": {"val": "value"}, "uniform": _LOW_HIGH, "normal": _STD, "truncated_normal": _LOW_HIGH | _STD,
    "he_uniform": _SLOPE, "he_normal": _SLOPE, "orthogonal": {"scale": "gain"}, "delta_orthogonal": {"scale": "gain"},
    "siren": {"omega_0": "omega", "w0": "omega"}, "prior_bias": {"prior_prob": "prior"},
    "depth_scaled": {"sigma": "base", "std": "base", "num_layers": "depth", "layer_id": "layer"},
    "small_init": {"dim": "width"}, "wang_init": {"dim": "width", "n_layers": "depth", "num_blocks": "depth"},
}  # fmt: skip
"""By the name of a function: what other libraries call its parameters."""
