"""The strings and configs that mean fastinit's initializers to Keras."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import keras

from fastinit.initializers import INITIALIZERS
from fastinit.keras import initializers as classes
from fastinit.keras.wrapped import Initializer

PACKAGE = "fastinit"


class ByName:
    """What Keras makes an initializer of fastinit's of, for a name that it has not itself."""

    def __init__(self, name: str) -> None:
        self.name = name

    def from_config(self, config: Mapping[str, Any]) -> Initializer:
        return Initializer(self.name, **config)


def _snake_case(name: str) -> str:
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


CLASSES = [
    classes.Zeros, classes.Ones, classes.Constant, classes.Identity, classes.STFT, classes.RandomNormal,
    classes.TruncatedNormal, classes.RandomUniform, classes.Orthogonal, classes.VarianceScaling, classes.GlorotUniform,
    classes.GlorotNormal, classes.LecunUniform, classes.LecunNormal, classes.HeUniform, classes.HeNormal,
]  # fmt: skip
NAMES = {
    "zero": classes.Zeros,
    "one": classes.Ones,
    "normal": classes.RandomNormal,
    "uniform": classes.RandomUniform,
    "IdentityInitializer": classes.Identity,
    "OrthogonalInitializer": classes.Orthogonal,
    "STFTInitializer": classes.STFT,
    **{_snake_case(cls.__name__): cls for cls in CLASSES},
    **{cls.__name__: cls for cls in CLASSES},  # last: the name in saved models
}
"""The names that `keras.initializers.get` knows, each with our class."""

for _name, _class in {**NAMES, "Initializer": Initializer}.items():
    keras.saving.register_keras_serializable(PACKAGE, _name)(_class)
for _name in INITIALIZERS:
    if _name not in NAMES:
        keras.saving.register_keras_serializable(PACKAGE, _name)(ByName(_name))


def accelerate() -> AbstractContextManager[None]:
    """Within the block, in this thread, Keras' own names of initializers mean fastinit's, also where they are defaults.

        with fastinit.keras.accelerate():
            model = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10)])

    That is "glorot_uniform" or "HeNormal" as a string, as layers take them when they are made; objects, and those in the
    configs of saved models, stay what they are. To load models that were made so, this module must be imported.
    """
    return keras.saving.custom_object_scope(NAMES)
