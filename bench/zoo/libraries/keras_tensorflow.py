"""keras.applications on Keras' backend tensorflow."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

from bench.zoo.libraries.applications import factories

__all__ = ["factories"]
