"""A tensor that is audited: as it was measured, and the distribution it should follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fastinit.auditing.expected import Expected
from fastinit.auditing.measured import Measured
from fastinit.auditing.patterns import is_narrow
from fastinit.auditing.sources import Source
from fastinit.distributions import Distribution

GENERATOR = 2.0**-20  # the probability of a value, and of two being equal, that a generator's own steps may add
FEW = 16  # distinct values: with no more than these a tensor is an identity, a mask or the like, not drawn
FREQUENT = 2.0**-16  # values of a narrow dtype that a distribution gives less often than this may be missing

Found: TypeAlias = tuple[str, str]
"""The kind of a finding and its sentence."""


@dataclass(frozen=True)
class Tensor:
    """`expected` is None where no distribution is given, where its density is not known, and for a constant.

    `is_computed`: its values are not drawn, and may be anything but NaN.
    """

    source: Source
    measured: Measured
    distribution: Distribution | None
    expected: Expected | None
    is_computed: bool = False

    @property
    def constant(self) -> float | None:
        """The one value that all elements should have, if that is so."""
        return None if self.distribution is None else self.distribution.constant_value

    @property
    def is_matrix(self) -> bool:
        return sum(n > 1 for n in self.source.shape) > 1

    @property
    def coincidence(self) -> float:
        """An upper estimate of the probability that two values are equal: few values estimate it badly."""
        values = self.measured.values
        if not is_narrow(self.source.dtype):
            return max(values.sample.coincidence, FREQUENT)
        pairs = values.sample.n * (values.sample.n - 1) / 2
        return min(1.0, values.sample.coincidence + 10 / max(pairs, 1))
