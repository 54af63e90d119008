"""What fastinit's Keras initializers have in common: how they are called, and what they draw from."""

from __future__ import annotations

import inspect
import math
from typing import Any

import keras

from fastinit import initializers as ours
from fastinit.core.fill import DTYPES, checked_shape
from fastinit.distributions import Distribution
from fastinit.initializers.layouts import Layout
from fastinit.keras.seeds import NO_DRAWS, Source, check_seed, next_source
from fastinit.keras.tensors import backend

IO = Layout("io")
SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
NAME = inspect.Parameter("name", inspect.Parameter.KEYWORD_ONLY, default=None)


class Filled:
    """Stands before a Keras class among the bases: that one says the arguments and the config, this one the values."""

    def equivalent(self) -> ours.Initializer:
        """fastinit's initializer of the same distribution; for subclasses to say."""
        raise NotImplementedError

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        """How a weight of this shape is read."""
        return IO

    def distribution_for(self, shape: int | tuple[int, ...]) -> Distribution:
        """The distribution that a tensor of this shape is filled with; nothing is drawn."""
        lengths = checked_shape(shape)
        return self.equivalent().distribution_for(lengths, layout=self.layout_for(lengths))

    def next_source(self) -> Source:
        return NO_DRAWS

    def __call__(self, shape: Any, dtype: Any = None, layout: Any = None) -> Any:
        """A tensor of Keras' backend, on the device of its scope.

        `dtype`: float32, float64, float16, bfloat16, float8_e4m3fn or float8_e5m2; None is `keras.config.floatx()`.
        `layout`: None, a `keras.distribution.TensorLayout` or, on jax, a sharding: each device then gets its shard of the
        values, filled where it is. On a CPU the tensor is the memory that was filled. Where only a shape is asked for, as
        when Keras infers those of a model, nothing is filled. TypeError or ValueError for what cannot be filled.
        """
        lengths, dtype = checked_shape(shape), keras.backend.standardize_dtype(dtype)
        if dtype not in DTYPES:
            raise TypeError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
        return backend().tensor(self.distribution_for(lengths), lengths, dtype, self.next_source, layout)


class Filling(Filled):
    """The same value in every element; of whole numbers and others that fastinit has not, it is Keras that makes them."""

    def __call__(self, shape: Any, dtype: Any = None, layout: Any = None) -> Any:
        dtype = keras.backend.standardize_dtype(dtype)
        if dtype in DTYPES:
            return super().__call__(shape, dtype, layout)
        made = super(Filled, self).__call__(checked_shape(shape), dtype)
        return made if layout is None else backend().placed(made, layout)


class Drawn(Filled):
    """Random values.

    `seed` as in Keras: an int, of which every call gives the same values; None, for which an int is drawn from Python's
    `random` when the initializer is made, so that `keras.utils.set_random_seed` governs; or a `keras.random.SeedGenerator`,
    which moves on with each call. `name`, which Keras has not: the tensor's name in fastinit, or None. Tensors of different
    names get independent values from one seed.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Show Keras' arguments and `name` as the class's own.

        Not as its `__signature__`, which would be that of its instances too, in which Keras looks for `layout`.
        """
        super().__init_subclass__(**options)
        if "__init__" in vars(cls) or len(cls.__bases__) == 1:
            return

        def __init__(self: Drawn, *positional: Any, **named: Any) -> None:
            super(cls, self).__init__(*positional, **named)

        _, *arguments = inspect.signature(cls.__bases__[1].__init__).parameters.values()
        __init__.__signature__ = inspect.Signature([SELF, *arguments, NAME])
        cls.__init__ = __init__

    def __init__(self, *positional: Any, name: str | None = None, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.name = name
        check_seed(self.seed, name)
        self.equivalent()

    def next_source(self) -> Source:
        return next_source(self.seed, self.name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "name": self.name}


class Scaled(Drawn):
    """A variance that the fans decide. Keras gives `input_axes` and `output_axes` to these where a layer is an einsum."""

    def __init__(self, *positional: Any, name: str | None = None, **named: Any) -> None:
        super().__init__(*positional, name=name, **named)
        axes_of(self)

    def equivalent(self) -> ours.Initializer:
        return ours.VarianceScaling(self.scale, self.mode, self.distribution, convention="keras")

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        """By Keras' fans, which also vectors and scalars have."""
        return Layout(fan=tuple(max(1, math.prod(axes)) for axes in self._axes(shape)))

    def _axes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The lengths that make fan_in, and those that make fan_out."""
        into, out_of = axes_of(self)
        if into is not None:
            into, out_of = (tuple(shape[axis] for axis in in_range(axes, shape)) for axes in (into, out_of))
            return into, out_of
        return (shape, shape) if len(shape) < 2 else ((*shape[:-2], shape[-2]), (*shape[:-2], shape[-1]))


def axes_of(initializer: keras.initializers.VarianceScaling) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """(input_axes, output_axes), which Keras before 3.15 has not. ValueError where only one is given."""
    into, out_of = (getattr(initializer, name, None) for name in ("input_axes", "output_axes"))
    if (into is None) != (out_of is None):
        raise ValueError(f"input_axes and output_axes go together, got input_axes={into!r}, output_axes={out_of!r}")
    return (None, None) if into is None else (tuple(into), tuple(out_of))


def in_range(axes: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes counted from the front. ValueError for those that the shape has not."""
    for axis in axes:
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"axis {axis} of input_axes or output_axes is out of range for shape {shape}")
    return tuple(axis % len(shape) for axis in axes)
