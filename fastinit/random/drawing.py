"""What the methods of the Generator are made of: arrays that kernels fill from the stream, and requests left to NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastinit.backends import current
from fastinit.backends.catalogue import KERNELS
from fastinit.backends.generator_requests import SearchRequest
from fastinit.backends.table import Table
from fastinit.core.draws import fill_run, fill_run_strided
from fastinit.core.dtypes import check_array
from fastinit.core.pieces import NONTEMPORAL_BYTES, native_threads
from fastinit.core.stream import Stream
from fastinit.distributions import TruncatedNormal
from fastinit.random import requests
from fastinit.random.bit_generator import TILE_WORDS, TILES, TiledXoshiro128
from fastinit.random.own_parameters import OwnParameters
from fastinit.random.truncation import Bounds
from fastinit.runtime.types import Array, Float64Array, Int64Array, Real

Parameters: TypeAlias = Sequence[float] | Callable[[Real], Float64Array]

_numpy = np.random.Generator
_TILE_ELEMENTS = {name: TILE_WORDS // kernel.words_per_value for name, kernel in KERNELS.items()}


class Drawing(np.random.Generator):
    """The base of the Generator: it draws arrays, given which kernel, with which parameters."""

    _cursor: Any  # that of the bit generator

    if TYPE_CHECKING:

        @property
        def bit_generator(self) -> TiledXoshiro128: ...

    def _draw(
        self, distribution: str, parameters: Parameters, size: Any, dtype: Any, out: Any, by_numpy: Callable[..., Any]
    ) -> Any:
        """Values of a distribution in a new array or `out`. A request that is not plainly valid goes to NumPy's method."""
        drawn = requests.float_array(size, dtype, out)
        if drawn is None:
            return by_numpy(self, size, dtype, out=out)
        real = drawn.dtype.type
        values = parameters(real) if callable(parameters) else np.array(parameters, np.float64)
        nontemporal = out is not None and drawn.nbytes >= NONTEMPORAL_BYTES
        self._fill(f"{distribution}_{requests.FLOATS[np.dtype(real)]}", values, drawn, real, nontemporal)
        return drawn

    def _draw_truncated(
        self, distribution: TruncatedNormal, size: Any = None, dtype: Any = np.float64, out: Any = None
    ) -> Any:
        return self._draw(distribution.kernel, distribution.parameters, size, dtype, out, _numpy.standard_normal)

    def _draw_between(self, bounds: Bounds, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Standard normals truncated at these bounds."""
        only = bounds.only
        if only is not None:
            return self._draw_truncated(only, size, dtype, out)
        drawn = requests.float_array(size, dtype, out)
        if drawn is None:
            return _numpy.standard_normal(self, size, dtype, out=out)
        kernel = f"{TruncatedNormal.kernel}_{requests.FLOATS[drawn.dtype.newbyteorder('=')]}"
        bounds.fill(drawn, kernel, *self._take(kernel, drawn.size), "F" if _is_by_columns(drawn) else "C")
        return drawn

    def _rounded(self, draw: Callable[..., Any], size: Any, out: Any) -> Any:
        """Float32 values that are drawn in float64: draw(size, out=...)."""
        if out is None:
            return _rounded_to_float32(draw(size), None)
        if requests.float_array(size, np.float32, out) is None:
            return _numpy.standard_normal(self, size, np.float32, out=out)  # which raises the error
        return _rounded_to_float32(draw(out=_wide_for(out)), out)

    def _fill(
        self,
        kernel: str,
        parameters: Float64Array | OwnParameters,
        out: Array,
        storage: type[np.generic],
        nontemporal: bool = False,
    ) -> None:
        """Fill an array from the next tile of the stream on, with tiles that no other draw takes.

        In the order of its memory where it is contiguous, also as Fortran has it, else row by row.
        """
        if not out.size:
            return
        plain = np.asarray(out)
        by_columns = _is_by_columns(plain)
        plain = plain.T if by_columns else plain
        stream, start = self._take(kernel, out.size)
        if isinstance(parameters, OwnParameters):
            parameters = parameters.block(start, out.shape, by_columns)
        if plain.flags.c_contiguous and plain.flags.aligned and plain.dtype.isnative:
            fill_run(kernel, stream, parameters, start, plain.reshape(-1).view(storage), nontemporal)
        else:
            fill_run_strided(kernel, stream, parameters, start, plain, storage)

    def _take(self, kernel: str, n: int) -> tuple[Stream, int]:
        """Reserve tiles for n values of the kernel: the stream, and the position of the first value."""
        tile_elements = _TILE_ELEMENTS[kernel]
        with self.bit_generator.lock:
            tile = self._cursor.take(-(-n // tile_elements)) % TILES
            return self._cursor.stream, tile * tile_elements

    def _tabled(self, table: Table, shape: tuple[int, ...]) -> Int64Array:
        """Values of a table's distribution: of float64 uniforms, one for each."""
        drawn = np.empty(shape, np.int64)
        if drawn.size:
            stream, start = self._take("uniform_float64", drawn.size)
            request = SearchRequest(stream, table, start, drawn.reshape(-1), native_threads(drawn.size))
            current().operations.search(request)
        return drawn

    def _sampled(
        self, kernel: str, parameters: OwnParameters | None, size: Any, dtype: Any, out: Any, by_numpy: Callable[[Any], Any]
    ) -> Any:
        """Values of a kernel of float64, each of which may have parameters of its own; float32 ones are these, rounded.

        `by_numpy(size)` makes the same request of NumPy, which draws single values and answers what is not plainly valid:
        parameters that are None, sizes that they do not broadcast to.
        """
        if out is not None:
            size = check_array(out).shape if size is None else size
        if out is not None or not requests.is_float64(dtype):
            target = requests.float_array(() if size is None else size, dtype, out)
            if target is None:
                return _numpy.standard_normal(self, size, dtype, out=out)  # which raises the error
        shape = None if parameters is None else parameters.shape_of(size)
        is_single = size is None and shape == ()
        if parameters is None or shape is None or is_single:
            drawn = by_numpy(size)
        else:
            drawn = np.empty(shape) if out is None else out if out.dtype.itemsize == 8 else _wide_for(out)
            self._fill(f"{kernel}_float64", parameters, drawn, np.float64)
        if drawn is out or (out is None and requests.is_float64(dtype)):
            return drawn
        return _rounded_to_float32(drawn, out)

    def _counted(self, kernel: str, parameters: OwnParameters | None, size: Any, by_numpy: Callable[[Any], Any]) -> Any:
        """The same for a kernel of integers, of int64."""
        shape = None if parameters is None else parameters.shape_of(size)
        if parameters is None or shape is None or (size is None and shape == ()):
            return by_numpy(size)
        drawn = np.empty(shape, np.int64)
        self._fill(f"{kernel}_uint64", parameters, drawn, np.uint64)
        return drawn

    def _scaled(
        self, draw: Callable[..., Any], loc: Any, scale: Any, size: Any, dtype: Any, out: Any,
        by_numpy: Callable[[Any], Any], shape_of_standard: tuple[int, ...] | None = None,
    ) -> Any:  # fmt: skip
        """loc + scale times standard values, where either may be an array.

        `by_numpy(size)` makes the same request of NumPy, which handles invalid arguments and single plain values.
        `shape_of_standard`: what the standard values' own parameters broadcast to, where NumPy cannot draw them.
        """
        is_single = size is None and out is None
        if out is not None and size is None:
            size = check_array(out).shape
        of_numpy = is_single and shape_of_standard is None and dtype is np.float64 and requests.are_plain(loc, scale)
        if of_numpy or not requests.are_scales(scale):
            return by_numpy(size)
        try:
            loc, scale = (requests.apart_from(out, requests.as_float64(parameter)) for parameter in (loc, scale))
            shape = np.broadcast_shapes(loc.shape, scale.shape, shape_of_standard or ())
            wanted = shape if size is None else np.empty(size, np.bool_).shape
            valid = np.broadcast_shapes(shape, wanted) == wanted and not isinstance(size, (bool, np.bool_))
        except (TypeError, ValueError):
            valid = False
        if not valid:
            return by_numpy(size)
        if is_single and wanted == ():
            return float(draw(dtype=dtype) * float(scale) + float(loc))
        drawn = draw(wanted, dtype, out=out)
        with np.errstate(all="ignore"):  # as NumPy's loops in C
            np.multiply(drawn, scale, out=drawn, casting="same_kind")
            return np.add(drawn, loc, out=drawn, casting="same_kind")


def copied(values: Any, out: Array) -> Array:
    """`out`, with the values written to it."""
    out[...] = values
    return out


def _is_by_columns(array: Array) -> bool:
    """Whether its memory has one column after the other, as Fortran's arrays, and not one row after the other as well."""
    return array.flags.f_contiguous and not array.flags.c_contiguous


def _wide_for(out: Array) -> Float64Array:
    """A float64 array that `_fill` fills in the order in which it fills `out`, to be rounded."""
    return np.empty(out.shape, order="F" if _is_by_columns(out) else "C")


@np.errstate(over="ignore", under="ignore")
def _rounded_to_float32(drawn: Any, out: Array | None) -> Any:
    """Float64 values as float32 ones, in `out` where there is one."""
    if out is not None:
        return copied(drawn, out)
    return drawn.astype(np.float32) if isinstance(drawn, np.ndarray) else float(np.float32(drawn))
