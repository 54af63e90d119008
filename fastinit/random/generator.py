"""NumPy's Generator on the tiled stream: array draws are filled by the backends, all else is NumPy's own code.

What NumPy would reject, NumPy itself rejects: a request that is not plainly valid goes to its method of the same name, so
the errors and their texts are those of the NumPy installed.
"""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from fastinit.core.dtypes import check_array, check_out
from fastinit.distributions import TruncatedNormal
from fastinit.random import requests
from fastinit.random.bit_generator import Entropy, TiledXoshiro128
from fastinit.random.counting import Counting
from fastinit.random.drawing import copied
from fastinit.random.inversion import Inversion
from fastinit.random.ordering import Ordering
from fastinit.random.rejection import Rejection
from fastinit.random.short_draws import Form, short_draw
from fastinit.random.truncation import bounds_of
from fastinit.random.typed import F32, F64, F32s, F64s, Number, Out32, Out64, Reals, Size, typed_as
from fastinit.random.vectors import Vectors
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Float64Array

Drawn = TypeVar("Drawn", bound="np.integer[Any] | np.bool_ | int")

_numpy = np.random.Generator
_numpys_default_rng = np.random.default_rng  # the name may be fastinit's later
_INTEGERS = frozenset((int, np.int64, np.int32, np.uint64, np.uint32))


@np.errstate(over="ignore", under="ignore")
def _exp(x: Float64Array) -> Float64Array:
    """exp(x), in place."""
    np.exp(x, out=x)
    return x


class Generator(Counting, Inversion, Ordering, Rejection, Vectors):
    """`numpy.random.Generator` with fast array draws; `Generator(TiledXoshiro128(seed))`, or `default_rng(seed)`.

    Arrays of the methods that docs/numpy.md lists come from the backends: the same values on each of them and on any number
    of threads. An array draw starts at the next tile of the stream (2048 words), so it is a prefix of every longer one from
    the same state. Single values, and all other methods, come from NumPy's code on the same stream. TypeError for another
    bit generator.

    >>> rng = fastinit.Generator(fastinit.TiledXoshiro128(0))
    >>> rng.normal(0.0, 0.02, 3)
    array([-0.0226476 , -0.04158995, -0.00367156])
    """

    def __init__(self, bit_generator: TiledXoshiro128) -> None:
        super().__init__(bit_generator)
        if not isinstance(bit_generator, TiledXoshiro128):
            raise TypeError(
                f"bit_generator must be a fastinit.TiledXoshiro128, got {type(bit_generator).__name__}: "
                "numpy.random.Generator takes others"
            )
        self._cursor = bit_generator._cursor
        self._cursor_address = getattr(self._cursor, "address", 0)  # read by csrc/bindings/short_draws.c

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.bit_generator,)

    # ---- standard distributions -------------------------------------------------------------------------------------

    @typed_as(_numpy.random)
    @short_draw(Form.STANDARD, "uniform", (0.0, 1.0))
    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Uniform on [0, 1), of 24 random bits in float32 and 53 in float64; see `numpy.random.Generator.random`.

        >>> fastinit.default_rng(0).random(3)
        array([0.5250728 , 0.08882208, 0.94771673])
        """
        if size is None and out is None:
            return _numpy.random(self, None, dtype)
        return self._draw("uniform", (0.0, 1.0), size, dtype, out, _numpy.random)

    @typed_as(_numpy.standard_normal)
    @short_draw(Form.STANDARD, "normal", (0.0, 1.0))
    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Normal of mean 0 and standard deviation 1, float32 or float64. See `numpy.random.Generator.standard_normal`.

        Arrays are made by the transform of Box and Muller (1958).

        >>> fastinit.default_rng(0).standard_normal(3)
        array([-1.13237991, -2.07949727, -0.18357785])
        """
        if size is None and out is None:
            return _numpy.standard_normal(self, None, dtype)
        return self._draw("normal", (0.0, 1.0), size, dtype, out, _numpy.standard_normal)

    @typed_as(_numpy.standard_exponential)
    @short_draw(Form.STANDARD, "exponential", (1.0, 0.0))
    def standard_exponential(self, size: Any = None, dtype: Any = np.float64, method: Any = "zig", out: Any = None) -> Any:
        """Exponential of scale 1, float32 or float64. See `numpy.random.Generator.standard_exponential`.

        Arrays are made by inversion, -ln(u), whatever `method` says.

        >>> fastinit.default_rng(0).standard_exponential(3)
        array([0.64421837, 2.42111997, 0.05369963])
        """
        if size is None and out is None:
            return _numpy.standard_exponential(self, None, dtype, method)
        return self._draw("exponential", (1.0,), size, dtype, out, _standard_exponential)

    # ---- distributions with parameters ------------------------------------------------------------------------------

    # fmt: off
    @overload
    def normal(self, loc: Number = ..., scale: Number = ..., size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def normal(self, loc: Reals = ..., scale: Reals = ..., size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def normal(self, loc: Reals = ..., scale: Reals = ..., size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.LOC_SCALE, "normal", (0.0, 1.0))
    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Normal of mean `loc` and standard deviation `scale`; see `numpy.random.Generator.normal`.

        `dtype` (float32 or float64) and `out` are as in `standard_normal`.

        >>> fastinit.default_rng(0).normal(10.0, 2.0, 3)
        array([7.73524018, 5.84100547, 9.6328443 ])
        """
        if requests.are_plain(loc, scale) and (size is not None or out is not None):
            return self._draw("normal", (loc, scale), size, dtype, out, _numpy.standard_normal)
        by_numpy = partial(_numpy.normal, self, loc, scale)
        return self._scaled(self.standard_normal, loc, scale, size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def uniform(self, low: Number = ..., high: Number = ..., size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def uniform(self, low: Reals = ..., high: Reals = ..., size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def uniform(self, low: Reals = ..., high: Reals = ..., size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.LOW_HIGH, "uniform", (0.0, 1.0))
    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Uniform on [low, high): low + (high - low) u; see `numpy.random.Generator.uniform`.

        `dtype` (float32 or float64) and `out` are as in `random`.

        >>> fastinit.default_rng(0).uniform(-1.0, 1.0, 3)
        array([ 0.05014559, -0.82235583,  0.89543347])
        """
        low, high = map(requests.plain_float, (low, high))  # NumPy subtracts in float64
        width = requests.difference(low, high)
        if requests.are_plain(low, width) and width < math.inf and (size is not None or out is not None):
            return self._draw("uniform", (low, width), size, dtype, out, _numpy.random)
        by_numpy = partial(_numpy.uniform, self, low, high)
        if not np.isfinite(width).all():
            return by_numpy(size)
        return self._scaled(self.random, low, width, size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def exponential(self, scale: Number = ..., size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def exponential(self, scale: Reals = ..., size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def exponential(self, scale: Reals = ..., size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.SCALE, "exponential", (1.0, 0.0))
    def exponential(self, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Exponential of mean `scale`: -scale ln(u); see `numpy.random.Generator.exponential`.

        `dtype` (float32 or float64) and `out` are as in `standard_exponential`.

        >>> fastinit.default_rng(0).exponential(2.0, 3)
        array([1.28843674, 4.84223994, 0.10739925])
        """
        if requests.are_plain(0.0, scale) and (size is not None or out is not None):
            return self._draw("exponential", (scale,), size, dtype, out, _standard_exponential)
        by_numpy = partial(_numpy.exponential, self, scale)
        return self._scaled(self.standard_exponential, 0.0, scale, size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def lognormal(self, mean: Number = ..., sigma: Number = ..., size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def lognormal(self, mean: Reals = ..., sigma: Reals = ..., size: Size = ..., dtype: F64 = ...,
            out: Out64 = ...) -> F64s: ...
    @overload
    def lognormal(self, mean: Reals = ..., sigma: Reals = ..., size: Size = ..., dtype: F32 = ...,
            out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.LOC_SCALE, "lognormal", (0.0, 1.0), of_normals=_exp)
    def lognormal(
        self, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, dtype: Any = np.float64, out: Any = None
    ) -> Any:
        """exp of the normal of this mean and standard deviation; see `numpy.random.Generator.lognormal`.

        `dtype` (float32 or float64) and `out` are as in `standard_normal`; float32 values are the float64 ones, rounded.
        Where `mean` or `sigma` is an array the exponential is NumPy's, whose last bit may differ between machines.

        >>> fastinit.default_rng(0).lognormal(0.0, 0.5, 3)
        array([0.56768423, 0.35354354, 0.91229769])
        """
        if requests.is_float32(dtype):
            return self._rounded(partial(self.lognormal, mean, sigma), size, out)
        by_numpy = partial(_numpy.lognormal, self, mean, sigma)
        if requests.are_plain(mean, sigma) and (size is not None or out is not None):
            return self._draw("lognormal", (mean, sigma), size, dtype, out, _numpy.standard_normal)
        if requests.are_plain(mean, sigma) and dtype is np.float64:
            return by_numpy(size)
        if out is None and requests.is_float64(dtype) and requests.are_scales(sigma):
            drawn = self.normal(mean, sigma, size)  # in C, where these are short
        else:
            drawn = self._scaled(self.standard_normal, mean, sigma, size, dtype, out, by_numpy)
        return _exp(drawn) if isinstance(drawn, np.ndarray) else float(_exp(np.array(drawn)))

    # fmt: off
    @overload
    def truncated_normal(self, loc: Number = ..., scale: Number = ..., low: Number = ..., high: Number = ...,
            size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def truncated_normal(self, loc: Reals = ..., scale: Reals = ..., low: Reals = ..., high: Reals = ...,
            size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def truncated_normal(self, loc: Reals = ..., scale: Reals = ..., low: Reals = ..., high: Reals = ...,
            size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    def truncated_normal(
        self, loc: Any = 0.0, scale: Any = 1.0, low: Any = -2.0, high: Any = 2.0,
        size: Any = None, dtype: Any = np.float64, out: Any = None,
    ) -> Any:  # fmt: skip
        """Normal given that it lies between loc + low scale and loc + high scale: bounds in standard deviations.

        `loc` and `scale`, the mean and standard deviation before truncation, and `low` and `high`, which may be infinite,
        are numbers or arrays that broadcast together; each pair of bounds that is not like another takes a millisecond.
        `size`, `dtype` and `out` are as in `standard_normal`. By the inverse of the cdf, one 32-bit word for a float32
        value, accurate in both tails; no value is outside the bounds. ValueError unless low < high and scale is 0 or above.

        >>> fastinit.default_rng(0).truncated_normal(0.0, 1.0, -2.0, 2.0, 3)
        array([ 0.06002459, -1.23976703,  1.45630258])
        """
        if requests.are_numbers(loc, scale, low, high):
            distribution = TruncatedNormal(loc, scale, low, high)
            if size is None and out is None:
                return float(self.truncated_normal(loc, scale, low, high, 1, dtype)[0])
            return self._draw_truncated(distribution, size, dtype, out)
        bounds = bounds_of(low, high)
        by_numpy = partial(_numpy.normal, self, loc, scale)
        drawn = self._scaled(partial(self._draw_between, bounds), loc, scale, size, dtype, out, by_numpy, bounds.shape)
        return bounds.clip(drawn, loc, scale)

    # ---- integers ---------------------------------------------------------------------------------------------------

    # fmt: off
    @overload  # type: ignore[override]  # NumPy's has no `out`
    def integers(self, low: int, high: int | None = ..., size: None = ..., *, endpoint: bool = ...) -> np.int64: ...
    @overload
    def integers(self, low: int, high: int | None, size: None, dtype: type[Drawn], endpoint: bool = ...) -> Drawn: ...
    @overload
    def integers(self, low: int, high: int | None = ..., size: None = ..., *, dtype: type[Drawn],
            endpoint: bool = ...) -> Drawn: ...
    @overload
    def integers(self, low: Reals, high: Reals | None = ..., size: Size = ..., *, endpoint: bool = ...,
            out: npt.NDArray[np.int64] | None = ...) -> npt.NDArray[np.int64]: ...
    @overload
    def integers(self, low: Reals, high: Reals | None = ..., size: Size = ..., dtype: npt.DTypeLike = ...,
            endpoint: bool = ..., out: Array | None = ...) -> Any: ...
    # fmt: on
    @short_draw(Form.INTEGER_RANGE, "integers")
    def integers(
        self,
        low: Any,
        high: Any = None,
        size: Any = None,
        dtype: Any = np.int64,
        endpoint: bool = False,
        out: Array | None = None,
    ) -> Any:
        """Integers in [low, high), or [0, low) without `high`, equally likely; see `numpy.random.Generator.integers`.

        `out`: an array of `dtype` to fill. Arrays are made by Lemire's multiplication (2019, "Fast random integer generation
        in an interval"), which rejects words so that no integer is favoured.

        >>> fastinit.default_rng(0).integers(10, size=5)
        array([5, 0, 9, 0, 8])
        """
        if out is not None:
            size = check_array(out).shape if size is None else checks.shape(size, "size")
            check_out(out, size, np.dtype(dtype))
        is_plain = type(low) in _INTEGERS and (high is None or type(high) in _INTEGERS)
        least, beyond = ((0, int(low)) if high is None else (int(low), int(high))) if is_plain else (0, 0)
        count = beyond - least + bool(endpoint)
        drawn = requests.integer_array(size, dtype, least, count, out) if is_plain and size is not None else None
        if drawn is None:
            requests.check_room(size, low, high)
            numpys = _numpy.integers(self, low, high, size, dtype, endpoint)
            return numpys if out is None else copied(numpys, out)
        distribution, parameters = requests.integers_from(least, count)
        storage = f"uint{8 * drawn.itemsize}"
        self._fill(f"{distribution}_{storage}", parameters, drawn, getattr(np, storage))
        return drawn

    @short_draw(Form.LENGTH, "words")
    def bytes(self, length: int) -> bytes:
        """`length` random bytes; see `numpy.random.Generator.bytes`.

        >>> fastinit.default_rng(0).bytes(4).hex()
        'b42b6b86'
        """
        if type(length) is not int or not 0 <= length <= sys.maxsize:
            return _numpy.bytes(self, length)
        words = np.empty(-(-length // 4), np.uint32)
        self._fill("words_uint32", np.empty(0), words, np.uint32)
        return words.astype("<u4", copy=False).tobytes()[:length]


def _standard_exponential(generator: Generator, size: Any, dtype: Any, out: Any) -> Any:
    return _numpy.standard_exponential(generator, size, dtype, out=out)


Seeded: TypeAlias = np.random.Generator | np.random.BitGenerator | np.random.RandomState


@overload
def default_rng(seed: Entropy | TiledXoshiro128 | Generator = None) -> Generator: ...
@overload
def default_rng(seed: Seeded) -> np.random.Generator: ...
def default_rng(seed: Entropy | Seeded = None) -> np.random.Generator:
    """A Generator for None (fresh entropy), an int, a sequence of ints or a SeedSequence; see `numpy.random.default_rng`.

    A generator, NumPy's or fastinit's, is returned as it is; a bit generator is wrapped in the Generator of its kind.

    >>> fastinit.default_rng(0).integers(100, size=5)
    array([52,  8, 94,  7, 86])
    """
    if isinstance(seed, TiledXoshiro128):
        return Generator(seed)
    if isinstance(seed, Seeded):
        return _numpys_default_rng(seed)
    return Generator(TiledXoshiro128(seed))
