"""TensorFlow tensors for Keras: filled at once when eager; in a graph, when it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from fastinit.keras.tensors import Request
from fastinit.runtime.types import Array


def tensor(request: Request, layout: None) -> tf.Tensor:
    source = request.next_source()

    def values(words: Any) -> Array:
        return request.values(source.stream_of(np.asarray(words)))

    if tf.executing_eagerly():
        return tf.convert_to_tensor(values(source.words))
    made = tf.numpy_function(values, [source.words], request.dtype, stateful=False)
    made.set_shape(request.shape)
    return made
