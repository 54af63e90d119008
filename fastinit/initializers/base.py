"""The base classes of the initializers: immutable values that give a tensor's distribution and fill the tensor from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

import numpy as np

from fastinit.core.fill import fill
from fastinit.distributions import Distribution, WholeTensor
from fastinit.distributions.base import Draws
from fastinit.initializers.layouts import UNSPECIFIED, Layout, LayoutLike, layout_of
from fastinit.runtime import checks
from fastinit.runtime.types import Array, DTypeLike, Index, Seed, Shape
from fastinit.runtime.values import complaint, fields, value_class
from fastinit.runtime.zeros import signs_of_zeros

CONVENTIONS = {"math": UNSPECIFIED, "torch": Layout("oi"), "keras": Layout("io"), "jax": Layout("io")}
"""The conventions, each with the layout that is its framework's default ("math" has none above two axes)."""

CLASSES: dict[str, type[Initializer]] = {}
"""Every initializer's class by its name, as in HeNormal."""

I = TypeVar("I", bound="Initializer")  # noqa: E741  # the only one here

CHECKS: dict[object, Callable[[str, object], object]] = {
    "float": checks.number,
    "int": checks.integer,
    "bool": checks.boolean,
}
"""For each annotation of a parameter, the function that converts a value to that type."""


@value_class
class Initializer:
    """Base of the initializers. Two are equal if their class and parameters are; the repr makes an equal one again.

    A subclass is decorated with `@initializer` (fastinit/initializers/definition.py) and has the method `_distribution`, and
    `check` where parameters may be wrong.

        >>> from fastinit.initializers import HeNormal
        >>> HeNormal(negative_slope=0.1) == HeNormal(negative_slope=0.1, mode="fan_in"), HeNormal().get_config()["mode"]
        (True, 'fan_in')
    """

    function_name: ClassVar[str] = "this initializer"
    """The name of its function, which errors mention: he_normal for HeNormal, unless the class has another one."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names of its function."""
    positional: ClassVar[int] = 0
    """How many parameters its function takes by position, after the shape."""

    def __post_init__(self) -> None:
        """Convert parameters to plain floats, ints and bools; `check` raises for whatever else is wrong."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "convention":
                checks.one_of("convention", value, CONVENTIONS)
            elif field.type == "int" or (field.type in CHECKS and type(value).__name__ != field.type):
                self._set(field.name, CHECKS[field.type](field.name, value))
        try:
            self.check()
        except OverflowError:
            raise _beyond(self) from None

    def _set(self, parameter: str, value: object) -> None:
        object.__setattr__(self, parameter, value)  # only while the value is constructed

    def check(self) -> None:
        """Raise ValueError for invalid parameters; subclasses override it."""

    def check_parameter(self, check: Callable[..., object], *parameters: str, **options: Any) -> None:
        """Replace each of these parameters by what `check(name, value, **options)` of runtime/checks.py returns for it."""
        for parameter in parameters:
            self._set(parameter, check(parameter, getattr(self, parameter), **options))

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> Distribution:
        """The distribution of a tensor of this shape; subclasses override it."""
        raise NotImplementedError

    def distribution_for(self, shape: Shape, *, layout: LayoutLike = None) -> Distribution:
        """The distribution that a tensor of this shape is filled from; nothing is drawn."""
        return _cached_distribution(self, checks.shape(shape), self.layout(layout))

    def layout(self, layout: LayoutLike) -> Layout:
        """The layout that a call's `layout` argument means: for None, that of the convention's framework."""
        return CONVENTIONS[getattr(self, "convention", "math")] if layout is None else layout_of(layout)

    @property
    def shares_stream(self) -> bool:
        """Whether parts of one tensor that it fills match, because all draw from the tensor's own stream."""
        return False

    def __call__(
        self,
        shape: Shape,
        *,
        seed: Seed = None,
        name: str | None = None,
        dtype: DTypeLike = np.float32,
        layout: LayoutLike = None,
        out: Array | None = None,
        index: Index = None,
    ) -> Array:
        """A tensor, or the part `index` of it, filled by this initializer; the options: `help(fastinit.initializers)`."""
        lengths = checks.shape(shape)
        distribution = _cached_distribution(self, lengths, self.layout(layout))
        return fill(distribution, lengths, seed=seed, name=name, dtype=dtype, out=out, index=index)

    def __eq__(self, other: object) -> bool:
        """Whether class and parameters are the same, the signs of zeros included: caches take equal ones for one."""
        if type(other) is not type(self) or vars(other) != vars(self):
            return False
        return signs_of_zeros(vars(other).values()) == signs_of_zeros(vars(self).values())

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        """The class and the parameters that are not the default."""
        given = ((f, getattr(self, f.name)) for f in fields(self))
        shown = (
            f"{f.name}={value!r}"
            for f, value in given
            if value != f.default or signs_of_zeros((value,)) != signs_of_zeros((f.default,))
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def get_config(self) -> dict[str, Any]:
        """The parameters as plain data that JSON can hold: `from_config` makes an equal initializer of it."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_config(cls: type[I], config: Mapping[str, Any]) -> I:
        """The initializer that `get_config` describes. TypeError for parameters that it does not have."""
        if not isinstance(config, Mapping):
            raise TypeError(f"config must be a mapping from parameters to values, got {config!r}")
        return made_of(cls, {name: _from_plain(value) for name, value in config.items()})


class WholeTensorInitializer(Initializer):
    """Base of the initializers whose values need the whole tensor.

    A part of the tensor (`index`) is taken from the full one, which is computed first: memory is that of the full tensor.

        >>> from fastinit.initializers import CLASSES, WholeTensorInitializer
        >>> [name for name, cls in CLASSES.items() if issubclass(cls, WholeTensorInitializer)][:3]
        ['MimeticAttention', 'LSTMBias', 'ChronoBias']
    """

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> Distribution:
        self.check_shape(shape, layout)
        return WholeTensor(self, shape, layout)

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        """Raise ValueError for a shape or layout that this initializer cannot fill; subclasses override it."""

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> Array:
        """All values, float32 or float64 as `draws.real` says, or exact in both; subclasses override it."""
        raise NotImplementedError

    def multiplications(self, shape: tuple[int, ...], layout: Layout) -> int:
        """About how many multiplications `values` takes, if many for each value: those of a large tensor are made once a
        machine, as they depend on nothing else than the arguments; subclasses override it.
        """
        return 0


@lru_cache(maxsize=4096)
def _cached_distribution(initializer: Initializer, shape: tuple[int, ...], layout: Layout) -> Distribution:
    try:
        return initializer._distribution(shape, layout)
    except OverflowError:
        raise _beyond(initializer) from None


def _beyond(initializer: Initializer) -> ValueError:
    return ValueError(f"{initializer} has parameters of which numbers beyond the range of float64 come")


def made_of(
    cls: type[I],
    parameters: Mapping[str, Any],
    positional: tuple[object, ...] = (),
    options: tuple[str, ...] = (),
    foreign: Mapping[str, str] | None = None,
) -> I:
    """An initializer of these parameters, as its function takes them: `positional` ones whatever the class takes.

    TypeError for a parameter that is unknown or missing, with what there is. `options`: other parameters that the caller
    takes, listed in the error too; `foreign`: parameters' names elsewhere.
    """
    try:
        return cls(*positional, **parameters)
    except TypeError as error:
        wrong = complaint(cls.function_name, fields(cls), positional, parameters, options, foreign)
        raise TypeError(wrong or error) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Initializer):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _from_plain(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"class_name", "config"}:
        return CLASSES[checks.one_of("class_name", value["class_name"], sorted(CLASSES))].from_config(value["config"])
    if isinstance(value, list):
        return tuple(_from_plain(item) for item in value)
    return value
