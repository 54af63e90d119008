"""What fastinit's Keras initializers have in common: how they are called, and what they draw from."""

from __future__ import annotations

import inspect
import math
import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

import keras

from fastinit import initializers
from fastinit.backends.catalogue import ELEMENTS
from fastinit.core.dtypes import element_type
from fastinit.initializers.layouts import Layout
from fastinit.keras.seeds import NO_DRAWS, Seed, Source, check_seed, next_source
from fastinit.keras.tensors import Request, backend
from fastinit.runtime import checks
from fastinit.runtime.forks import without_forks

IO = Layout("io")

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinit.distributions import Distribution
    from fastinit.keras.tensors import Tensor
    from fastinit.runtime.types import Shape

    Axes: TypeAlias = Sequence[int] | None

CALL_DOC = """
Called as `init(shape, dtype=None, layout=None)`, it makes a tensor of Keras' backend:

- `dtype`: one that `fastinit.show_config()` lists and Keras knows; None is `keras.config.floatx()`.
- `layout`: None, a `keras.distribution.TensorLayout` or, on jax, a sharding.

TypeError for other dtypes and layouts; ValueError for a shape that the distribution does not fit.
"""
SEED_DOC = """
- `seed`: an int, with which every call gives the same values; None, for which an int is drawn from Python's `random` when
  the initializer is created, so that `keras.utils.set_random_seed` determines it, and of which a second call warns; or a
  `keras.random.SeedGenerator`, which moves on with each call.
- `name`, which Keras does not have: the tensor's name in fastinit. Tensors of different names get independent values from
  one seed.
"""


class Filled(keras.initializers.Initializer):
    """A base class that stands before a Keras class, which has the config; this one computes the values."""

    shared_doc = CALL_DOC

    def __init_subclass__(cls, **options: Any) -> None:
        """Add what all classes share to the docstring of each, before its example."""
        super().__init_subclass__(**options)
        if cls.__doc__:
            text, arrows, example = inspect.cleandoc(cls.__doc__).partition(">>>")
            cls.__doc__ = f"{text.rstrip()}\n{cls.shared_doc}\n{arrows}{example}"

    def equivalent(self) -> initializers.Initializer:
        """The initializer of fastinit that has the same distribution; subclasses override it."""
        raise NotImplementedError

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        """Which axes of a weight of this shape are inputs and outputs."""
        return IO

    def distribution_for(self, shape: Shape) -> Distribution:
        """The distribution that a tensor of this shape is filled with; nothing is drawn."""
        lengths = checks.shape(shape)
        return self.equivalent().distribution_for(lengths, layout=self.layout_for(lengths))

    def next_source(self) -> Source:
        """Where the values of the next call come from."""
        return NO_DRAWS

    def __call__(self, shape: Shape, dtype: Any = None, layout: Any = None) -> Tensor:
        """A tensor of Keras' backend, on the device of its scope.

        With a `layout` each device gets its shard of the values, filled where it is. On a CPU the tensor is the memory that
        was filled. Where only a shape is asked for, as when Keras infers those of a model, nothing is filled.
        """
        lengths, dtype = checks.shape(shape), keras.backend.standardize_dtype(dtype)
        element_type(dtype)  # refuses others
        request = Request(self.distribution_for(lengths), lengths, dtype, self.next_source)
        return backend(layout).tensor(request, layout)


class Filling(Filled):
    """The same value in every element. Keras itself makes tensors of dtypes that fastinit lacks, as integers."""

    is_array = False
    """Whether there are several values, with which Keras fills tensors by its rules of broadcasting."""

    def __call__(self, shape: Shape, dtype: Any = None, layout: Any = None) -> Tensor:
        dtype = keras.backend.standardize_dtype(dtype)
        if dtype in ELEMENTS and not self.is_array:
            return super().__call__(shape, dtype, layout)
        made = super(Filled, self).__call__(checks.shape(shape), dtype)
        if layout is None:
            return made
        backend(layout)
        with without_forks():
            from fastinit.keras.on_jax import placed

        return placed(made, layout)


class Drawn(Filled):
    """Random values, with a seed as in Keras and a name as in fastinit."""

    seed: Seed
    _init_seed: Any  # as it was given, Keras'
    shared_doc = SEED_DOC + CALL_DOC

    def __init__(self, *arguments: Any, name: str | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.name = name
        check_seed(self.seed, name)
        self.check()

    def check(self) -> None:
        """Raise for invalid parameters."""
        self.equivalent()

    def next_source(self) -> Source:
        if self._init_seed is None:
            self._warn_of_repeats()
        return next_source(self.seed, self.name)

    def _warn_of_repeats(self) -> None:
        """Once, at the second call."""
        self._calls = getattr(self, "_calls", 0) + 1
        if self._calls == 2:
            warnings.warn(
                f"{type(self).__name__} gives the same values at each call, as Keras' own do: it was given no seed, and has "
                "been called twice. Give each layer an initializer of its own, its name as a string for instance, or a "
                "keras.random.SeedGenerator as seed",
                stacklevel=5,
            )

    def get_config(self) -> dict[str, Any]:
        """As Keras', with the name where there is one: without it Keras' own class takes the config too."""
        config: dict[str, Any] = super().get_config()
        return config if self.name is None else {**config, "name": self.name}


class DrawnByAxes(Drawn):
    """Keras sets `input_axes` and `output_axes` of these where a layer is an einsum."""

    input_axes: Axes
    output_axes: Axes

    def check(self) -> None:
        super().check()
        in_axes, out_axes = self.input_axes, self.output_axes
        if (in_axes is None) != (out_axes is None):
            raise ValueError(f"input_axes and output_axes go together, got input_axes={in_axes!r}, output_axes={out_axes!r}")

    def axes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """The input and the output axes; None where there are none. ValueError for those that the shape does not have."""
        in_axes, out_axes = self.input_axes, self.output_axes
        if in_axes is None or out_axes is None:
            return None
        for axis in (*in_axes, *out_axes):
            if not -len(shape) <= axis < len(shape):
                raise ValueError(f"axis {axis} of input_axes or output_axes is out of range for shape {shape}")
        return tuple(in_axes), tuple(out_axes)


class Scaled(DrawnByAxes):
    """Initializers whose variance is a scale over a fan."""

    scale: float
    mode: str
    distribution: str

    def equivalent(self) -> initializers.Initializer:
        return initializers.VarianceScaling(self.scale, self.mode, self.distribution, convention="keras")

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        """The layout that has the fans as Keras computes them, also of vectors and scalars."""
        in_axes, out_axes = self.axes(shape) or _default_axes(len(shape))
        fan_in, fan_out = (math.prod(shape[axis] for axis in axes) for axes in (in_axes, out_axes))
        return Layout(fan=(max(1, fan_in), max(1, fan_out)))


def _default_axes(n: int) -> tuple[Sequence[int], Sequence[int]]:
    """The axes that make fan_in, and those that make fan_out, of a tensor of `n` axes, (*kernel, in, out)."""
    return ((*range(n - 2), n - 2), (*range(n - 2), n - 1)) if n > 1 else (range(n), range(n))


class Preset(Scaled):
    """A variance scaling whose numbers are Keras' own."""

    def __init__(
        self, seed: Any = None, input_axes: Axes = None, output_axes: Axes = None, *, name: str | None = None
    ) -> None:
        super().__init__(seed, input_axes, output_axes, name=name)
