"""What is measured of a tensor: moments, a histogram, how alike the samples of a batch are, which units are dead."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

MOST_IN_HISTOGRAM = 1 << 14  # values: a histogram's bins are then known to some percent, at no cost beside a forward pass
MOST_FEATURES = 1 << 12  # of a sample, for correlations: their error is some 1 / sqrt(4096)
CANCELLED = 1e-3  # of the mean square: float32 has 4 more digits than that
SMALLEST = 2.0**-50  # of a float32 norm: below it the squares of most of the values may have been subnormal, or 0
BINS, REACH = 40, 4.0  # of histograms: from -4 to 4 standard deviations


@dataclass(frozen=True)
class Measures:
    """Moments of a tensor's values, and a histogram of them in units of their std around their mean.

    `histogram`: counts in 40 bins from mean - 4 std to mean + 4 std, of at most 2^14 of the values; none where the std is 0
    or not finite.
    """

    mean: float
    std: float
    histogram: tuple[int, ...] = ()

    @property
    def rms(self) -> float:
        """The root of the mean square: the size of the signal, its mean included."""
        return math.hypot(self.mean, self.std)

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.mean) and math.isfinite(self.std)


def measured(values: Tensor) -> Measures:
    """The measures of all values of a tensor of floats, in float32 at least."""
    values = values.detach()
    if values.numel() == 0:
        return Measures(0.0, 0.0)
    wide = values if values.dtype == torch.float64 else values.float()
    mean, square = float(wide.mean()), mean_square(wide)
    variance = square - mean * mean
    if variance < CANCELLED * square:  # too few digits are left
        variance = float(wide.var(correction=0))
    std = math.sqrt(variance) if variance >= 0 else math.nan
    return Measures(mean, std, _histogram(wide, mean, std))


def mean_square(values: Tensor) -> float:
    """By the norm, which takes a fifth of the time of torch.var_mean on a CPU."""
    values = values.detach()
    if not values.numel():
        return 0.0
    wide = values if values.dtype == torch.float64 else values.float()
    norm = float(torch.linalg.vector_norm(wide))
    if norm < SMALLEST and wide.dtype == torch.float32:
        norm = float(torch.linalg.vector_norm(wide, dtype=torch.float64))
    return norm**2 / values.numel()


def _histogram(values: Tensor, mean: float, std: float) -> tuple[int, ...]:
    if not 0 < std < math.inf:
        return ()
    flat = values.reshape(-1)
    flat = flat[:: -(-flat.numel() // MOST_IN_HISTOGRAM)]
    counts = torch.histc((flat.cpu() - mean) / std, BINS, -REACH, REACH)
    return tuple(int(count) for count in counts.tolist())


def correlation_of_samples(values: Tensor, samples: int) -> float | None:
    """The mean cosine of the angle between two samples' values, over all pairs; None where axis 0 is not that of samples.

    From h_i of length 1, without a loop over pairs: (|sum of h_i|^2 - n) / (n (n - 1)).
    """
    if samples < 2 or values.ndim < 2 or len(values) != samples:
        return None
    flat = values.detach().reshape(samples, -1)
    flat = flat[:, :: -(-flat.shape[1] // MOST_FEATURES)].double()
    norms = flat.norm(dim=1, keepdim=True)
    if not bool((norms > 0).all()) or not bool(norms.isfinite().all()):
        return None
    total = float((flat / norms).sum(0).square().sum())
    return (total - samples) / (samples * (samples - 1))


def share_never_positive(values: Tensor, unit_axis: int) -> float:
    """The share of units that have no value above 0 for any sample or position."""
    other = [axis for axis in range(values.ndim) if axis != unit_axis % values.ndim]
    most = values.detach().amax(dim=other) if other else values.detach()
    return float((most <= 0).float().mean())


def share_beyond(values: Tensor, low: float, high: float) -> float:
    """The share of values that lie within a hundredth of the range from one of the bounds."""
    margin = (high - low) / 100
    values = values.detach()
    return float(((values < low + margin) | (values > high - margin)).float().mean())
