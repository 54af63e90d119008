"""Types of the methods of the Generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

from fastinit.runtime.types import Shape

Function = TypeVar("Function", bound=Callable[..., Any])
# Types of the overloads: plain numbers, arrays of them, sizes, dtypes, and the arrays that values are written to.
Number: TypeAlias = float | np.floating[Any] | np.integer[Any] | np.bool_
Reals: TypeAlias = npt.ArrayLike
Size: TypeAlias = Shape | None
F32: TypeAlias = type[np.float32] | np.dtype[np.float32] | Literal["float32", "f4", "f"]
F64: TypeAlias = type[float] | type[np.float64] | np.dtype[np.float64] | Literal["float64", "f8", "d"]
F32s: TypeAlias = npt.NDArray[np.float32]
F64s: TypeAlias = npt.NDArray[np.float64]
Out32: TypeAlias = F32s | None
Out64: TypeAlias = F64s | None


def typed_as(of_numpy: Function) -> Callable[[Callable[..., Any]], Function]:
    """A decorator of functions: type checkers see the signature and overloads of NumPy's function instead."""
    return lambda function: cast(Function, function)
