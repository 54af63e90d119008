"""Replaces the few functions of torch through which all its random initialization goes.

`torch.nn.init.kaiming_uniform_`, `nn.Linear`, Hugging Face's `_init_weights`, under whatever name they were imported, end in
`Tensor.normal_`, `Tensor.uniform_` and `torch.nn.init._no_grad_trunc_normal_`, which are replaced; so are `orthogonal_` and
`sparse_`, which are more than one fill, in the modules that name them. Shapes, fans, warnings and errors stay torch's own.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache, partial, update_wrapper, wraps
from types import FunctionType
from typing import Any, TypeAlias

import torch
from torch import Generator, Tensor

from fastinit import distributions
from fastinit.distributions import Distribution
from fastinit.initializers import Constant, Initializer, Orthogonal, Sparse, TruncatedNormal
from fastinit.runtime.scoped_patch import Replacement, ScopedPatch
from fastinit.torch.drawing import streams
from fastinit.torch.drawing.filling import filled
from fastinit.torch.drawing.tensor_methods import in_c


def copied(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function as it is now, whatever code is put into the original later."""
    assert isinstance(function, FunctionType)
    made = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    return update_wrapper(made, function)


Stock: TypeAlias = dict[str, Callable[..., Tensor]]
METHODS: Stock = {name: getattr(torch.Tensor, name) for name in ("normal_", "uniform_")}
STOCK: Stock = {name: copied(getattr(torch.nn.init, name)) for name in ("_no_grad_trunc_normal_", "orthogonal_", "sparse_")}
"""torch's own methods of tensors, and functions of torch.nn.init, by name."""

OF_LAYERS = ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_")
STOCK_INIT: Stock = {name: getattr(torch.nn.init, name) for name in ("uniform_", "normal_", *OF_LAYERS)} | STOCK
"""What `drawn` leaves to torch: looked up now, since the functions of these names may later be ones that call `drawn`."""

STOCK_TRUNC_NORMAL = streams.named(None)(STOCK["_no_grad_trunc_normal_"])
"""Without names: it redraws what is out of bounds, and a name's stream gives the same values each time."""


def known(kind: Callable[..., Distribution], *parameters: float) -> Distribution:
    """`kind(*parameters)`, for numbers the same object each time: a model's tensors are drawn from few distributions."""
    return _known(kind, *parameters) if {*map(type, parameters)} <= NUMBERS else kind(*parameters)


NUMBERS = {int, float}


@lru_cache(maxsize=1024, typed=True)
def _known(kind: Callable[..., Distribution], *parameters: float) -> Distribution:
    return kind(*parameters)


@wraps(METHODS["normal_"])
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    stock = partial(METHODS["normal_"], self, mean, std, generator=generator)
    return filled(self, partial(known, distributions.Normal, mean, std), generator, stock, asked=("normal", mean, std))


@wraps(METHODS["uniform_"])
def uniform_(self: Tensor, *bounds: float, generator: Generator | None = None, **named: float) -> Tensor:
    low, high = (*bounds, *(0.0, 1.0)[len(bounds) :])[:2]
    low, high = named.get("from", low), named.get("to", high)  # `from` can be no parameter: Python reserves the word
    stock = partial(METHODS["uniform_"], self, *bounds, generator=generator, **named)
    return filled(self, partial(known, distributions.Uniform, low, high), generator, stock, asked=("uniform", low, high))


@wraps(STOCK["_no_grad_trunc_normal_"])
def trunc_normal_(
    tensor: Tensor,
    mean: float,
    std: float,
    a: float,
    b: float,
    generator: Generator | None = None,
    *,
    explicit: bool = False,
) -> Tensor:
    if torch.compiler.is_compiling():  # which cannot look into STOCK_TRUNC_NORMAL
        return STOCK["_no_grad_trunc_normal_"](tensor, mean, std, a, b, generator)
    make, stock = (
        partial(_truncated_normal, mean, std, a, b),
        partial(STOCK_TRUNC_NORMAL, tensor, mean, std, a, b, generator),
    )
    with torch.no_grad():
        asked = () if is_far_out(mean, std, a, b) else ("truncated", mean, std, a, b)
        return filled(tensor, make, generator, stock, explicit=explicit, asked=asked)


def _truncated_normal(mean: float, std: float, a: float, b: float) -> Initializer:
    if std == 0 and a <= b:  # the limit of ever smaller std, where torch divides by zero
        return Constant(min(max(mean, a), b))
    initializer = TruncatedNormal(mean, std, a, b, bounds="absolute")
    if is_far_out(mean, std, a, b):
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.",
            stacklevel=4,
        )
    return initializer


def is_far_out(mean: float, std: float, a: float, b: float) -> bool:
    """Whether torch warns that the mean is far outside of the bounds."""
    return mean < a - 2 * std or mean > b + 2 * std


@wraps(STOCK["orthogonal_"])
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None, *, explicit: bool = False) -> Tensor:
    return drawn(tensor, lambda: Orthogonal(gain), "orthogonal_", gain, generator, explicit=explicit)


@wraps(STOCK["sparse_"])
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None, *, explicit: bool = False
) -> Tensor:
    def initializer() -> Initializer:
        if tensor.ndim != 2:
            raise ValueError("left to torch, for its message")
        return Sparse(sparsity, std, convention="torch")  # rows are inputs, and each column has its share of zeros

    return drawn(tensor, initializer, "sparse_", sparsity, std, generator, explicit=explicit)


def drawn(
    tensor: Tensor, make: Callable[[], Initializer | Distribution], name: str, *parameters: Any, explicit: bool = True
) -> Tensor:
    """The tensor, `filled` without gradients. `parameters`: those of torch.nn.init's function `name`, the generator last."""
    *numbers, generator = parameters
    stock = partial(STOCK_INIT[name], tensor, *parameters)
    with torch.no_grad():
        return filled(tensor, make, generator, stock, explicit=explicit, asked=(name, *numbers))


COPIES_OF_TRUNC_NORMAL = (
    "timm.layers.weight_init",
    "diffusers.pipelines.deprecated.unidiffuser.modeling_uvit",
)
"""Modules with a `_trunc_normal_` of their own, as torch had it until 2.12: the inverse cdf of a uniform draw, in 5 steps.
Where that rounds to 1, once in 2^24 float32 values, the value is at the bound, 100 standard deviations out for std=0.02."""


def _copy_of_trunc_normal(stock: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(stock)
    def draw(tensor: Tensor, mean: float, std: float, a: float, b: float) -> Tensor:
        with torch.no_grad():
            return filled(tensor, partial(_truncated_normal, mean, std, a, b), None, partial(stock, tensor, mean, std, a, b))

    return draw


TENSOR_METHODS = in_c(normal_, uniform_)


def _replacements() -> Iterator[Replacement]:
    for name, method in TENSOR_METHODS.items():
        yield torch.Tensor, name, method
    # Hugging Face calls what it found in torch.nn.init when it was imported, by way of this table
    table = getattr(sys.modules.get("transformers.initialization"), "TORCH_INIT_FUNCTIONS", {})
    for name, new in (("_no_grad_trunc_normal_", trunc_normal_), ("orthogonal_", orthogonal_), ("sparse_", sparse_)):
        yield torch.nn.init, name, new
        if name in table:
            yield table, name, new
    for name in COPIES_OF_TRUNC_NORMAL:
        if name in sys.modules:
            yield sys.modules[name], "_trunc_normal_", _copy_of_trunc_normal(sys.modules[name]._trunc_normal_)


PATCH = ScopedPatch(_replacements)
"""Puts the replacements in force, in the whole process; what they fill by fastinit, streams.py decides."""
