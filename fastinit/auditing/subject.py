"""A tensor that is audited: as it was measured, and the distribution it should follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastinit.auditing.expected import Nominal, nominal_of
from fastinit.auditing.measured import Measured
from fastinit.auditing.patterns import is_narrow

GENERATOR = 2.0**-20  # the probability of a value, and of two being equal, that a generator's own steps may add
FREQUENT = 2.0**-16  # values of a narrow dtype that a distribution gives less often than this may be missing

Found = tuple[str, str]
"""The kind of a finding and its sentence."""


@dataclass(frozen=True)
class Tensor:
    """A tensor as measured, and its distribution: None where none is given or its kind is not known here."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    measured: Measured
    distribution: object

    @property
    def nominal(self) -> Nominal | None:
        return nominal_of(self.distribution, self.dtype)

    @property
    def is_matrix(self) -> bool:
        return sum(n > 1 for n in self.shape) > 1


def coincidence(tensor: Tensor) -> float:
    """The probability that two values of the tensor are equal: no less than it may well be, where few values tell."""
    values = tensor.measured.values
    if not is_narrow(tensor.dtype):
        return max(values.coincidence, FREQUENT)
    pairs = values.distinct_of * (values.distinct_of - 1) / 2
    return min(1.0, values.coincidence + 10 / max(pairs, 1))
