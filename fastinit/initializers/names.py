"""An initializer from whatever names it: its own name, another library's, its class, its function or its config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastinit.initializers.base import CONVENTIONS, INITIALIZERS, Initializer, function_name, made_of
from fastinit.runtime.nearest import did_you_mean

# Name in letters and digits alone -> our name and the parameters that the other library's default means.
ALIASES: dict[str, tuple[str, dict[str, Any]]] = {
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
_STD = {"stddev": "std", "sigma": "std"}
PARAMETER_ALIASES: dict[str, dict[str, str]] = {
    "constant": {"val": "value"},
    "uniform": _LOW_HIGH,
    "normal": {**_STD, "loc": "mean"},
    "truncated_normal": {**_LOW_HIGH, **_STD, "loc": "mean"},
    "he_uniform": {"a": "negative_slope", "slope": "negative_slope"},
    "he_normal": {"a": "negative_slope", "slope": "negative_slope"},
    "siren": {"omega_0": "omega", "w0": "omega"},
    "prior_bias": {"prior_prob": "prior"},
    "depth_scaled": {"sigma": "base", "std": "base", "num_layers": "depth", "layer_id": "layer"},
    "small_init": {"dim": "width"},
    "wang_init": {"dim": "width", "n_layers": "depth", "num_blocks": "depth"},
    "orthogonal": {"scale": "gain"},
    "delta_orthogonal": {"scale": "gain"},
}
"""What other libraries call a parameter of ours."""


def get(identifier: Any, /, **parameters: Any) -> Initializer:
    """An initializer: `get("he_normal")`, `get("kaiming_uniform_", a=5**0.5, convention="torch")`, `get("GlorotNormal")`.

    `identifier`: a name of ours, or one of torch, JAX, Flax, Keras, MXNet or Paddle, in any case, with or without `_`; a
    class or function of ours; a mapping {"class_name": ..., "config": ...}; or an initializer, returned as it is.
    `parameters` are those of the initializer, also under the names that the other libraries give them, and `convention`.
    ValueError for an unknown name, naming the nearest; TypeError for an identifier or a parameter that is none.
    """
    if isinstance(identifier, str):
        name, of_alias = _resolved(identifier)
        return _made(INITIALIZERS[name].initializer, parameters, of_alias)
    if isinstance(identifier, Mapping):
        return _of_config(identifier, parameters)
    if isinstance(identifier, Initializer):
        if parameters:
            raise TypeError(f"parameters {', '.join(parameters)} cannot be given with an initializer that has its own")
        return identifier
    cls = getattr(identifier, "initializer", identifier)
    if isinstance(cls, type) and issubclass(cls, Initializer):
        return _made(cls, parameters)
    raise TypeError(f"identifier must be a name, an initializer, its class, function or config, got {identifier!r}")


def _of_config(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> Initializer:
    if set(config) - {"config"} != {"class_name"}:
        raise ValueError(f"a config must have the keys class_name and config, got {', '.join(map(repr, config))}")
    given, name = config.get("config", {}), config["class_name"]
    if not isinstance(name, str):
        raise TypeError(f"class_name must be a name, got {name!r}")
    if not isinstance(given, Mapping):
        raise TypeError(f"config must be a mapping from parameters to values, got {given!r}")
    name, of_alias = _resolved(name)
    cls = INITIALIZERS[name].initializer
    return cls.from_config({**of_alias, **_renamed(name, given), **_renamed(name, parameters)})


def _made(cls: type[Initializer], parameters: Mapping[str, Any], of_alias: Mapping[str, Any] | None = None) -> Initializer:
    parameters = {**(of_alias or {}), **_renamed(function_name(cls), parameters)}
    conventions = tuple(CONVENTIONS) if function_name(cls) in ("zeros", "ones", "constant") else ("math",)  # that all have
    if parameters.get("convention") in conventions:
        parameters.pop("convention")
    return made_of(cls, (), parameters)


def _renamed(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    ours, renamed = PARAMETER_ALIASES.get(name, {}), {}
    for parameter, value in parameters.items():
        own = ours.get(parameter, parameter)
        if own in renamed:
            raise TypeError(f"{own} of {name} is given twice, under two names: {', '.join(parameters)}")
        renamed[own] = value
    return renamed


def _resolved(identifier: str) -> tuple[str, dict[str, Any]]:
    known = {_letters(name): (name, {}) for name in INITIALIZERS} | ALIASES
    letters = _letters(identifier)
    for form in (letters, re.sub("init(ializer)?$", "", letters)):
        if form in known:
            return known[form]
    hint = did_you_mean(letters, {form: name for form, (name, _) in known.items()})
    raise ValueError(f"unknown initializer {identifier!r}: {hint}known: {', '.join(sorted(INITIALIZERS))}")


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
