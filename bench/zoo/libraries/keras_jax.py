"""keras.applications on Keras' backend jax."""

import os

os.environ["KERAS_BACKEND"] = "jax"

from bench.zoo.libraries.applications import factories

__all__ = ["factories"]
