"""What mean-field theory says of wide networks: length map, correlation map, order and chaos, depth scales.

Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, Deep Information Propagation, arXiv 1611.01232.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from fastinit.lab.activations import Activation, named
from fastinit.runtime import checks
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Float64Array, Int64Array

MOST_STEPS = 10_000  # of the length map: its fixed point is near after some depth scales, which are below this by far
NODES = 96  # of Gauss and Hermite's quadrature in each of two dimensions: 1e-9 for tanh, 1e-3 for kinks as relu's
POLISHED = 20  # accurate steps after those by nodes
NEAR = 1e-12
STEP = 1e-5  # of numerical slopes of the length map, relatively: errors of 1e-10


@dataclass(frozen=True)
class MeanField:
    """A deep, wide network z' = W f(z) + b with independent weights of variance `weight_variance` / fan_in.

    `activation`: a name in torch.nn.functional. `bias_variance`: that of each bias. TypeError and ValueError for others.

    >>> from fastinit.lab import MeanField
    >>> he = MeanField("relu", 2.0)
    >>> round(he.chi, 9), he.phase
    (1.0, 'edge of chaos')
    """

    activation: Activation
    weight_variance: float
    bias_variance: float = 0.0

    def __init__(self, activation: str | Activation, weight_variance: float, bias_variance: float = 0.0) -> None:
        vars(self).update(
            activation=named(activation) if isinstance(activation, str) else activation,
            weight_variance=checks.positive("weight_variance", weight_variance),
            bias_variance=checks.not_negative("bias_variance", bias_variance),
        )

    def length_map(self, q: float) -> float:
        """E[z'^2] where E[z^2] = q: weight_variance E[f(z)^2] + bias_variance (Poole et al. 2016, eq. 3)."""
        moment = self.activation.moment(q) if q > 0 else float(self.activation.on_array(np.zeros(1))[0]) ** 2
        if moment is None:
            raise ValueError(f"{self.activation.name} has no second moment at {q}")
        return self.weight_variance * moment + self.bias_variance

    @cached_property
    def q_star(self) -> float:
        """The fixed point of the length map from q = 1; infinity where lengths grow without end, 0 where they die."""
        q = 1.0
        for _ in range(MOST_STEPS):
            following = self._length_map_by_nodes(q)
            if following > 1 / NEAR:
                return math.inf
            if following < NEAR:
                return 0.0
            if abs(following - q) <= NEAR * q:
                break
            q = following
        for _ in range(POLISHED):
            q = self.length_map(q)
        return q

    def _length_map_by_nodes(self, q: float) -> float:
        """The length map by Gauss and Hermite's quadrature: quick, for the many steps near the edge of chaos."""
        nodes, weights = _nodes()
        square = float(weights @ self.activation.on_array(math.sqrt(q) * nodes) ** 2)
        return self.weight_variance * square + self.bias_variance

    @cached_property
    def chi(self) -> float:
        """weight_variance E[f'(z)^2] at q*: what a layer multiplies the square of a gradient by (Schoenholz et al., eq. 6).

        So it does with the square of the difference of two almost equal inputs: below 1 is order, above 1 chaos.
        """
        moment = self.activation.slope_moment(self._q if self._q > 0 else 1e-9)
        return math.nan if moment is None else self.weight_variance * moment

    @property
    def _q(self) -> float:
        """q*, or 1 where lengths grow without end and slopes are those of a homogeneous function."""
        return self.q_star if math.isfinite(self.q_star) else 1.0

    @property
    def phase(self) -> str:
        """ "order", "chaos" or "edge of chaos"."""
        return "edge of chaos" if abs(self.chi - 1) < 1e-6 else "order" if self.chi < 1 else "chaos"

    @property
    def length_scale(self) -> float:
        """xi_q, in layers: how fast lengths come to q* (Schoenholz et al. 2017, eq. 8)."""
        q = self._q
        if q <= 0:
            return _depth_scale(self.weight_variance * float(self.activation.slope_on_array(np.zeros(1))[0]) ** 2)
        slope = (self.length_map(q * (1 + STEP)) - self.length_map(q * (1 - STEP))) / (2 * STEP * q)
        return _depth_scale(slope)

    def correlation_map(self, c: float) -> float:
        """The correlation after a layer of two inputs of length q* and correlation c (Poole et al. 2016, eq. 5)."""
        return (self.weight_variance * self._joint(c, slopes=False) + self.bias_variance) / self.length_map(self._q)

    @cached_property
    def c_star(self) -> float:
        """The correlation that two different inputs come to: 1 in order and at its edge, less in chaos."""
        if not self.chi > 1 + NEAR:
            return 1.0
        low, high = 0.0, 1.0 - 1e-9  # c -> map(c) - c is positive at low, or low is the fixed point, and negative at high
        if self.correlation_map(low) <= low:
            return low
        while high - low > 1e-12:
            middle = (low + high) / 2
            low, high = (middle, high) if self.correlation_map(middle) > middle else (low, middle)
        return low

    @cached_property
    def correlation_scale(self) -> float:
        """xi_c, in layers: how fast correlations come to c*. Infinity at the edge of chaos.

        Networks train up to about 6 xi_c layers (Schoenholz et al. 2017, eq. 9 and section 5).
        """
        if self.c_star == 1.0:
            return _depth_scale(self.chi)
        return _depth_scale(self.weight_variance * self._joint(self.c_star, slopes=True))

    def lengths(self, q: float, depth: int) -> list[float]:
        """E[z^2] in layers 1 to `depth`, where it is q in the first."""
        made = [q]
        while len(made) < depth:
            made.append(self.length_map(made[-1]))
        return made

    def _joint(self, c: float, slopes: bool) -> float:
        """E[f(u) f(v)], or of slopes, of two normal values of mean square q* and correlation c."""
        nodes, weights = _nodes()
        root = math.sqrt(self._q)
        f = self.activation.slope_on_array if slopes else self.activation.on_array
        u = root * np.repeat(nodes[:, None], NODES, 1)
        v = root * (c * nodes[:, None] + math.sqrt(max(0.0, 1 - c * c)) * nodes[None, :])
        return float(weights @ (f(u) * f(v)) @ weights)


@cache
def _nodes() -> tuple[Float64Array, Float64Array]:
    """Those of the standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return nodes, weights / math.sqrt(2 * math.pi)


def _depth_scale(factor: float) -> float:
    """Of what is multiplied by this factor a layer: the layers after which 1 / e of it is left."""
    if not 0 < factor < 1:
        return 0.0 if factor <= 0 else math.inf
    return -1 / math.log(factor)


EXPONENTIAL = {True: (0.03, 1e-6), False: (0.3, 0.0)}
"""For a limit of 1 and for others: the distances from it between which the approach is fitted.

Towards 1 it is quadratic above 0.03, and float32 rounds at 1e-7."""


def fitted_depth_scale(correlations: Sequence[float], limit: float = 1.0) -> float | None:
    """The depth scale of measured correlations, layer by layer, that come to `limit`, by least squares.

    Towards 1 by a straight line through log(1 - c); else by limit + a exp(-layer / xi), the limit fitted as well, since that
    of a network of finite width is another by some 1 / sqrt(width). None where fewer than 5 layers lie on the approach.
    """
    most, least = EXPONENTIAL[limit == 1.0]
    distances = [abs(c - limit) for c in correlations]
    begin = next((i for i, distance in enumerate(distances) if distance < most), len(distances))
    end = next((i for i in range(begin, len(distances)) if distances[i] < least), len(distances))
    if end - begin < 5:
        return None
    layers = np.arange(end - begin)
    if limit == 1.0:
        slope = float(np.polyfit(layers, np.log(distances[begin:end]), 1)[0])
        return -1 / slope if slope < 0 else math.inf
    return _fitted_exponential(layers, np.array(correlations[begin:end]), limit)


def _fitted_exponential(layers: Int64Array, correlations: Float64Array, limit: float) -> float | None:
    with without_forks():
        from scipy.optimize import curve_fit

    def approach(layer: Int64Array, end: float, amplitude: float, rate: float) -> Float64Array:
        return np.asarray(end + amplitude * np.exp(-layer * rate))

    guess = (limit, float(correlations[0]) - limit, 0.2)
    try:
        (_, _, rate), _ = curve_fit(approach, layers, correlations, guess, bounds=((-1, -1, 1e-6), (1, 1, 10)))
    except RuntimeError:  # no fit
        return None
    return float(1 / rate)
