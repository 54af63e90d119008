"""Every model of keras.applications, without its weights, on the backend that Keras has been imported with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import keras

import fastinit.keras
from bench.zoo.weights import Values, Weights

OPTIONS: dict[str, dict[str, Any]] = {name: {"input_shape": (32, 32, 3)} for name in ("VGG16", "VGG19")}
"""VGG's first dense layer has 10^8 elements for the usual images. No other model's weights depend on their size."""
TOO_LARGE = {"ConvNeXtLarge": 198, "ConvNeXtXLarge": 350}  # millions of elements


def factories() -> dict[str, Weights]:
    names = [name for name, kind in vars(keras.applications).items() if name[0].isupper() and callable(kind)]
    models = {name: Weights(partial(_application, name)) for name in sorted(names)}
    return models | {f"layers.{name}": Weights(partial(_layers, build)) for name, build in LAYERS.items()}


def _application(name: str, ours: bool) -> Values:
    if name in TOO_LARGE:
        raise ValueError(f"{TOO_LARGE[name]} M elements, of a family whose smaller models are there")
    return _weights(lambda: getattr(keras.applications, name)(weights=None, classes=10, **OPTIONS.get(name, {})), ours)


def _layers(build: Callable[[Any], Any], ours: bool) -> Values:
    return _weights(lambda: build(keras.layers), ours)


def _weights(build: Callable[[], Any], ours: bool) -> Values:
    keras.utils.clear_session()  # for the same names; it ends scopes as well
    with fastinit.keras.accelerate() if ours else nullcontext():
        model = build()
    return [(weight.path, keras.ops.convert_to_numpy(weight.value), weight.trainable) for weight in model.weights]


def _model(shape: tuple[int, ...], *layers: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *layers])


def _attention(layer: Any) -> Any:
    inputs = keras.Input((8, 48))
    return keras.Model(inputs, layer(inputs, inputs))


LAYERS: dict[str, Callable[[Any], Any]] = {
    "Conv1D": lambda of: _model((16, 12), of.Conv1D(48, 3), of.SeparableConv1D(24, 3), of.Conv1DTranspose(36, 3)),
    "Conv2D": lambda of: _model((8, 8, 12), of.Conv2D(48, 3, groups=4), of.DepthwiseConv2D(3), of.Conv2DTranspose(24, 3)),
    "Conv3D": lambda of: _model((5, 5, 5, 12), of.Conv3D(24, 3), of.Conv3DTranspose(12, 3)),
    "Dense": lambda of: _model((48,), of.Dense(96), of.PReLU(), of.LayerNormalization(), of.UnitNormalization()),
    "EinsumDense": lambda of: _model((8, 48), of.EinsumDense("abc,cde->abde", (None, 4, 12), bias_axes="de")),
    "Embedding": lambda of: _model((8,), of.Embedding(96, 48), of.LSTM(36)),
    "GRU": lambda of: _model((8, 24), of.Bidirectional(of.GRU(36, return_sequences=True)), of.SimpleRNN(24)),
    "ConvLSTM1D": lambda of: _model((4, 8, 12), of.ConvLSTM1D(24, 3)),
    "MultiHeadAttention": lambda of: _attention(of.MultiHeadAttention(4, 12, value_dim=16)),
    "GroupQueryAttention": lambda of: _attention(of.GroupQueryAttention(12, 4, 2)),
    "SpectralNormalization": lambda of: _model((8, 48), of.SpectralNormalization(of.Dense(24)), of.GroupNormalization(4)),
}
