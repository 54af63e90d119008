"""The distribution of a tensor that consists of boxes, each with a distribution and a stream of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

import numpy as np

from fastinit.distributions.base import Distribution, Quadrature, Region, Request
from fastinit.distributions.boxes import Box, Grid, longer_axes
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Float64Array, Real
from fastinit.runtime.values import replace, value_class


@value_class
class Slab:
    """A box of a tensor, `shape` many indices along each axis from `start` on, with a distribution of its own.

    `distribution`: that of a tensor of the box's shape, of which axes of length 1 may be left out. `key`: names its stream,
    the child of the tensor's stream with this key; None is the tensor's own stream. TypeError and ValueError for anything
    else.

    >>> from fastinit.distributions import Constant, Slab
    >>> Slab((0, 0), (1, 4), Constant(0.0)).box.slices
    (slice(0, 1, None), slice(0, 4, None))
    """

    start: tuple[int, ...]
    shape: tuple[int, ...]
    distribution: Distribution
    key: str | None = None

    def __post_init__(self) -> None:
        vars(self).update(start=checks.shape(self.start, "start"), shape=checks.shape(self.shape))
        if len(self.start) != len(self.shape):
            raise ValueError(f"start and shape must have a number for each axis, got {self.start} and {self.shape}")
        if not isinstance(self.distribution, Distribution):
            raise TypeError(f"distribution must be a fastinit.distributions.Distribution, got {self.distribution!r}")
        if not isinstance(self.key, str | None):
            raise TypeError(f"key must be a string or None, got {self.key!r}")
        only = self.distribution.only_shape
        if only is not None and longer_axes(only) != longer_axes(self.shape):
            raise ValueError(f"{self.distribution!r} is for shape {only} only, got a slab of shape {self.shape}")

    @property
    def box(self) -> Box:
        """Where it lies."""
        return Box(self.start, self.shape)

    def placed(self, of: tuple[int, ...], into: Box) -> Slab:
        """The slab of a tensor of shape `of`, which is the box `into` of a larger one, as a slab of that one."""
        return Slab(*self.box.placed(of, into), self.distribution, self.key)


@value_class
class Slices(Sequence[Slab]):
    """The slabs of a stack of this shape: slice i along axis 0 has the key str(i). Each is made when it is asked for."""

    shape: tuple[int, ...]
    distribution: Distribution

    def __len__(self) -> int:
        return self.shape[0]

    @overload
    def __getitem__(self, item: int) -> Slab: ...
    @overload
    def __getitem__(self, item: slice) -> Sequence[Slab]: ...
    def __getitem__(self, item: int | slice) -> Slab | Sequence[Slab]:
        numbers = range(len(self))[item]
        return tuple(map(self._slab, numbers)) if isinstance(numbers, range) else self._slab(numbers)

    def __post_init__(self) -> None:
        assert self._first  # raises if they do not fit

    @cached_property
    def _first(self) -> Slab:
        return Slab((0,) * len(self.shape), (1, *self.shape[1:]), self.distribution, "0")

    def _slab(self, number: int) -> Slab:
        """As the first one, without its checks."""
        slab = object.__new__(Slab)
        vars(slab).update(vars(self._first), start=(number, *self._first.start[1:]), key=str(number))
        return slab


@value_class
class Slabs(Distribution):
    """A tensor of this shape made of slabs, which together cover it; where two overlap, the later one's values count.

    To fill a part of the tensor costs what it touches of each slab. `slabs`: a tuple of them, or `Slices`. ValueError for
    slabs that reach beyond the tensor, and for elements that no slab covers.

    >>> import fastinit
    >>> from fastinit.distributions import Constant, Normal, Slab, Slabs
    >>> padded = Slabs((5, 2), (Slab((0, 0), (5, 2), Normal(0.0, 0.02)), Slab((0, 0), (1, 2), Constant(0.0))))
    >>> padded
    Slabs([0] Constant(value=0.0), [1:] Normal(mean=0.0, std=0.02))
    >>> fastinit.fill_many(padded, {"embedding": (5, 2)})["embedding"][0]
    array([0., 0.], dtype=float32)
    """

    shape: tuple[int, ...]
    slabs: Sequence[Slab]

    def __post_init__(self) -> None:
        vars(self)["shape"] = checks.shape(self.shape)
        if isinstance(self.slabs, Slices):
            if self.slabs.shape != self.shape:
                raise ValueError(f"slabs must be the slices of shape {self.shape}, got those of shape {self.slabs.shape}")
            return
        vars(self)["slabs"] = tuple(self.slabs)
        for slab in self.slabs:
            if not isinstance(slab, Slab):
                raise TypeError(f"slabs must be fastinit.distributions.Slab, got {slab!r}")
            if len(slab.shape) != len(self.shape) or any(n > most for n, most in zip(slab.box.stop, self.shape)):
                raise ValueError(f"slabs must lie within shape {self.shape}, got one of shape {slab.shape} at {slab.start}")
        if (bare := self._grid.uncovered) is not None:
            raise ValueError(f"slabs must cover all of shape {self.shape}, got none for {bare.text(self.shape)}")

    @property
    def only_shape(self) -> tuple[int, ...]:
        return self.shape

    @property
    def is_elementwise(self) -> bool:
        return all(distribution.is_elementwise for distribution in self._different)

    @property
    def has_density(self) -> bool:
        return self.common is not None and self.common.has_density

    def parameters(self, real: Real) -> Float64Array:
        for distribution in self._different:
            distribution.parameters(real)
        return np.empty(0)  # there is no kernel

    def write(self, request: Request) -> None:
        request.compose(self)

    def regions(self, shape: tuple[int, ...]) -> tuple[Region, ...]:
        if shape == self.shape:
            return self._regions
        if longer_axes(shape) != longer_axes(self.shape):  # a part of the tensor, which one is not known
            return (Region(Box.whole(shape), self.common or self),)
        return tuple(Region(box.placed(self.shape, Box.whole(shape)), of) for box, of in self._regions)

    def whole_boxes(self, shape: tuple[int, ...]) -> Iterator[Box]:
        if not self.is_elementwise:
            for slab in self.slabs:
                into = slab.box.placed(self.shape, Box.whole(shape))
                for box in slab.distribution.whole_boxes(slab.shape):
                    yield box.placed(slab.shape, into)

    @property
    def common(self) -> Distribution | None:
        """The distribution that all values have; None where there is no such one."""
        found = {region.distribution for region in self._regions}
        return found.pop() if len(found) == 1 else None

    @property
    def constant_value(self) -> float | None:
        values = {region.distribution.constant_value for region in self._regions}
        return values.pop() if len(values) == 1 else None

    def integer_value(self) -> int:
        values = {region.distribution.integer_value() for region in self._regions}
        if len(values) != 1:
            raise ValueError(f"integer tensors need one constant value, but {self} has {len(values)}")
        return values.pop()

    def times(self, factor: float) -> Slabs:
        if isinstance(self.slabs, Slices):
            return replace(self, slabs=replace(self.slabs, distribution=self.slabs.distribution.times(factor)))
        return replace(self, slabs=tuple(replace(slab, distribution=slab.distribution.times(factor)) for slab in self.slabs))

    def cdf(self, x: Array) -> Float64Array:
        return self._one().cdf(x)

    @property
    def bounds(self) -> tuple[float, float]:
        return self._one().bounds

    @property
    def centre(self) -> float:
        return self._one().centre

    def quadrature(self) -> Quadrature:
        return self._one().quadrature()

    def _one(self) -> Distribution:
        if self.common is None:
            raise ValueError(f"{self} has no one distribution")
        return self.common

    @cached_property
    def is_disjoint(self) -> bool:
        """Whether no two of the slabs in `seen` overlap."""
        return isinstance(self.slabs, Slices) or sum(slab.box.size for slab in self._seen) == math.prod(self.shape)

    def seen(self, shape: tuple[int, ...], first: int, stop: int) -> Sequence[Slab]:
        """The slabs that have indices along axis 0 from `first` up to `stop`, less those that later ones overwrite all of.

        In a tensor of this shape, which may have more axes of length 1 than the slabs' own.
        """
        if shape == self.shape and isinstance(self._seen, Slices):
            return self._seen[first:stop]
        slabs = self._seen if shape == self.shape else [slab.placed(self.shape, Box.whole(shape)) for slab in self._seen]
        return [slab for slab in slabs if not shape or (slab.start[0] < stop and first < slab.start[0] + slab.shape[0])]

    @cached_property
    def _grid(self) -> Grid:
        return Grid(self.shape, [slab.box for slab in self.slabs])

    @cached_property
    def _seen(self) -> Sequence[Slab]:
        if isinstance(self.slabs, Slices):
            return self.slabs
        visible = self._grid.visible()
        return [slab for number, slab in enumerate(self.slabs) if number in visible]

    @cached_property
    def _different(self) -> set[Distribution]:
        slices = self.slabs
        return {slices.distribution} if isinstance(slices, Slices) else {slab.distribution for slab in slices}

    @cached_property
    def _regions(self) -> tuple[Region, ...]:
        if isinstance(self.slabs, Slices):
            n, inner = self.shape[0], self.slabs.distribution.regions(self.shape[1:])
            return tuple(Region(Box((0, *box.start), (n, *box.shape)), of) for box, of in inner) if n else ()
        found = []
        for seen, number in self._grid.boxes(range(len(self.slabs))):
            slab = self.slabs[number]
            for box, of in slab.distribution.regions(slab.shape):
                found.append(Region(box.placed(slab.shape, slab.box).within(seen), of))
        found = [region for region in found if region.box.size]
        grid = Grid(self.shape, [region.box for region in found])
        return tuple(Region(box, found[number].distribution) for box, number in grid.boxes([r.distribution for r in found]))

    def __repr__(self) -> str:
        return f"Slabs({self.text})"

    @property
    def text(self) -> str:
        """The regions and their distributions, of many the first ones."""
        texts = [f"{box.text(self.shape)} {of}" for box, of in self._regions[:MOST_SHOWN]]
        more = len(self._regions) - MOST_SHOWN
        return ", ".join([*texts, *([f"and {more} more"] if more > 0 else [])])


MOST_SHOWN = 8  # regions in a repr
