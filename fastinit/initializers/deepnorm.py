"""DeepNorm: weights and residual constant of Transformers that normalize after each residual sum."""

from __future__ import annotations

from dataclasses import dataclass

from fastinit import distributions
from fastinit.initializers.base import Initializer, function
from fastinit.initializers.layouts import Layout
from fastinit.initializers.scaled import scaled_distribution
from fastinit.initializers.weights import check_int_at_least


def deepnorm_constants(encoder: int = 0, decoder: int = 0, part: str | None = None) -> tuple[float, float]:
    """(alpha, beta) of a Transformer of `encoder` and `decoder` layers: LN(alpha x + branch(x)), Xavier's with gain beta.

    With one of them, n layers: ((2 n)^1/4, (8 n)^-1/4). With both, in the `part` "encoder" (0.81 (N^4 M)^1/16,
    0.87 (N^4 M)^-1/16), in "decoder" ((3 M)^1/4, (12 M)^-1/4), for N encoder and M decoder layers. Errors: `deep_norm`.
    Wang et al. 2022, "DeepNet: Scaling Transformers to 1,000 Layers", arXiv 2203.00555, figure 2.
    """
    made = DeepNorm(encoder, decoder, part)
    return made.alpha, made.beta


@dataclass(frozen=True, repr=False)
class DeepNorm(Initializer):
    """Normal, variance 2 beta^2 / (fan_in + fan_out), beta by the numbers of layers: for post-norm Transformers.

    For the feed-forward matrices and attention's value and output; query and key have `xavier_normal`. The network must
    multiply the residual by `alpha` before the sum: LN(alpha x + branch(x)). `encoder`, `decoder`: numbers of layers, 0
    where there is none; where there are both, `part` says to which the weight belongs: "encoder" or "decoder".
    The formulas: `deepnorm_constants`. Wang et al. 2022, arXiv 2203.00555, figure 2.
    """

    encoder: int = 0
    decoder: int = 0
    part: str | None = None

    def check(self) -> None:
        check_int_at_least(self, "encoder", 0)
        check_int_at_least(self, "decoder", 0)
        there = [part for part in ("encoder", "decoder") if getattr(self, part)]
        if not there:
            raise ValueError("encoder or decoder must be at least 1, the number of its layers, got 0 for both")
        if self.part is None and len(there) == 1:
            self._set("part", there[0])
        if self.part not in there:
            raise ValueError(f"part must be one of {', '.join(map(repr, there))}, got {self.part!r}")

    @property
    def alpha(self) -> float:
        """The factor on the residual."""
        if not (self.encoder and self.decoder):
            return (2 * (self.encoder + self.decoder)) ** 0.25
        return (3 * self.decoder) ** 0.25 if self.part == "decoder" else 0.81 * self._both ** (1 / 16)

    @property
    def beta(self) -> float:
        """The gain."""
        if not (self.encoder and self.decoder):
            return (8 * (self.encoder + self.decoder)) ** -0.25
        return (12 * self.decoder) ** -0.25 if self.part == "decoder" else 0.87 * self._both ** (-1 / 16)

    @property
    def _both(self) -> int:
        return self.encoder**4 * self.decoder

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return scaled_distribution(shape, layout, self.beta**2, "fan_avg", "normal", "deep_norm")


deep_norm = function(DeepNorm)
