"""TensorFlow tensors for Keras: made at once when eager, when the graph runs in a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from fastinit.core.fill import fill
from fastinit.distributions import Distribution
from fastinit.keras.seeds import Source
from fastinit.keras.tensors import check_no_layout


def tensor(
    distribution: Distribution, shape: tuple[int, ...], dtype: str, next_source: Callable[[], Source], layout: Any
) -> tf.Tensor:
    check_no_layout(layout)
    source = next_source()

    def values(words: Any) -> np.ndarray:
        return fill(distribution, shape, seed=source.stream_of(np.asarray(words)), dtype=dtype)

    if tf.executing_eagerly():
        return tf.convert_to_tensor(values(source.words))
    made = tf.numpy_function(values, [source.words], dtype, stateful=False)
    made.set_shape(shape)
    return made


def placed(tensor: tf.Tensor, layout: Any) -> tf.Tensor:
    check_no_layout(layout)
    return tensor
