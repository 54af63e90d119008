"""The inspection as its user has it: the rows, their findings, as text and as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import nn

from fastinit.lab.findings import Finding, expected_rms, findings_of, mean_field_of
from fastinit.lab.inspection import Loss, Observed, ParameterRow, is_of, observe
from fastinit.lab.measures import Measures
from fastinit.lab.observation import Row
from fastinit.lab.spectra import Spectrum
from fastinit.lab.structure import Link, chains
from fastinit.lab.theory import fitted_depth_scale
from fastinit.recipes.grouping import aligned
from fastinit.runtime import checks
from fastinit.runtime.forks import without_forks
from fastinit.torch.rescaling.passes import Batch

HEAD = ("layer", "kind", "mean", "std", "rms", "theory", "correlation", "dead", "saturated", "gradient rms", "s_max")


def inspect(
    model: nn.Module | Any,
    batch: Batch,
    loss: Loss | None = None,
    *,
    spectra: bool | None = None,
    learning_rate: float = 0.01,
    seed: int = 0,
) -> Inspection:
    """One forward and one backward pass: the signal of each layer beside the theory's, and what is wrong, in words.

    - `batch`: a tensor, a tuple of positional arguments, or a mapping of keyword ones; axis 0 is that of samples.
    - `loss`: takes what the model gives, and gives a number. Without one gradients are those of the sum of eta z over the
      outputs z, eta independent N(0, 1), whose size at the outputs is 1.
    - `spectra`: the singular values of layers and of the Jacobian from the first sample's input to its output; None where
      they are cheap beside the passes, True always, False never.
    - `learning_rate`: that of the step of SGD whose size is compared with the weights.
    - `seed`: of eta, and of what the model draws, as dropout.

    The model is looked at in the mode that it is in. Its parameters, gradients, buffers, modes and hooks, and torch's
    generators, are as before at the end, also after an error. Frozen parameters have no gradient; tied ones are listed with
    the first of their names; lazy parts are looked at in a copy. Functions (`torch.relu`, residual sums) are seen as modules
    are.

    A built Keras 3 model is looked at in inference, by its layers: activations on each backend, gradients on torch and JAX,
    no singular values; functions of `keras.ops` are not seen, and `batch` is one tensor. Flax models are refused: their
    activations are functions that no hook sees.

    TypeError for what is no module; ValueError for a model without parameters or on the meta device, a batch that is not
    finite or does not go through it, and a loss that gives no number.

    >>> import torch, fastinit.lab
    >>> from torch import nn
    >>> model = nn.Sequential(*[layer for _ in range(12) for layer in (nn.Linear(64, 64, bias=False), nn.ReLU())])
    >>> report = fastinit.lab.inspect(model, torch.randn(32, 64))
    >>> report.findings[0].kind
    'activations shrink'
    >>> print(report.findings[0].text.split("; ")[1])
    relu wants variance 2 / fan_in, this is torch's default 1 / (3 fan_in): use he_normal (He et al. 2015)
    """
    if loss is not None and not callable(loss):
        raise TypeError(f"loss must be a callable that takes the model's output, got {checks.shown(loss)}")
    learning_rate = checks.positive("learning_rate", learning_rate)
    if is_of("keras", model):
        seen = _observed_of_keras(model, batch, loss, spectra, learning_rate, seed)
    else:
        seen = observe(model, batch, loss, spectra, learning_rate, seed)
    return Inspection(seen, findings_of(seen))


def _observed_of_keras(
    model: Any, batch: Batch, loss: Loss | None, spectra: bool | None, learning_rate: float, seed: int
) -> Observed:
    if spectra:
        raise ValueError("spectra must be None or False for a Keras model, whose singular values are not computed, got True")
    with without_forks():
        from fastinit.lab.keras_models import observe_keras  # its user has imported Keras

    return observe_keras(model, batch, loss, learning_rate, seed)


@dataclass(frozen=True)
class Inspection:
    """What `inspect` has seen. Printed, it is its findings and a table of the layers.

    `seen.layers`: the rows in the order of calls; `seen.parameters`; `seen.spectra` by module; `seen.jacobian`.

    >>> import torch, fastinit.lab
    >>> report = fastinit.lab.inspect(torch.nn.Linear(4, 4), torch.randn(8, 4))
    >>> report.ok, report.layers[0].kind, report.parameters[0].name
    (True, 'linear', 'weight')
    """

    seen: Observed
    findings: tuple[Finding, ...]

    @property
    def layers(self) -> tuple[Row, ...]:
        return self.seen.layers

    @property
    def parameters(self) -> tuple[ParameterRow, ...]:
        return self.seen.parameters

    @property
    def jacobian(self) -> Spectrum | None:
        return self.seen.jacobian

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity != "error" for finding in self.findings)

    @property
    def longest_chain(self) -> list[Link]:
        """The longest chain of layers, each fed by the one before."""
        return max(chains(self.layers), key=len, default=[])

    @property
    def shrink_per_layer(self) -> tuple[float, float | None]:
        """By how much a layer of the longest chain multiplies the signal, in geometric mean: measured, and the theory's."""
        chain = self.longest_chain
        measured = [link.measured_ratio for link in chain]
        expected = [link.expected_ratio for link in chain]
        known = [one for one in expected if one is not None and one > 0]
        theory = math.exp(sum(map(math.log, known)) / len(known)) if known and len(known) == len(expected) else None
        if not measured or min(measured) <= 0:
            return (0.0 if measured else 1.0), theory
        return math.exp(sum(map(math.log, measured)) / len(measured)), theory

    @property
    def depth_scale(self) -> tuple[float | None, float | None]:
        """xi_c of the longest chain, in layers: fitted to the measured correlations of samples, and the mean field's."""
        chain = self.longest_chain
        field = mean_field_of(chain) if chain else None
        correlations = [link.row.correlation for link in chain]
        known = [one for one in correlations if one is not None]
        limit = 1.0 if field is None else field.c_star
        return fitted_depth_scale(known, limit), None if field is None else field.correlation_scale

    def __str__(self) -> str:
        found = [str(finding) for finding in self.findings] or ["nothing was found"]
        return "\n".join([*found, "", *aligned(self.table)])

    @property
    def table(self) -> list[tuple[str, ...]]:
        """A head, and a row of texts for each layer."""
        return [HEAD, *(_cells(row, self.seen.spectra.get(row.module or "")) for row in self.layers)]

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain data that JSON can hold: what is not finite is None."""
        return {
            "samples": self.seen.samples,
            "training": self.seen.training,
            "seed": self.seen.seed,
            "learning_rate": self.seen.learning_rate,
            "findings": [vars(finding) | {"layers": list(finding.layers)} for finding in self.findings],
            "layers": [self._layer(row) for row in self.layers],
            "parameters": [_parameter(row) for row in self.parameters],
            "jacobian": _spectrum(self.jacobian),
        }

    def _layer(self, row: Row) -> dict[str, Any]:
        return {
            "name": row.name,
            "kind": row.kind,
            "shape": list(row.shape),
            "output": _measures(row.output),
            "theory": _number(expected_rms(row)),
            "gradient": _measures(row.gradient),
            "correlation": _number(row.correlation),
            "dead": _number(row.dead),
            "saturated": _number(row.saturated),
            "drawn_as": row.weights.drawn_as if row.weights is not None else None,
            "spectrum": _spectrum(self.seen.spectra.get(row.module or "")),
        }


def _cells(row: Row, spectrum: Spectrum | None) -> tuple[str, ...]:
    gradient = None if row.gradient is None else row.gradient.rms
    largest = None if spectrum is None or row.module is None else spectrum.largest
    numbers = (row.output.mean, row.output.std, row.output.rms, expected_rms(row), row.correlation)
    shares = ("" if share is None else f"{share:.0%}" for share in (row.dead, row.saturated))
    return (row.name, row.kind, *map(_text, numbers), *shares, _text(gradient), _text(largest))


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:.4g}"


def _number(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _measures(of: Measures | None) -> dict[str, Any] | None:
    if of is None:
        return None
    return {"mean": _number(of.mean), "std": _number(of.std), "rms": _number(of.rms), "histogram": list(of.histogram)}


def _spectrum(of: Spectrum | None) -> dict[str, Any] | None:
    return None if of is None else {"values": [_number(value) for value in of.values], "whole": of.whole}


def _parameter(row: ParameterRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "shape": list(row.shape),
        "values": _measures(row.values),
        "gradient": _measures(row.gradient),
        "update_ratio": _number(row.update_ratio),
        "state": row.state,
    }
