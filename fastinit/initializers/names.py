"""Finds the initializer for a name, fastinit's or another library's, a class, a function, a config or a distribution."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from fastinit.distributions import Distribution
from fastinit.initializers.base import CLASSES, CONVENTIONS, Initializer, made_of
from fastinit.initializers.definition import INITIALIZERS, InitializerFunction
from fastinit.initializers.layouts import Layout, LayoutLike
from fastinit.initializers.other_libraries import NAMES, PARAMETERS
from fastinit.runtime.nearest import did_you_mean
from fastinit.runtime.types import Shape
from fastinit.runtime.values import fields, value_class

InitializerLike: TypeAlias = "str | Initializer | type[Initializer] | InitializerFunction | Distribution | Mapping[str, Any]"
"""What `get` takes."""


def get(identifier: InitializerLike, /, **parameters: Any) -> Initializer:
    """The initializer that a name, a class, a function, a config or a distribution stands for.

    `identifier`: a name of fastinit's, or of torch, JAX, Flax, Keras, MXNet or Paddle, in any case, with or without `_`; a
    class or function; a mapping {"class_name": ..., "config": ...}; a `fastinit.distributions.Distribution`, which is then
    that of every shape; or an initializer, returned as it is. `parameters` are those of the initializer, also under the
    names that the other libraries give them, and `convention`.
    ValueError for an unknown name, with the nearest; TypeError for another kind of identifier, or an unknown parameter.

        >>> import fastinit
        >>> fastinit.get("kaiming_uniform_", a=0.1, convention="torch")
        HeUniform(negative_slope=0.1, convention='torch')
        >>> fastinit.get(fastinit.distributions.Normal(0.0, 0.02))
        Normal(std=0.02)
    """
    return named("identifier", identifier, parameters)


def named(argument: str, identifier: Any, parameters: Mapping[str, Any] | None = None) -> Initializer:
    """As `get`, for the argument called `argument`, which the error for another kind of identifier names."""
    parameters = parameters or {}
    if isinstance(identifier, str):
        name, of_alias = resolved(identifier)
        return _made(INITIALIZERS[name].initializer, parameters, of_alias)
    if isinstance(identifier, Mapping):
        return _of_config(identifier, parameters)
    if isinstance(identifier, (Initializer, Distribution)):
        if parameters:
            raise TypeError(f"parameters {', '.join(parameters)} cannot be given with an initializer that has its own")
        return identifier if isinstance(identifier, Initializer) else _of_distribution(identifier)
    cls = getattr(identifier, "initializer", identifier)
    if isinstance(cls, type) and issubclass(cls, Initializer):
        return _made(cls, parameters)
    raise TypeError(
        f"{argument} must be a name, an initializer, its class, function or config, or a distribution, got {identifier!r}"
    )


def distribution_of(anything: InitializerLike, shape: Shape, layout: LayoutLike = None) -> Distribution:
    """The distribution of a tensor of this shape, for all that `get` takes; for a distribution it is that one.

    >>> from fastinit.initializers import distribution_of
    >>> distribution_of("he_normal", (8, 4)), distribution_of(distribution_of("ones", 3), (8, 4))
    (Normal(mean=0.0, std=0.5), Constant(value=1.0))
    """
    if isinstance(anything, Distribution) and anything.only_shape is None:  # at once: adapters ask it at every fill
        return anything
    return get(anything).distribution_for(shape, layout=layout)


@value_class
class Fixed(Initializer):
    """The distribution of tensors of one shape as an initializer, which takes that shape only."""

    distribution: Distribution

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> Distribution:
        if shape != self.distribution.only_shape:
            raise ValueError(f"{self.distribution!r} is for shape {self.distribution.only_shape} only, got shape {shape}")
        return self.distribution

    def get_config(self) -> dict[str, Any]:
        raise TypeError(f"{self.distribution!r} of a given shape has no config: give the initializer that makes it")


def _of_distribution(distribution: Distribution) -> Initializer:
    """The initializer of the same name, whose parameters are the distribution's."""
    if distribution.only_shape is not None:
        return Fixed(distribution)
    return CLASSES[type(distribution).__name__](
        **{field.name: getattr(distribution, field.name) for field in fields(distribution)}
    )


def _of_config(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> Initializer:
    if set(config) - {"config"} != {"class_name"}:
        raise ValueError(f"a config must have the keys class_name and config, got {', '.join(map(repr, config))}")
    given, name = config.get("config", {}), config["class_name"]
    if not isinstance(name, str):
        raise TypeError(f"class_name must be a name, got {name!r}")
    if not isinstance(given, Mapping):
        raise TypeError(f"config must be a mapping from parameters to values, got {given!r}")
    name, of_alias = resolved(name)
    cls = INITIALIZERS[name].initializer
    return cls.from_config({**of_alias, **_renamed(name, given), **_renamed(name, parameters)})


def _made(cls: type[Initializer], parameters: Mapping[str, Any], of_alias: Mapping[str, Any] | None = None) -> Initializer:
    name = cls.function_name
    parameters = {**(of_alias or {}), **_renamed(name, parameters)}
    in_all = tuple(CONVENTIONS) if name in ("zeros", "ones", "constant") else ("math",)
    if parameters.get("convention") in in_all:  # also where the initializer has no such parameter
        parameters.pop("convention")
    return made_of(cls, parameters, foreign=PARAMETERS.get(name))


def _renamed(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    own, renamed = PARAMETERS.get(name, {}), {}
    for parameter, value in parameters.items():
        known = own.get(parameter, parameter)
        if known in renamed:
            raise TypeError(f"{known} of {name} is given twice, under two names: {', '.join(parameters)}")
        renamed[known] = value
    return renamed


def resolved(identifier: str) -> tuple[str, dict[str, Any]]:
    """The function of fastinit that a name stands for, and the parameters that the name implies. ValueError if unknown."""
    known: dict[str, tuple[str, dict[str, Any]]] = {_letters(name): (name, {}) for name in INITIALIZERS} | NAMES
    letters = _letters(identifier)
    for form in (letters, re.sub("init(ializer)?$", "", letters)):
        if form in known:
            return known[form]
    hint = did_you_mean(letters, {form: name for form, (name, _) in known.items()})
    raise ValueError(f"unknown initializer {identifier!r}: {hint}known: {', '.join(sorted(INITIALIZERS))}")


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
