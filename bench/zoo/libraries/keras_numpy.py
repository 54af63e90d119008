"""keras.applications on Keras' backend numpy."""

import os

os.environ["KERAS_BACKEND"] = "numpy"

from bench.zoo.libraries.applications import factories

__all__ = ["factories"]
