"""`fastinit.audit(tensors, distributions)`: how tensors really are filled, against what they should be.

    report = fastinit.audit("model.safetensors", {"wte.weight": Normal(0.0, 0.02)})
    print(report); report.ok; report.findings; report.to_json(); report.plot("model.png")

Every check is one that values of the distribution fail once in 1e6 (`chance.FALSE_ALARM_RATE`), whatever their number:

- mean, std: the deviation in standard errors, its skewness taken into account where n is small (`chance.score`);
- tails beyond 2, 3, 4 and 5 std, zeros, distinct values, equal rows and columns: counts against Poisson's distribution;
- shape: Pearson's chi-square over eighths of a std, where mean, std and tails are right;
- outside: not one value may be beyond the distribution's bounds, as far as the dtype's rounding carries them.

What a narrow dtype's rounding does to a distribution is computed from the probability of each of its values. So a tensor of less
than a few hundred values is only found out when it is far off, and one of millions when its std is off by 0.5 %.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fastinit.auditing.expected import nominal_of
from fastinit.auditing.findings import Finding, findings_of
from fastinit.auditing.measure import Progress, measure
from fastinit.auditing.measured import EDGES
from fastinit.auditing.patterns import is_float
from fastinit.auditing.repeats import repeats
from fastinit.auditing.report import Report, Row, row_of
from fastinit.auditing.sources import Source, size_of, sources_of
from fastinit.auditing.subject import Tensor

__all__ = ["EDGES", "Finding", "Report", "Row", "audit"]


def audit(
    tensors: Mapping[str, Any] | str | os.PathLike,
    distributions: Mapping[str, Any] | None = None,
    *,
    progress: Progress = lambda nbytes: None,
) -> Report:
    """Measure every tensor and say what is wrong with it.

    `tensors`: arrays by name, or the path of a `.safetensors` or `.safetensors.index.json` file, which is read in pieces.
    `distributions`: by name, the distribution that a tensor should follow; a tensor without, or with one of a kind not known here, is only
    looked at for itself. `progress` is told, from any thread, how many bytes have just been dealt with: of all tensors, also
    those that are skipped because they are not of a float dtype.
    """
    sources = sources_of(tensors)
    distributions = _checked(distributions, {source.name for source in sources})
    floats = [source for source in sources if is_float(source.dtype)]
    measured = measure(floats, [nominal_of(distributions.get(source.name), source.dtype) for source in floats], progress)
    progress(sum(size_of(source) * source.dtype.itemsize for source in sources if not is_float(source.dtype)))
    found = [
        Tensor(source.name, source.shape, source.dtype, result, distributions.get(source.name))
        for source, result in zip(floats, measured)
    ]
    rows = {tensor.name: row_of(tensor) for tensor in found}
    findings = [finding for tensor in found for finding in findings_of(tensor)]
    missing = [
        Finding(name, "missing", "error", "there is a distribution for it, but no such tensor")
        for name in distributions.keys() - {source.name for source in sources}
    ]
    return Report(
        tuple(rows.get(source.name) or _skipped(source) for source in sources),
        tuple([*findings, *repeats(found, floats), *sorted(missing, key=lambda finding: finding.name)]),
    )


def _skipped(source: Source) -> Row:
    return Row(source.name, source.shape, source.dtype.name, size_of(source), skipped="skipped: not of a float dtype")


def _checked(distributions: Mapping[str, Any] | None, names: set[str]) -> Mapping[str, Any]:
    if distributions is None:
        return {}
    if not isinstance(distributions, Mapping):
        raise TypeError(f"distributions must be a mapping from names to distributions, got {type(distributions).__name__}")
    if distributions and not distributions.keys() & names:
        raise ValueError(
            f"distributions has none of the tensors' names: it has {min(distributions)!r}, they are {min(names)!r} and so on"
        )
    return distributions
