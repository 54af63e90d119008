"""The audit of a Keras model: its values against the distributions of its layers' initializers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from copy import copy
from typing import Any

import keras
import numpy as np

from fastinit import auditing
from fastinit.auditing import Report
from fastinit.initializers.names import InitializerLike
from fastinit.keras.base import DrawnByAxes, Filled
from fastinit.keras.names import CLASSES


def audit(
    model: keras.layers.Layer,
    expected: Mapping[str, InitializerLike] | None = None,
    *,
    copies: Mapping[str, str] | None = None,
    computed: Collection[str] = (),
) -> Report:
    """Measure the variables of a built model or layer, and say what is wrong with them: see `fastinit.audit`.

    A variable is named by its path, "dense/kernel", and read as Keras lays it out, (*kernel, in, out).
    `expected`: by path, what a variable was filled with, as `fastinit.audit` takes it, or an initializer of Keras; a
    variable that is not there is measured alone. None: each variable "kernel" is compared with its layer's
    `kernel_initializer`, and so on, where that is one of `keras.initializers` or of fastinit: as the model was built, not
    after training. `copies`, `computed`: as in `fastinit.audit`. States of random generators are left out.

    TypeError for anything but a layer, ValueError for one that is not built.

    >>> import fastinit.keras, keras
    >>> with fastinit.keras.accelerate():
    ...     model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(100)])
    >>> fastinit.keras.audit(model).ok
    True
    """
    if not isinstance(model, keras.layers.Layer):
        raise TypeError(f"model must be a Keras model or layer, got {type(model).__name__}")
    variables = _by_path(model)
    given = _of_layers(model) if expected is None else _checked(expected)
    by_path = {path: _expected(value, variables.get(path)) for path, value in given.items()}
    arrays = {path: np.asarray(keras.ops.convert_to_numpy(variable.value)) for path, variable in variables.items()}
    return auditing.audit(arrays, by_path, layout="io", copies=copies, computed=computed)


def _by_path(model: keras.layers.Layer) -> dict[str, Any]:
    variables = [variable for variable in model.variables if variable.name != "seed_generator_state"]
    if not variables:
        raise ValueError(f"model {model.name!r} has no variables: build it first, by a call or by build(shape)")
    if twice := [path for path, n in Counter(variable.path for variable in variables).items() if n > 1]:
        raise ValueError(f"model {model.name!r} has several variables of the path {twice[0]!r}: give its layers names")
    return {variable.path: variable for variable in variables}


def _checked(expected: object) -> Mapping[str, Any]:
    if not isinstance(expected, Mapping):
        raise TypeError(f"expected must be a mapping from paths to initializers, got {type(expected).__name__}")
    return expected


def _of_layers(model: keras.layers.Layer) -> dict[str, Filled]:
    """By path, the initializers of variables whose layer has one of their name that fastinit knows."""
    found = {}
    for layer in model._flatten_layers():
        for variable in layer.variables:
            initializer = _known(_of_name(layer, variable.name))
            if initializer is not None and variable.name != "seed_generator_state":
                found[variable.path] = _by_axes(initializer, layer, variable.name)
    return found


def _of_name(layer: keras.layers.Layer, name: str) -> object:
    """The layer's initializer of a variable; None where there is none, and of biases that have ones for the forget gate."""
    if name == "bias" and getattr(layer, "unit_forget_bias", False):
        return None
    by_name = getattr(layer, f"{name}_initializer", None)
    return by_name or getattr(layer, f"{name.removesuffix('_kernel')}_initializer", None)


def _by_axes(initializer: Filled, layer: keras.layers.Layer, name: str) -> Filled:
    """With the axes of an einsum's kernel, which Keras tells to a copy of the layer's initializer."""
    if not isinstance(layer, keras.layers.EinsumDense) or not isinstance(initializer, DrawnByAxes) or name != "kernel":
        return initializer
    if initializer.input_axes is not None:
        return initializer
    kernel, outputs = re.split("->|,", layer.equation)[1:]
    made = copy(initializer)
    made.input_axes = [axis for axis, letter in enumerate(kernel) if letter not in outputs]
    made.output_axes = [axis for axis, letter in enumerate(kernel) if letter in outputs]
    return made


def _known(initializer: object) -> Filled | None:
    """The initializer, or for one of Keras' own that of fastinit with its parameters; None for others and for arrays."""
    name = type(initializer).__name__
    if isinstance(initializer, keras.initializers.Initializer) and not isinstance(initializer, Filled) and name in CLASSES:
        if type(initializer) is not getattr(keras.initializers, name):
            return None
        config = initializer.get_config()
        cls: Any = CLASSES[name]
        initializer = cls.from_config({**config, "seed": 0} if "seed" in config else config)
    return initializer if isinstance(initializer, Filled) and not getattr(initializer, "is_array", False) else None


def _expected(value: Any, variable: Any) -> Any:
    """The distribution of a Keras initializer for the variable; what else is given, as it is."""
    known = _known(value)
    return value if known is None or variable is None else known.distribution_for(tuple(variable.shape))
