"""keras.applications on Keras' backend torch."""

import os

os.environ["KERAS_BACKEND"] = "torch"

from bench.zoo.libraries.applications import factories

__all__ = ["factories"]
