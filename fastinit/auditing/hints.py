"""What usually lies behind a standard deviation that is wrong by a certain factor."""

from __future__ import annotations

import math
from collections.abc import Iterator

STD_OF_NORMAL_CUT_AT_2 = 0.87962566103423978  # sqrt(1 - 4 pdf(2) / (2 cdf(2) - 1))
MOST_UNCERTAIN = 0.05  # a std known no better than this matches some factor or other by chance
WITHIN = 3  # standard errors

FACTORS = (
    (STD_OF_NORMAL_CUT_AT_2, "that of a normal cut at 2 std whose std was not divided by 0.8796 to make up for it"),
    (1 / STD_OF_NORMAL_CUT_AT_2, "the std divided by 0.8796 for a cut at 2 std that was not made"),
    (math.sqrt(0.5), "a factor of 2 is missing in the variance: ReLU's gain, perhaps"),
    (math.sqrt(2.0), "a factor of 2 too much in the variance: ReLU's gain, perhaps twice"),
    (math.sqrt(1 / 3), "the std seems to have been used as the bound of a uniform"),
    (math.sqrt(3.0), "the bound of a uniform seems to have been used as the std"),
    (math.sqrt(1 / 6), "torch's default for layers, kaiming_uniform_ with a = sqrt(5), where He's was due"),
)


def hint(measured: float, nominal: float, relative_error: float, shape: tuple[int, ...]) -> str:
    """The explanation nearest to `measured`, if one is within its error; else nothing."""
    allowed = WITHIN * relative_error
    if allowed > MOST_UNCERTAIN or measured <= 0:
        return ""
    off, text = min((abs(math.log(measured / nominal / factor)), text) for factor, text in _factors(nominal, shape))
    return text if off < allowed else ""


def _factors(nominal: float, shape: tuple[int, ...]) -> Iterator[tuple[float, str]]:
    yield from FACTORS
    yield nominal, "the variance seems to have been passed as the std"
    yield nominal**-0.5, "the std seems to have been passed as the variance"
    for a, b in {shape[:2], shape[-2:]} if len(shape) > 1 else ():
        if a != b and a * b:
            yield math.sqrt(a / b), "the other fan was used: fan_in and fan_out, or the layout, may be the wrong way round"
            yield math.sqrt(b / a), "the other fan was used: fan_in and fan_out, or the layout, may be the wrong way round"
