"""Methods of NumPy's Generator that choose and order things: `permutation`, `shuffle`, `choice`.

Many at once come from kernels, the same on any number of threads; few, and what is not plainly valid, from NumPy's code.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastinit.backends import current
from fastinit.backends.generator_requests import ChoiceRequest, ShuffleRequest
from fastinit.backends.table import Table
from fastinit.core.pieces import native_threads
from fastinit.random import requests
from fastinit.random.bit_generator import TILE_WORDS
from fastinit.random.drawing import Drawing
from fastinit.random.short_draws import Form, few_by_numpy
from fastinit.random.typed import typed_as
from fastinit.runtime.types import Array, Float64Array, Int64Array

_numpy = np.random.Generator

LEAST = 2048
"""Items, or choices among them, from which on kernels take less time than NumPy's code."""
MOST_NUMBERS = 2**60 - 1  # of an array of int64: more are NumPy's to refuse
BUCKET_BITS = 12  # a bucket has 2^11 to 2^12 items, which fit the first cache
MOST_BITS = 24
LEAST_RATIO = 2  # of things to choices without replacement, from which on drawing until all differ beats an order of all
MOST_RATIO_WEIGHTED = 16  # the same with probabilities, up to which an order of all beats NumPy's way
SAMPLE = 4096  # of times, from which a bound of the earliest is estimated
# Of the sum of probabilities from 1: of what is between this and NumPy's limit NumPy's code draws, or refuses it.
LARGEST_DEVIATION = 1e-9


class Ordering(Drawing):
    """These methods, for the Generator."""

    @typed_as(_numpy.permutation)
    @few_by_numpy(Form.FEW_ITEMS, LEAST)
    def permutation(self, x: Any, axis: int = 0) -> Any:
        """A random order of the numbers below `x`, or a copy of an array, shuffled along `axis`.

        See `numpy.random.Generator.permutation`. Every order is equally likely: items are dealt out to buckets at random,
        and each bucket is shuffled (Rao 1961, Sandelius 1962).

        >>> fastinit.default_rng(0).permutation(5)
        array([3, 1, 2, 0, 4])
        """
        if type(x) is int and 0 <= x < LEAST and axis == 0:  # NumPy's code, which would call `shuffle` again
            order = np.arange(x)
            _numpy.shuffle(self, order)
            return order
        permuted = self._permuted(x, axis)
        return _numpy.permutation(self, x, axis) if permuted is None else permuted

    @typed_as(_numpy.shuffle)
    @few_by_numpy(Form.FEW_ITEMS, LEAST)
    def shuffle(self, x: Any, axis: int = 0) -> None:
        """Put an array or a list into a random order along `axis`, in place, arrays as `permutation` does.

        See `numpy.random.Generator.shuffle`, whose code shuffles lists.

        >>> deck = [1, 2, 3, 4]
        >>> fastinit.default_rng(0).shuffle(deck)
        >>> deck
        [2, 3, 4, 1]
        """
        if type(x) is not np.ndarray or not self._has_shuffled(x, axis):
            shuffle_by_numpy(super().shuffle, x, axis)

    @typed_as(_numpy.choice)
    @few_by_numpy(Form.FEW_CHOICES, LEAST)
    def choice(
        self, a: Any, size: Any = None, replace: bool = True, p: Any = None, axis: int = 0, shuffle: bool = True
    ) -> Any:
        """Elements of an array, or of the numbers below `a`, with or without replacement, equally likely or as `p` says.

        See `numpy.random.Generator.choice`. Without replacement and with `p` each next one is chosen among those left in
        proportion to their probabilities, by the least of exponentials (Efraimidis and Spirakis 2006).

        >>> fastinit.default_rng(0).choice(5, 3)
        array([2, 0, 4])
        """
        is_small = size is None or (type(size) is int and size < LEAST)
        chosen = None if is_small else self._chosen(a, size, replace, p, axis)
        return _numpy.choice(self, a, size, replace, p, axis, shuffle) if chosen is None else chosen

    # ---- requests that kernels answer ----

    def _permuted(self, x: Any, axis: Any) -> Array | None:
        """The result, or None where NumPy's code must give it, or raise the error."""
        if requests.is_integer(x):
            return self._order(int(x)) if LEAST <= x <= MOST_NUMBERS and axis == 0 else None
        if not _has_many(x, axis):
            return None
        items = _unsigned(x) if x.ndim == 1 else None
        if items is None:
            return _taken(x, self._order(x.shape[axis]), axis)
        permuted = np.empty_like(items)
        self._write_order(items, permuted)
        return np.asarray(permuted.view(x.dtype))

    def _has_shuffled(self, x: Any, axis: Any) -> bool:
        """Whether it has shuffled it; else NumPy's code must."""
        if not _has_many(x, axis) or not x.flags.writeable:
            return False
        items = _unsigned(x) if x.ndim == 1 else None
        if items is not None:
            self._write_order(items, items)
        else:
            x[...] = _taken(x, self._order(x.shape[axis]), axis)
        return True

    def _chosen(self, a: Any, size: Any, replace: Any, p: Any, axis: Any) -> Array | None:
        """The result of a choice of many, or None where NumPy's code must give it, or raise the error."""
        shape, n = requests.plain_shape(size), _population(a, axis)
        if shape is None or n is None:
            return None
        count = math.prod(shape)
        probabilities = None if p is None else _probabilities(p, n)
        if count < LEAST or (p is not None and probabilities is None):
            return None
        if replace and probabilities is None:
            return self._equally_likely(a, n, shape, axis)
        chosen: Int64Array | None
        if probabilities is None:
            chosen = self._different(n, count)
        else:
            chosen = self._searched(probabilities, count) if replace else self._weighted(probabilities, count)
        if chosen is None:
            return None
        return _taken(a, chosen.reshape(shape), axis)

    def _equally_likely(self, a: Any, n: int, shape: tuple[int, ...], axis: int) -> Array:
        """Elements, or the numbers below n, each as likely as the others."""
        items = _items(a, axis)
        if items is None or not items.size:  # the numbers of elements without content are drawn as well
            return _taken(a, self.integers(n, size=shape), axis)
        chosen = np.empty((math.prod(shape), *items.shape[1:]), items.dtype)
        if chosen.size:
            distribution, parameters = requests.integers_from(0, n)
            kernel = f"{distribution}_uint64"
            stream, start = self._take(kernel, len(chosen))
            request = ChoiceRequest(kernel, stream, parameters, start, items, chosen, native_threads(chosen.size))
            current().operations.choose(request)
        return chosen.reshape(*shape, *items.shape[1:])

    # ---- numbers ----

    def _order(self, n: int, wanted: int | None = None) -> Int64Array:
        """The first `wanted` of the numbers below n in a random order."""
        order = np.empty(n, np.int64)
        self._write_order(None, order, n if wanted is None else wanted)
        if wanted is not None:
            order.resize(wanted, refcheck=False)  # without a copy
        return order

    def _write_order(self, items: Array | None, out: Array, wanted: int | None = None) -> None:
        n = len(out)
        bits = min(max((n - 1).bit_length() - BUCKET_BITS, 0), MOST_BITS)
        stream, start = self._take("words_uint32", -(-n // TILE_WORDS) * TILE_WORDS + n)
        request = ShuffleRequest(stream, start, bits, n if wanted is None else wanted, items, out, native_threads(n))
        current().operations.shuffle(request)

    def _different(self, n: int, count: int) -> Int64Array | None:
        """`count` numbers below n, all unlike each other: the first that occur of equally likely ones."""
        if count > n:
            return None
        if n < LEAST_RATIO * count:
            return self._order(n, count)
        chosen = np.empty(count, np.int64)
        move, known = current().operations.distinct(chosen, n), 0
        while known < count:
            self.integers(n, out=chosen[known:])  # type: ignore[call-overload]  # of the Generator, which takes `out`
            known = move(known)
        return chosen

    def _searched(self, probabilities: Float64Array, count: int) -> Int64Array | None:
        """`count` numbers with these probabilities, as NumPy's code gets them: by their cdf, of `random`."""
        if len(probabilities) > count:  # NumPy's search takes less time than the guide to be made
            return None
        cdf = probabilities.cumsum()
        return self._tabled(Table.of(cdf / cdf[-1]), (count,))

    def _weighted(self, probabilities: Float64Array, count: int) -> Int64Array | None:
        """`count` numbers, all unlike each other: those that come first where each comes after an exponential time."""
        num_possible = int(np.count_nonzero(probabilities))
        if count > num_possible or num_possible > MOST_RATIO_WEIGHTED * count:
            return None
        times = self.standard_exponential(num_possible)
        with np.errstate(over="ignore"):
            if num_possible == len(probabilities):
                return _earliest(np.divide(times, probabilities, out=times), count)
            possible = np.flatnonzero(probabilities)
            return possible[_earliest(np.divide(times, probabilities[possible], out=times), count)]


def _earliest(times: Float64Array, count: int) -> Int64Array:
    """The numbers of the `count` least times, in the times' order; equal ones in theirs, so on every machine the same."""
    early = np.flatnonzero(times <= _bound_of_early(times, count))
    if len(early) < count:
        early = np.flatnonzero(times <= np.partition(times, count - 1)[count - 1])
    some = times[early]
    order = np.argsort(some)  # with AVX-512 in a sixth of the time of a stable sort, which only equal times need
    ordered = some[order]
    if np.any(ordered[1:] == ordered[:-1]):
        order = np.argsort(some, kind="stable")
    return early[order[:count]]


def _bound_of_early(times: Float64Array, count: int) -> float:
    """A time that `count` of them, and few more, most likely do not pass: five standard errors above a sample's quantile."""
    sample = np.sort(times[:: -(-len(times) // SAMPLE)])
    share = count / len(times)
    rank = len(sample) * share + 5.0 * math.sqrt(len(sample) * share * (1.0 - share))
    return float(sample[min(int(rank), len(sample) - 1)])


def shuffle_by_numpy(shuffle: Callable[..., None], *arguments: Any, **named: Any) -> None:
    """NumPy's method, for one of fastinit's, whose call a warning of what is no sequence names as its place."""
    if not arguments or type(arguments[0]) in (list, np.ndarray) or isinstance(arguments[0], Sequence):
        return shuffle(*arguments, **named)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        error = _raised_by(shuffle, *arguments, **named)
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=3)
    if error is not None:
        raise error


def _raised_by(call: Callable[..., None], *arguments: Any, **named: Any) -> Exception | None:
    try:
        call(*arguments, **named)
    except Exception as error:  # whatever the elements raise
        return error
    return None


def _taken(a: Any, numbers: Int64Array, axis: int) -> Array:
    """The elements of these numbers; those of an int are the numbers."""
    if not isinstance(a, (np.ndarray, list)):
        return numbers
    items = _items(a, axis)
    if items is None:
        return np.asarray(a).take(numbers, axis)
    taken = np.empty((numbers.size, *items.shape[1:]), items.dtype)
    if taken.size:
        current().operations.take(items, numbers.reshape(-1), taken, native_threads(taken.size))
    return taken.reshape(*numbers.shape, *items.shape[1:])


def _items(a: Any, axis: int) -> Array | None:
    """The elements one after the other in memory; None for an int, along another axis, and for objects (references)."""
    if not isinstance(a, (np.ndarray, list)):
        return None
    array = np.asarray(a)
    return None if axis not in (0, -array.ndim) or array.dtype.hasobject else np.ascontiguousarray(array)


def _has_many(x: Any, axis: Any) -> bool:
    """Whether it is a plain array with many items along a valid axis."""
    return type(x) is np.ndarray and type(axis) is int and -x.ndim <= axis < x.ndim and x.shape[axis] >= LEAST


def _unsigned(x: Array) -> Array | None:
    """The same memory as unsigned integers; None where that cannot be: it has gaps, or holds objects, or other sizes."""
    if not x.flags.c_contiguous or x.dtype.hasobject or x.itemsize not in (1, 2, 4, 8):
        return None
    items = x.view(f"u{x.itemsize}")
    return items if items.flags.aligned else None


def _population(a: Any, axis: Any) -> int | None:
    """How many there are to choose among."""
    if requests.is_integer(a):
        return int(a) if a > 0 else None
    if type(a) is list:
        return len(a) if axis == 0 and a and not isinstance(a[0], (list, tuple, np.ndarray)) else None
    if type(a) is np.ndarray and type(axis) is int and -a.ndim <= axis < a.ndim:
        return a.shape[axis] or None
    return None


def _probabilities(p: Any, n: int) -> Float64Array | None:
    """Valid ones as an array."""
    if type(p) is list:
        p = np.asarray(p)
    if type(p) is not np.ndarray or p.dtype.kind not in "fiu" or p.itemsize > 8 or p.shape != (n,):
        return None
    probabilities: Float64Array = p.astype(np.float64)
    is_valid = abs(probabilities.sum() - 1.0) < LARGEST_DEVIATION and probabilities.min() >= 0.0
    return probabilities if is_valid else None
