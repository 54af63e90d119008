"""What usually lies behind a standard deviation that is wrong by a certain factor."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fastinit.distributions import TruncatedNormal

STD_TRUNCATED_AT_2 = TruncatedNormal(0.0, 1.0, -2.0, 2.0).moments().std  # 0.8796
MOST_UNCERTAIN = 0.05  # of a std with a larger error some factor would always be near
WITHIN = 3  # standard errors

FACTORS = (
    (STD_TRUNCATED_AT_2, "that of a normal truncated at 2 std without dividing its std by 0.8796 to make up for it"),
    (1 / STD_TRUNCATED_AT_2, "the std was divided by 0.8796, but the normal was not truncated at 2 std"),
    (math.sqrt(0.5), "a factor of 2 is missing in the variance: ReLU's gain, perhaps"),
    (math.sqrt(2.0), "a factor of 2 too much in the variance: ReLU's gain, perhaps twice"),
    (math.sqrt(1 / 3), "the std seems to have been used as the bound of a uniform"),
    (math.sqrt(3.0), "the bound of a uniform seems to have been used as the std"),
    (math.sqrt(1 / 6), "torch's default for layers, kaiming_uniform_ with a = sqrt(5), where He's was expected"),
)
OTHER_FAN = "the other fan was used: fan_in and fan_out, or the layout, may be the wrong way round"


def hint(measured: float, expected: float, relative_error: float, shape: tuple[int, ...]) -> str:
    """The explanation nearest to `measured`, if one is within its error; else nothing."""
    allowed = WITHIN * relative_error
    if allowed > MOST_UNCERTAIN or measured <= 0:
        return ""
    off, text = min((abs(math.log(measured / expected / factor)), text) for factor, text in _factors(expected, shape))
    return text if off < allowed else ""


def _factors(expected: float, shape: tuple[int, ...]) -> Iterator[tuple[float, str]]:
    yield from FACTORS
    yield expected, "the variance seems to have been passed as the std"
    yield expected**-0.5, "the std seems to have been passed as the variance"
    for a, b in {shape[:2], shape[-2:]} if len(shape) > 1 else ():
        if a != b and a * b:
            yield math.sqrt(a / b), OTHER_FAN
            yield math.sqrt(b / a), OTHER_FAN
