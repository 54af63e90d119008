"""What usually lies behind a standard deviation that is wrong by a certain factor, in values of a certain distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from fastinit.auditing.measured import Values
from fastinit.distributions import TruncatedNormal

STD_TRUNCATED_AT_2 = TruncatedNormal(0.0, 1.0, -2.0, 2.0).moments().std  # 0.8796
MOST_UNCERTAIN = 0.05  # of a std with a larger error some factor would always be near
WITHIN = 3  # standard errors


class Family(NamedTuple):
    """Where values end, in their own standard deviations from their mean, as a mean of many of them shows."""

    least_reach: float
    greatest_reach: float

    def has(self, values: Values) -> bool:
        moments = values.moments
        reach = max(values.high - moments.mean, moments.mean - values.low) / moments.std
        return self.least_reach < reach < self.greatest_reach


ANY = Family(0.0, math.inf)
UNIFORM = Family(1.6, 1.9)  # sqrt(3) = 1.73
TRUNCATED = Family(1.9, 2.5)  # 2 / 0.8796 = 2.27
UNBOUNDED = Family(2.6, math.inf)  # 2000 normal values, which MOST_UNCERTAIN asks for, all stay within once in 10^8

FACTORS = (
    (TRUNCATED, STD_TRUNCATED_AT_2,
     "that of a normal truncated at 2 std without dividing its std by 0.8796 to make up for it"),
    (UNBOUNDED, 1 / STD_TRUNCATED_AT_2, "the std was divided by 0.8796, but the normal was not truncated at 2 std"),
    (ANY, math.sqrt(0.5), "a factor of 2 is missing in the variance: ReLU's gain, perhaps"),
    (ANY, math.sqrt(2.0), "a factor of 2 too much in the variance: ReLU's gain, perhaps twice"),
    (UNIFORM, math.sqrt(1 / 3), "the std seems to have been used as the bound of a uniform"),
    (ANY, math.sqrt(3.0), "the bound of a uniform seems to have been used as the std"),
)  # fmt: skip
OTHER_FAN = "the other fan was used: fan_in and fan_out, or the layout, may be the wrong way round"
OF_TORCH = "that of torch's default for layers, kaiming_uniform_ with a = sqrt(5), which is 1 / sqrt(3 fan_in)"


def hint(values: Values, expected: float, relative_error: float, shape: tuple[int, ...]) -> str:
    """The explanation nearest to the std of `values`, if one is within its error; else nothing."""
    measured, allowed = values.moments.unbiased_std, WITHIN * relative_error
    if allowed > MOST_UNCERTAIN or not 0 < measured < math.inf:
        return ""
    stds = ((std, text) for family, std, text in _explanations(expected, shape) if std > 0 and family.has(values))
    off, text = min((abs(math.log(measured) - math.log(std)), text) for std, text in stds)
    return text if off < allowed else ""


def _explanations(expected: float, shape: tuple[int, ...]) -> Iterator[tuple[Family, float, str]]:
    """What the values' family and std would be, and why."""
    for family, factor, text in FACTORS:
        yield family, expected * factor, text
    yield ANY, expected * expected, "the variance seems to have been passed as the std"
    yield ANY, math.sqrt(expected), "the std seems to have been passed as the variance"
    for a, b in {shape[:2], shape[-2:]} if len(shape) > 1 else ():
        if a != b and a * b:
            yield ANY, expected * math.sqrt(a / b), OTHER_FAN
            yield ANY, expected * math.sqrt(b / a), OTHER_FAN
    for fan_in in _fans(shape):
        yield UNIFORM, 1 / math.sqrt(3 * fan_in), OF_TORCH


def _fans(shape: tuple[int, ...]) -> set[int]:
    """The fan_in of (out, in, *kernel), (in, out, *kernel) and (*kernel, in, out)."""
    n = math.prod(shape)
    return {n // lengths for lengths in (shape[0], shape[1], shape[-1]) if lengths} - {0} if len(shape) > 1 else set()
