"""The strings and configs that mean fastinit's initializers to Keras."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from fastinit.initializers import INITIALIZERS
from fastinit.keras import initializers
from fastinit.keras.wrapped import Initializer
from fastinit.runtime.switches import switch

PACKAGE = "fastinit"


class ByName:
    """Stands for a name that only fastinit has: Keras calls its `from_config` to make the initializer."""

    def __init__(self, name: str) -> None:
        self.name = name

    def from_config(self, config: Mapping[str, Any]) -> Initializer:
        return Initializer(self.name, **config)


def _snake_case(name: str) -> str:
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


CLASSES: dict[str, type] = {name: getattr(initializers, name) for name in initializers.__all__}
NAMES: dict[str, type] = {
    "zero": initializers.Zeros,
    "one": initializers.Ones,
    "normal": initializers.RandomNormal,
    "uniform": initializers.RandomUniform,
    "IdentityInitializer": initializers.Identity,
    "OrthogonalInitializer": initializers.Orthogonal,
    "STFTInitializer": initializers.STFT,
    **{_snake_case(name): cls for name, cls in CLASSES.items()},
    **CLASSES,  # last: the name in saved models
}
"""The names that `keras.initializers.get` knows, each with the class of fastinit."""

for _name, _class in {**NAMES, "Initializer": Initializer}.items():
    keras.saving.register_keras_serializable(PACKAGE, _name)(_class)
for _name in INITIALIZERS:
    if _name not in NAMES:
        keras.saving.register_keras_serializable(PACKAGE, _name)(ByName(_name))


@switch("fastinit.keras.accelerate()")
def accelerate() -> Iterator[None]:
    """Within the block, Keras' own names of initializers mean fastinit's, also where they are defaults.

    That is "glorot_uniform" or "HeNormal" as a string, as layers take them when they are created; objects, and those in the
    configs of saved models, stay what they are. Models that are built within such a block and saved load everywhere: where
    this module is not imported, with Keras' own classes of the same names.

    The scope is the thread: it is a `keras.saving.custom_object_scope`, which Keras keeps by thread and one at a time, so
    that another such scope within the block hides this one.

    >>> import fastinit.keras, keras
    >>> with fastinit.keras.accelerate():
    ...     layer = keras.layers.Dense(64, "relu")
    >>> type(layer.kernel_initializer)
    <class 'fastinit.keras.initializers.GlorotUniform'>
    """
    with keras.saving.custom_object_scope(NAMES):
        yield
