"""Any initializer of fastinit's as one of Keras'."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import keras

from fastinit import initializers as ours
from fastinit.initializers.layouts import Layout, layout_of
from fastinit.keras.base import IO, Drawn, axes_of, in_range


class Initializer(Drawn, keras.initializers.VarianceScaling):
    """Any initializer of fastinit's for Keras: `Initializer("mamba_dt_bias")`, `Initializer(HeNormal(negative_slope=0.2))`.

    `identifier` and further `parameters` are those of `fastinit.initializers.get`. An initializer that has conventions has that
    of Keras where none is said, unless it is given as a value or a config.
    `layout`: which axes are inputs and outputs, as in `fastinit.initializers`; None is the layer's own axes where it is an
    einsum (Keras tells them to subclasses of its VarianceScaling alone, so this is one), else "io", (*kernel, in, out).
    `seed` and `name` as for all others here. Shapes are read by fastinit's rules: what needs fans refuses vectors.
    """

    def __init__(
        self,
        identifier: Any,
        layout: Any = None,
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
        *,
        name: str | None = None,
        **parameters: Any,
    ) -> None:
        self.initializer = _of_keras(identifier, parameters)
        self.layout = None if layout is None else layout_of(layout)
        super().__init__(seed=seed, name=name)
        self.input_axes, self.output_axes = input_axes, output_axes
        axes_of(self)

    def equivalent(self) -> ours.Initializer:
        return self.initializer

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        into, out_of = axes_of(self)
        if self.layout is not None or into is None:
            return self.layout or IO
        return Layout(in_axis=in_range(into, shape), out_axis=in_range(out_of, shape))

    def get_config(self) -> dict[str, Any]:
        return {
            "identifier": {"class_name": type(self.initializer).__name__, "config": self.initializer.get_config()},
            "layout": None if self.layout is None else _plain(self.layout),
            "seed": super().get_config()["seed"],
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
            "name": self.name,
        }


def _of_keras(identifier: Any, parameters: dict[str, Any]) -> ours.Initializer:
    made = ours.get(identifier, **parameters)
    says_all = "convention" in parameters or isinstance(identifier, (ours.Initializer, dict))
    if says_all or not any(field.name == "convention" for field in fields(made)):
        return made
    return ours.get(identifier, convention="keras", **parameters)


def _plain(layout: Layout) -> dict[str, Any]:
    """The fields that are said, as JSON holds them."""
    said = {field.name: getattr(layout, field.name) for field in fields(layout)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in said.items()
        if value != getattr(IO, name) or name == "letters"
    }
