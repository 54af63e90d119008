"""Layers of Flax, of linen and of nnx, and small models of them: with their own initializers, and with fastinit's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx, traverse_util

import fastinit.jax as ours
from bench.zoo.weights import Values, Weights

INITIALIZERS: dict[str, Any] = {
    "kernel_init": ours.lecun_normal(),
    "recurrent_kernel_init": ours.orthogonal(),
    "embedding_init": ours.variance_scaling(1.0, "fan_in", "normal", out_axis=0),
    "bias_init": ours.zeros_init(),
    "scale_init": ours.ones_init(),
    "forget_bias_init": ours.ones_init(),
    "activation_bias_init": ours.zeros_init(),
    "a_initializer": ours.he_uniform(),
    "b_initializer": ours.zeros_init(),
}
"""What Flax's layers take where nothing is given, of the same names but for the embedding's, which has none."""

Make = Callable[..., Any]
"""`make(kind, *args)` is a layer of this kind, with its own initializers or with fastinit's."""


def stock(kind: Any, *args: Any, **options: Any) -> Any:
    return kind(*args, **options)


def filled(kind: Any, *args: Any, **options: Any) -> Any:
    taken = inspect.signature(kind.__init__).parameters
    return kind(*args, **{name: init for name, init in INITIALIZERS.items() if name in taken}, **options)


def factories() -> dict[str, Weights]:
    found = {f"linen.{name}": Weights(partial(_linen, *layer)) for name, layer in LINEN.items()}
    found["linen.Transformer.jit"] = Weights(partial(_linen, *LINEN["Transformer"], jit=True))
    return found | {f"nnx.{name}": Weights(partial(_nnx, layer)) for name, layer in NNX.items()}


def _key() -> jax.Array:
    return jax.random.key(np.random.randint(2**31))  # so that it follows from the sweep's seed


def _linen(build: Callable[[Make], linen.Module], shape: tuple[int, ...], ours: bool, *, jit: bool = False) -> Values:
    model = build(filled if ours else stock)
    init = jax.jit(model.init) if jit else model.init
    variables = init(_key(), jnp.zeros(shape, int if shape == TOKENS else float))
    for path, array in traverse_util.flatten_dict(variables, sep="/").items():
        yield path, array, path.startswith("params/")


def _nnx(build: Callable[[Make, nnx.Rngs], nnx.Module], ours: bool) -> Values:
    model = build(filled if ours else stock, nnx.Rngs(_key()))
    for path, variable in nnx.to_flat_state(nnx.state(model)):
        if not issubclass(variable.type, nnx.RngState):
            yield "/".join(map(str, path)), variable.get_value(), issubclass(variable.type, nnx.Param)


TOKENS = (2, 7)


class Transformer(linen.Module):
    make: Make

    @linen.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        x = self.make(linen.Embed, 96, 48)(tokens)
        for _ in range(2):
            x = x + self.make(linen.MultiHeadDotProductAttention, 4)(self.make(linen.LayerNorm)(x))
            wide = linen.gelu(self.make(linen.Dense, 192)(self.make(linen.RMSNorm)(x)))
            x = x + self.make(linen.Dense, 48)(wide)
        return x


class Layer(linen.Module):
    make: Make

    @linen.compact
    def __call__(self, x: jax.Array, _: None = None) -> tuple[jax.Array, None]:
        return self.make(linen.Dense, 48)(x), None


class Scanned(linen.Module):
    """Layers whose weights are stacked, each of a key of its own."""

    make: Make

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        layers = linen.scan(Layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        return layers(self.make)(x, None)[0]


class ResNet(linen.Module):
    make: Make

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.make(linen.Conv, 24, (3, 3), use_bias=False)(x)
        for width in (24, 48):
            y = self.make(linen.Conv, width, (3, 3))(linen.relu(self.make(linen.BatchNorm, use_running_average=True)(x)))
            x = self.make(linen.Conv, width, (1, 1))(x) + self.make(linen.Conv, width, (3, 3), feature_group_count=4)(y)
        return self.make(linen.Dense, 10)(x.mean((1, 2)))


class Network(nnx.Module):
    def __init__(self, make: Make, rngs: nnx.Rngs) -> None:
        self.embed = make(nnx.Embed, 96, 48, rngs=rngs)
        self.attention = make(nnx.MultiHeadAttention, 4, 48, rngs=rngs)
        self.norm = make(nnx.LayerNorm, 48, rngs=rngs)
        self.layers = nnx.List([make(nnx.Linear, 48, 96, rngs=rngs), make(nnx.Linear, 96, 48, rngs=rngs)])


VECTORS, IMAGES, SEQUENCES = (2, 24), (2, 6, 6, 12), (2, 7, 24)
LINEN: dict[str, tuple[Any, ...]] = {
    "Dense": (lambda make: make(linen.Dense, 48), VECTORS),
    "Dense.bfloat16": (lambda make: make(linen.Dense, 48, param_dtype=jnp.bfloat16), VECTORS),
    "Dense.float16": (lambda make: make(linen.Dense, 48, param_dtype=jnp.float16), VECTORS),
    "DenseGeneral": (lambda make: make(linen.DenseGeneral, (4, 12), axis=(-2, -1)), SEQUENCES),
    "DenseGeneral.batch_dims": (lambda make: make(linen.DenseGeneral, 48, batch_dims=(0,)), SEQUENCES),
    "Einsum": (lambda make: make(linen.Einsum, (24, 4, 12), "abc,cde->abde"), SEQUENCES),
    "Conv": (lambda make: make(linen.Conv, 48, (3, 3)), IMAGES),
    "Conv.groups": (lambda make: make(linen.Conv, 48, (3, 3), feature_group_count=4), IMAGES),
    "Conv.1": (lambda make: make(linen.Conv, 48, (3,)), SEQUENCES),
    "ConvTranspose": (lambda make: make(linen.ConvTranspose, 48, (3, 3)), IMAGES),
    "ConvTranspose.transpose_kernel": (lambda make: make(linen.ConvTranspose, 48, (3, 3), transpose_kernel=True), IMAGES),
    "ConvLocal": (lambda make: make(linen.ConvLocal, 24, (3, 3)), IMAGES),
    "Embed": (lambda make: make(linen.Embed, 96, 48), TOKENS),
    "BatchNorm": (lambda make: make(linen.BatchNorm, use_running_average=True), IMAGES),
    "LayerNorm": (lambda make: make(linen.LayerNorm), VECTORS),
    "RMSNorm": (lambda make: make(linen.RMSNorm), VECTORS),
    "GroupNorm": (lambda make: make(linen.GroupNorm, 4), IMAGES),
    "InstanceNorm": (lambda make: make(linen.InstanceNorm), IMAGES),
    "WeightNorm": (lambda make: make(linen.WeightNorm, make(linen.Dense, 48)), VECTORS),
    "MultiHeadDotProductAttention": (lambda make: make(linen.MultiHeadDotProductAttention, 4, qkv_features=48), SEQUENCES),
    "SelfAttention": (lambda make: make(linen.SelfAttention, 4), SEQUENCES),
    "Bidirectional": (lambda make: linen.Bidirectional(*(linen.RNN(make(linen.GRUCell, 36)) for _ in range(2))), SEQUENCES),
    "Transformer": (Transformer, TOKENS),
    "Scanned": (Scanned, (2, 48)),
    "ResNet": (ResNet, IMAGES),
}
for _kind in (linen.LSTMCell, linen.OptimizedLSTMCell, linen.GRUCell, linen.MGUCell, linen.SimpleCell):
    LINEN[_kind.__name__] = (lambda make, kind=_kind: linen.RNN(make(kind, 36)), SEQUENCES)
NNX: dict[str, Callable[[Make, nnx.Rngs], nnx.Module]] = {
    "Linear": lambda make, rngs: make(nnx.Linear, 24, 48, rngs=rngs),
    "Linear.bfloat16": lambda make, rngs: make(nnx.Linear, 24, 48, param_dtype=jnp.bfloat16, rngs=rngs),
    "LinearGeneral": lambda make, rngs: make(nnx.LinearGeneral, (4, 12), (6, 8), axis=(-2, -1), rngs=rngs),
    "Einsum": lambda make, rngs: make(nnx.Einsum, "abc,cde->abde", (24, 4, 12), (4, 12), rngs=rngs),
    "Conv": lambda make, rngs: make(nnx.Conv, 24, 48, (3, 3), rngs=rngs),
    "Conv.groups": lambda make, rngs: make(nnx.Conv, 24, 48, (3, 3), feature_group_count=4, rngs=rngs),
    "ConvTranspose": lambda make, rngs: make(nnx.ConvTranspose, 24, 48, (3, 3), rngs=rngs),
    "Embed": lambda make, rngs: make(nnx.Embed, 96, 48, rngs=rngs),
    "BatchNorm": lambda make, rngs: make(nnx.BatchNorm, 48, rngs=rngs),
    "LayerNorm": lambda make, rngs: make(nnx.LayerNorm, 48, rngs=rngs),
    "RMSNorm": lambda make, rngs: make(nnx.RMSNorm, 48, rngs=rngs),
    "GroupNorm": lambda make, rngs: make(nnx.GroupNorm, 48, 4, rngs=rngs),
    "InstanceNorm": lambda make, rngs: make(nnx.InstanceNorm, 48, rngs=rngs),
    "MultiHeadAttention": lambda make, rngs: make(nnx.MultiHeadAttention, 4, 48, rngs=rngs),
    "LoRA": lambda make, rngs: make(nnx.LoRA, 24, 8, 48, rngs=rngs),
    "LoRALinear": lambda make, rngs: make(nnx.LoRALinear, 24, 48, lora_rank=8, rngs=rngs),
    "LSTMCell": lambda make, rngs: make(nnx.LSTMCell, 24, 36, rngs=rngs),
    "OptimizedLSTMCell": lambda make, rngs: make(nnx.OptimizedLSTMCell, 24, 36, rngs=rngs),
    "GRUCell": lambda make, rngs: make(nnx.GRUCell, 24, 36, rngs=rngs),
    "SimpleCell": lambda make, rngs: make(nnx.SimpleCell, 24, 36, rngs=rngs),
    "Network": Network,
}
