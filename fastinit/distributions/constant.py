"""The distribution whose values are all the same."""

from __future__ import annotations

from fastinit.distributions.base import Distribution, Request, make_floats, rounded_to, with_factor
from fastinit.runtime.types import Float64Array, Real
from fastinit.runtime.values import value_class
from fastinit.runtime.zeros import signs_of_zeros


@value_class
class Constant(Distribution):
    """Every value is `value`, which may be infinite. TypeError if it is not a number, ValueError for NaN.

    Those of 0.0 and -0.0 are two.

    >>> import fastinit
    >>> fastinit.distributions.Constant(0.5).times(3.0)
    Constant(value=1.5)
    """

    value: float

    def __post_init__(self) -> None:
        make_floats(self, infinite=("value",), signed_zero=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Constant):
            return NotImplemented
        return self.value == other.value and signs_of_zeros((self.value,)) == signs_of_zeros((other.value,))

    def __hash__(self) -> int:
        return hash(self.value)

    def parameters(self, real: Real) -> Float64Array:
        return rounded_to(real, {"value": self.value})

    def write(self, request: Request) -> None:
        request.repeat(self.parameters(request.real)[0])

    @property
    def constant_value(self) -> float:
        return self.value

    def integer_value(self) -> int:
        if not self.value.is_integer():
            raise ValueError(f"an integer is asked for, but the value is {self.value!r}")
        return int(self.value)

    def times(self, factor: float) -> Constant:
        return with_factor(self, factor, "value")
