"""Any initializer of fastinit as one of Keras."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import keras

from fastinit import initializers
from fastinit.initializers.layouts import Layout, layout_of
from fastinit.keras.base import IO, DrawnByAxes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastinit.keras.base import Axes


class Initializer(DrawnByAxes, keras.initializers.VarianceScaling):
    """Any initializer of fastinit for Keras, by its name or as a value.

    - `identifier` and further `parameters`: as for `fastinit.get`, whose errors are raised. Where an initializer has
      a `convention` and none is given, it is Keras', unless the initializer is given as a value or a config.
    - `layout`: which axes are inputs and outputs, as in `fastinit.initializers`; None is the layer's own axes where it is an
      einsum (Keras tells them to subclasses of its VarianceScaling alone, so this is one), else "io", (*kernel, in, out).
      Shapes are read by fastinit's rules: what needs fans refuses vectors.

    >>> import fastinit.keras, keras
    >>> init = fastinit.keras.Initializer("layer_scale", depth=24)
    >>> keras.ops.convert_to_numpy(init((2,)))
    array([1.e-05, 1.e-05], dtype=float32)
    """

    def __init__(
        self,
        identifier: Any,
        layout: str | Layout | Mapping[str, Any] | None = None,
        seed: Any = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        *,
        name: str | None = None,
        **parameters: Any,
    ) -> None:
        self.initializer = _of_keras(identifier, parameters)
        self.layout = None if layout is None else layout_of(layout)
        super().__init__(seed=seed, input_axes=input_axes, output_axes=output_axes, name=name)

    def equivalent(self) -> initializers.Initializer:
        return self.initializer

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        if self.layout is not None or (axes := self.axes(shape)) is None:
            return self.layout or IO
        return Layout(in_axis=axes[0], out_axis=axes[1])

    def get_config(self) -> dict[str, Any]:
        return {
            "identifier": {"class_name": type(self.initializer).__name__, "config": self.initializer.get_config()},
            "layout": None if self.layout is None else _plain(self.layout),
            "seed": super().get_config()["seed"],
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
            **({} if self.name is None else {"name": self.name}),
        }


def _of_keras(identifier: Any, parameters: dict[str, Any]) -> initializers.Initializer:
    made = initializers.get(identifier, **parameters)
    says_all = "convention" in parameters or isinstance(identifier, (initializers.Initializer, dict))
    if says_all or not any(field.name == "convention" for field in fields(made)):
        return made
    return initializers.get(identifier, convention="keras", **parameters)


def _plain(layout: Layout) -> dict[str, Any]:
    """The fields that differ from the default, as JSON holds them."""
    given = {field.name: getattr(layout, field.name) for field in fields(layout)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value != getattr(IO, name) or name == "letters"
    }
