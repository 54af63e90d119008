"""The depth scale of correlations, measured around their fixed point, with what one network has of its own taken out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fastinit.core.fill import fill
from fastinit.distributions import Normal
from fastinit.lab.findings import mean_field_of
from fastinit.lab.inspecting import inspect
from fastinit.lab.theory import MeanField
from fastinit.runtime import checks
from fastinit.runtime.types import Float64Array

APART = 0.1  # from the fixed point, on both sides: the map's curvature, of the same sign there, cancels in the difference
NEAR_ONE = 0.03  # where the fixed point is 1, which is approached from below alone
LEAST_LEFT = 0.1  # of the first difference, up to which it is fitted


class DepthScale(NamedTuple):
    """xi_c in layers, as it is measured and as the mean field has it; the `phase` that the theory has the networks in.

    >>> import fastinit.lab
    >>> fastinit.lab.DepthScale(measured=7.1, theory=7.0, phase="chaos").theory
    7.0
    """

    measured: float
    theory: float
    phase: str


def depth_scale(models: Iterable[nn.Module], *, samples: int = 48, seed: int = 0) -> DepthScale:
    """How many layers the difference of two correlations takes to fall to 1 / e, over networks that were drawn alike.

    Two batches go through each network, whose samples correlate by 0.1 more and by 0.1 less than the fixed point c*. The
    correlations of a network of finite width come to a limit of its own, some 1 / sqrt(width) from c*, which is the same for
    both: their difference d falls as exp(-layer / xi_c). The mean of d over the networks is fitted, log d by a line,
    weighted by d. Networks differ by a quarter at width 1000, so that some 20 give xi_c to a tenth.

    `models`: sequences of `nn.Linear` and one activation, drawn from one distribution, with inputs of shape (n, inputs).
    `samples`: of a batch. ValueError for networks without a mean field, or whose mean field is degenerate.

    Schoenholz, Gilmer, Ganguli and Sohl-Dickstein 2017, arXiv 1611.01232, section 3.

    >>> import torch, fastinit.lab
    >>> from torch import nn
    >>> def network(seed):
    ...     model = nn.Sequential(*[part for _ in range(8) for part in (nn.Linear(200, 200), nn.Tanh())])
    ...     rules = [("*.bias", fastinit.Normal(0.0, 0.05**0.5)), ("*", fastinit.Normal(0.0, (4 / 200) ** 0.5))]
    ...     fastinit.torch.init_(model, fastinit.Recipe(rules), seed, overwrite=True)
    ...     return model
    >>> found = fastinit.lab.depth_scale(network(seed) for seed in range(4))
    >>> found.phase, 6.5 < found.theory < 7.5, 4 < found.measured < 12
    ('chaos', True, True)
    """
    checks.integer("samples", samples, least=2)
    differences, field = list[Float64Array](), None
    for number, model in enumerate(models):
        linear = next((part for part in model.modules() if isinstance(part, nn.Linear)), None)
        if linear is None:
            raise ValueError("models must be sequences of nn.Linear and an activation: one has no nn.Linear")
        if field is None:
            field = _field(model, linear.in_features, samples, seed)
        high, low = _around(field)
        ways = [
            _correlations(model, _batch(field, c, samples, linear.in_features, seed, f"{number}.{name}"))
            for c, name in ((high, "high"), (low, "low"))
        ]
        differences.append(ways[0] - ways[1])
    if field is None:
        raise ValueError("models must be at least one network, got none")
    return DepthScale(_fitted(np.mean(differences, axis=0)), field.correlation_scale, field.phase)


def _field(model: nn.Module, inputs: int, samples: int, seed: int) -> MeanField:
    batch = _normal((samples, inputs), seed, "field").float()
    chain = inspect(model, batch, spectra=False).longest_chain
    field = mean_field_of(chain) if len(chain) >= 3 else None
    if field is None:
        raise ValueError("models must have at least 4 layers, drawn alike, with one activation that has a mean field")
    if not 0 < field.q_star < math.inf:
        raise ValueError(f"the length map of these networks has the fixed point {field.q_star}: there is no correlation map")
    return field


def _around(field: MeanField) -> tuple[float, float]:
    if field.c_star > 1 - NEAR_ONE:
        return 1.0, 1.0 - NEAR_ONE
    least = field.bias_variance / field.q_star  # that of orthogonal inputs
    return min(field.c_star + APART, 1.0), max(field.c_star - APART, least)


def _batch(field: MeanField, c: float, samples: int, inputs: int, seed: int, name: str) -> Tensor:
    """Inputs that the first layer gives the mean square q* and the correlation c."""
    square = (field.q_star - field.bias_variance) / field.weight_variance
    correlation = (c * field.q_star - field.bias_variance) / (field.weight_variance * square)
    shared, own = _normal((1, inputs), seed, f"{name}.shared"), _normal((samples, inputs), seed, f"{name}.own")
    values = math.sqrt(correlation) * shared + math.sqrt(max(0.0, 1 - correlation)) * own
    return (math.sqrt(square) * values).float()


def _correlations(model: nn.Module, batch: Tensor) -> Float64Array:
    chain = inspect(model, batch, spectra=False).longest_chain
    return np.array([math.nan if link.row.correlation is None else link.row.correlation for link in chain])


def _fitted(differences: Float64Array) -> float:
    """xi of exp(-layer / xi); infinity where they do not fall."""
    small = differences < LEAST_LEFT * differences[0]
    end = int(np.argmax(small)) if small.any() else len(differences)
    kept = differences[: max(end, 2)]
    if not (kept > 0).all():
        raise ValueError(
            f"the correlations of these networks do not decay over layers: their differences are {kept[:4]} ..."
        )
    slope = float(np.polyfit(np.arange(len(kept)), np.log(kept), 1, w=kept)[0])
    return -1 / slope if slope < 0 else math.inf


def _normal(shape: tuple[int, int], seed: int, name: str) -> Tensor:
    return torch.from_numpy(
        np.asarray(fill(Normal(0.0, 1.0), shape, seed=seed, name=f"lab.depth_scale.{name}", dtype="float64"))
    )
