"""NumPy's Generator on the tiled stream: array draws are filled by the backends, all else is NumPy's own code.

What NumPy would reject, NumPy itself rejects: a request that is not plainly valid goes to its method of the same name, so
the errors and their texts are those of the NumPy installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastinit.core.fill import STREAMING_BYTES, fill_run
from fastinit.distributions import TruncatedNormal
from fastinit.random.bit_generator import TILES, TiledXoshiro128
from fastinit.random.short_draws import Form, short_draw

_numpy = np.random.Generator
_NUMBERS = frozenset((float, int, np.float64, np.float32, np.int64, np.int32))
_INTEGERS = frozenset((int, np.int64, np.int32, np.uint64, np.uint32))


class _Float(NamedTuple):
    name: str
    dtype: np.dtype
    tile_elements: int


_FLOAT32 = _Float("float32", np.dtype(np.float32), 2048)
_FLOAT64 = _Float("float64", np.dtype(np.float64), 1024)
_FLOATS: dict[Any, _Float] = {
    **dict.fromkeys((np.float64, np.dtype(np.float64), float, "float64", "f8", "d", None), _FLOAT64),
    **dict.fromkeys((np.float32, np.dtype(np.float32), "float32", "f4", "f"), _FLOAT32),
}


class _Integer(NamedTuple):
    dtype: np.dtype
    least: int
    greatest: int
    storage: np.dtype


_INTEGERS_BY_DTYPE: dict[Any, _Integer] = {
    kind: _Integer(dtype, *limits, np.dtype(f"uint{8 * dtype.itemsize}"))
    for dtype in map(np.dtype, ("bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"))
    for limits in [(0, 1) if dtype == np.bool_ else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))]
    for kind in (dtype, dtype.type, dtype.name)
}
_LARGEST_NARROW_RANGE = 2**24  # one word a value up to here: a redraw is met once in 2^8 values at most


class Generator(np.random.Generator):
    """`numpy.random.Generator` with fast array draws; `Generator(TiledXoshiro128(seed))`, or `default_rng(seed)`.

    An array draw starts at the next tile of the stream, so it is a prefix of every longer one from the same state, whatever
    the number of threads. Arrays of `random`, `uniform`, `normal`, `standard_normal`, `standard_exponential`, `exponential`,
    `lognormal`, `truncated_normal`, `integers` and `bytes` come from the backends; single values, and all other methods,
    from NumPy's code on the same stream.
    """

    def __init__(self, bit_generator: TiledXoshiro128) -> None:
        super().__init__(bit_generator)
        if not isinstance(bit_generator, TiledXoshiro128):
            raise TypeError(
                f"bit_generator must be a fastinit.TiledXoshiro128, got {type(bit_generator).__name__}: "
                "numpy.random.Generator takes others"
            )
        self._cursor = bit_generator._cursor
        self._cursor_address = getattr(self._cursor, "address", 0)  # for fastinit.short_draws

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.bit_generator,)

    # ---- standard distributions ----------------------------------------------------------------------------------------------

    @short_draw(Form.STANDARD, "uniform", (0.0, 1.0))
    def random(self, size=None, dtype=np.float64, out=None):
        """Uniform on [0, 1); see `numpy.random.Generator.random`."""
        if size is None and out is None:
            return _numpy.random(self, None, dtype)
        return self._draw("uniform", 0.0, 1.0, size, dtype, out, _numpy.random)

    @short_draw(Form.STANDARD, "normal", (0.0, 1.0))
    def standard_normal(self, size=None, dtype=np.float64, out=None):
        """Normal of mean 0 and standard deviation 1; see `numpy.random.Generator.standard_normal`."""
        if size is None and out is None:
            return _numpy.standard_normal(self, None, dtype)
        return self._draw("normal", 0.0, 1.0, size, dtype, out, _numpy.standard_normal)

    @short_draw(Form.STANDARD, "exponential", (1.0, 0.0))
    def standard_exponential(self, size=None, dtype=np.float64, method="zig", out=None):
        """Exponential of scale 1; see `numpy.random.Generator.standard_exponential`. Arrays are always by inversion."""
        if size is None and out is None:
            return _numpy.standard_exponential(self, None, dtype, method)
        return self._draw("exponential", 1.0, 0.0, size, dtype, out, _standard_exponential)

    # ---- distributions with parameters ---------------------------------------------------------------------------------------

    @short_draw(Form.LOC_SCALE, "normal", (0.0, 1.0))
    def normal(self, loc=0.0, scale=1.0, size=None, dtype=np.float64, out=None):
        """Normal; see `numpy.random.Generator.normal`. `dtype` (float32, float64) and `out` are as in `standard_normal`."""
        if type(loc) in _NUMBERS and type(scale) in _NUMBERS and (scale > 0 or scale != scale):
            if size is None and out is None and dtype is np.float64:
                return _numpy.normal(self, loc, scale)
            if size is not None or out is not None:
                return self._draw("normal", loc, scale, size, dtype, out, _numpy.standard_normal)
        if not _all(lambda s: ~np.signbit(s), scale):
            return _numpy.normal(self, loc, scale, size)
        return self._scaled(self.standard_normal, loc, scale, size, dtype, out, _numpy.normal)

    @short_draw(Form.LOW_HIGH, "uniform", (0.0, 1.0))
    def uniform(self, low=0.0, high=1.0, size=None, dtype=np.float64, out=None):
        """Uniform on [low, high); see `numpy.random.Generator.uniform`. `dtype` and `out` are as in `random`."""
        low, high = (float(number) if type(number) in _NUMBERS else number for number in (low, high))  # as NumPy subtracts
        if type(low) is type(high) is float and 0 < high - low < math.inf:
            if size is None and out is None and dtype is np.float64:
                return _numpy.uniform(self, low, high)
            if size is not None or out is not None:
                return self._draw("uniform", low, high - low, size, dtype, out, _numpy.random)
        if not _all(lambda w: ~np.signbit(w) & np.isfinite(w), lambda: _float64(high) - _float64(low)):
            return _numpy.uniform(self, low, high, size)
        width = _float64(high) - _float64(low)
        return self._scaled(self.random, low, width, size, dtype, out, lambda *_: _numpy.uniform(self, low, high, size))

    @short_draw(Form.SCALE, "exponential", (1.0, 0.0))
    def exponential(self, scale=1.0, size=None):
        """Exponential; see `numpy.random.Generator.exponential`."""
        if size is None and type(scale) in _NUMBERS:
            return _numpy.exponential(self, scale)
        if type(scale) in _NUMBERS and (scale > 0 or scale != scale):
            return self._draw("exponential", scale, 0.0, size, np.float64, None, _numpy.random)
        if not _all(lambda s: ~np.signbit(s), scale):
            return _numpy.exponential(self, scale, size)

        def by_numpy(*_):
            return _numpy.exponential(self, scale, size)

        return self._scaled(self.standard_exponential, 0.0, scale, size, np.float64, None, by_numpy)

    @short_draw(Form.LOC_SCALE, "lognormal", (0.0, 1.0))
    def lognormal(self, mean=0.0, sigma=1.0, size=None):
        """exp of the normal; see `numpy.random.Generator.lognormal`.

        Where `mean` or `sigma` is an array the exponential is NumPy's, whose last bit may differ between machines.
        """
        if type(mean) in _NUMBERS and type(sigma) in _NUMBERS and (sigma > 0 or sigma != sigma):
            if size is None:
                return _numpy.lognormal(self, mean, sigma)
            return self._draw("lognormal", mean, sigma, size, np.float64, None, _numpy.random)
        if not _all(lambda s: ~np.signbit(s), sigma):
            return _numpy.lognormal(self, mean, sigma, size)
        drawn = self._scaled(self.standard_normal, mean, sigma, size, np.float64, None, _numpy.lognormal)
        return np.exp(drawn, out=drawn) if isinstance(drawn, np.ndarray) else math.exp(drawn)

    def truncated_normal(self, loc=0.0, scale=1.0, low=-2.0, high=2.0, size=None, dtype=np.float64, out=None):
        """Normal conditioned on lying between loc + low scale and loc + high scale: the bounds are in sigmas.

        `low` and `high` are numbers, perhaps infinite; `loc` and `scale` (that before the cut) may be arrays. The rest is as
        in `standard_normal`. Inverse cdf, one word a float32 value, right in both tails; no value is outside the bounds.
        """
        if type(loc) in _NUMBERS and type(scale) in _NUMBERS:
            distribution = TruncatedNormal(loc, scale, low, high)
            if size is None and out is None:
                return float(self.truncated_normal(loc, scale, low, high, 1, dtype)[0])
            return self._draw_distribution(distribution, size, dtype, out)
        standard = TruncatedNormal(0.0, 1.0, low, high)
        if not _all(lambda s: ~np.signbit(s), scale):
            return _numpy.normal(self, loc, scale, size)

        def draw(size=None, dtype=np.float64, out=None):
            return self._draw_distribution(standard, size, dtype, out)

        drawn = self._scaled(draw, loc, scale, size, dtype, out, _numpy.normal)
        least, greatest = np.add(loc, np.multiply(scale, low)), np.add(loc, np.multiply(scale, high))
        return np.clip(drawn, least, greatest, out=drawn)

    # ---- whole numbers ----------------------------------------------------------------------------------------------

    @short_draw(Form.INTEGER_RANGE, "integers")
    def integers(self, low, high=None, size=None, dtype=np.int64, endpoint=False):
        """Whole numbers, each equally likely; see `numpy.random.Generator.integers`."""
        if size is None or type(low) not in _INTEGERS or (high is not None and type(high) not in _INTEGERS):
            return _numpy.integers(self, low, high, size, dtype, endpoint)
        least, beyond = (0, int(low)) if high is None else (int(low), int(high))
        count = beyond - least + bool(endpoint)
        kind, out = _prepared_integers(size, dtype, least, count)
        if out is None:
            return _numpy.integers(self, low, high, size, dtype, endpoint)
        narrow = count <= _LARGEST_NARROW_RANGE
        parameters = least % 2**64, count % 2**64, (2**32 if narrow else 2**64) % count
        kernel = f"{'integers' if narrow else 'wideintegers'}_{kind.storage.name}"
        self._fill(kernel, parameters, 2048 if narrow else 1024, out.view(kind.storage), fresh=True)
        return out

    def bytes(self, length):
        """`length` random bytes; see `numpy.random.Generator.bytes`."""
        if type(length) is not int or length < 0:
            return _numpy.bytes(self, length)
        words = np.empty(-(-length // 4), np.uint32)
        self._fill("words_uint32", (0.0, 0.0), 2048, words, fresh=True)
        return words.astype("<u4", copy=False).tobytes()[:length]

    # ---- the draw ---------------------------------------------------------------------------------------------------

    def _draw(self, distribution: str, first: float, second: float, size, dtype, out, numpy_method: Callable) -> Any:
        """Values of a distribution with two parameters in a new array or `out`; what is not plainly valid goes to NumPy's method."""
        prepared = _prepared(size, dtype, out)
        if prepared is None:
            return numpy_method(self, size, dtype, out=out)
        element, out, flat = prepared
        self._fill(f"{distribution}_{element.name}", (first, second), element.tile_elements, flat, flat is out)
        return out

    def _draw_distribution(self, distribution: TruncatedNormal, size, dtype, out) -> Any:
        prepared = _prepared(size, dtype, out)
        if prepared is None:
            return _numpy.standard_normal(self, size, dtype, out)
        element, out, flat = prepared
        parameters = distribution.parameters(element.dtype.type)
        self._fill_from_next_tile(
            f"{distribution.kernel}_{element.name}", parameters, element.tile_elements, flat.reshape(-1), flat is out
        )
        return out

    def _fill(self, kernel: str, parameters: tuple, tile_elements: int, out: np.ndarray, fresh: bool) -> None:
        """Into a C-contiguous array of the storage type; two floats or three ints are the kernel's parameters."""
        if out.size:
            bits = np.array(parameters, np.float64 if len(parameters) == 2 else np.uint64).view(np.float64)
            self._fill_from_next_tile(kernel, bits, tile_elements, out.reshape(-1), fresh)

    def _fill_from_next_tile(
        self, kernel: str, parameters: np.ndarray, tile_elements: int, flat: np.ndarray, fresh: bool
    ) -> None:
        """From the next tile on, and move past the last one used. Others may draw meanwhile: the tiles are ours."""
        with self.bit_generator.lock:
            tile = self._cursor.take(-(-flat.size // tile_elements)) % TILES
            stream = self._cursor.stream
        past_cache = not fresh and flat.nbytes >= STREAMING_BYTES
        fill_run(kernel, stream, parameters, tile * tile_elements, flat, past_cache)

    def _scaled(self, draw: Callable, loc, scale, size, dtype, out, numpy_method: Callable) -> Any:
        """loc + scale times standard values, where either may be an array; shapes and errors are NumPy's."""
        try:
            loc, scale = _float64(loc), _float64(scale)
            shape = np.broadcast_shapes(loc.shape, scale.shape)
            wanted = shape if size is None else np.empty(size, np.bool_).shape
            valid = np.broadcast_shapes(shape, wanted) == wanted and not isinstance(size, (bool, np.bool_))
        except (TypeError, ValueError):
            valid = False
        if not valid:
            return numpy_method(self, loc, scale, size)
        if out is None and wanted == () and size is None:
            return float(draw(dtype=dtype) * float(scale) + float(loc))
        drawn = draw(wanted if out is None else size, dtype, out=out)
        if out is not None and np.broadcast_shapes(shape, drawn.shape) != drawn.shape:
            raise ValueError(f"out has shape {drawn.shape}, but the parameters broadcast to {shape}")
        np.multiply(drawn, scale, out=drawn, casting="same_kind")
        return np.add(drawn, loc, out=drawn, casting="same_kind")


def _standard_exponential(generator, size, dtype, out):
    return _numpy.standard_exponential(generator, size, dtype, out=out)


def _float64(parameter: Any) -> np.ndarray:
    """An array, or one number by its __float__: where this raises, so does NumPy's method."""
    array = np.asarray(parameter, np.float64)
    return array if array.ndim else np.asarray(math.copysign(parameter, parameter))


def _all(condition: Callable, values: Any) -> bool:
    """Whether the condition holds for all of the numbers; not if they are none."""
    with np.errstate(all="ignore"):
        try:
            numbers = np.asarray(values() if callable(values) else values, np.float64)
        except (TypeError, ValueError):
            return False
        return bool(np.all(condition(numbers)))


def _prepared(size: Any, dtype: Any, out: Any) -> tuple[_Float, np.ndarray, np.ndarray] | None:
    """The element type, the array to return and the same to fill in memory order; None for what is not plainly valid."""
    try:
        element = _FLOATS.get(dtype) or _FLOATS[np.dtype(dtype)]
        if out is None:
            if isinstance(size, (bool, np.bool_)):
                return None
            out = np.empty(size, element.dtype)
            return element, out, out
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(out, np.ndarray) or out.dtype != element.dtype:
        return None
    flags = out.flags
    if not (flags.writeable and flags.aligned and out.dtype.isnative and (flags.c_contiguous or flags.f_contiguous)):
        return None
    if size is not None and tuple(np.atleast_1d(size)) != out.shape:
        return None
    plain = out.view(np.ndarray)
    return element, out, plain if flags.c_contiguous else plain.T


def _prepared_integers(size: Any, dtype: Any, least: int, count: int) -> tuple[_Integer | None, np.ndarray | None]:
    """The element type and a new array; None for it where NumPy has to say what is wrong, or to do it."""
    try:
        kind = _INTEGERS_BY_DTYPE.get(dtype) or _INTEGERS_BY_DTYPE[np.dtype(dtype)]
        if count < 1 or least < kind.least or least + count - 1 > kind.greatest or isinstance(size, (bool, np.bool_)):
            return None, None
        return kind, np.empty(size, kind.dtype)
    except (KeyError, TypeError, ValueError):
        return None, None


def default_rng(seed: Any = None) -> np.random.Generator:
    """As `numpy.random.default_rng`: a new Generator for None, an int, a sequence of ints or a SeedSequence.

    A generator, NumPy's or ours, is returned as it is; a bit generator is wrapped in the Generator of its kind.
    """
    if isinstance(seed, TiledXoshiro128):
        return Generator(seed)
    if isinstance(seed, (np.random.Generator, np.random.BitGenerator, np.random.RandomState)):
        return np.random.default_rng(seed)
    return Generator(TiledXoshiro128(seed))
