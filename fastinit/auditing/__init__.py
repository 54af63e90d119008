"""`fastinit.audit(tensors, expected)`: measures tensors, tests them against their distributions, and says what is wrong.

    report = fastinit.audit("model.safetensors", {"wte.weight": fastinit.Normal(std=0.02)})
    print(report); report.ok; report.findings; report.to_json(); report.plot("model.png")

Every check is one that values of the distribution fail once in 1e6 (`significance.FALSE_ALARM_RATE`), whatever their number:

- mean, std: the deviation in standard errors, its skewness taken into account where n is small (`significance.score`);
- tails beyond 2, 3, 4 and 5 std, zeros, distinct values, equal rows and columns: counts against Poisson's distribution;
- shape: Pearson's chi-square over eighths of a std, where mean, std and tails are right;
- outside: not one value may be beyond the distribution's bounds, as far as the dtype's rounding carries them, nor so far out
  that one of n values is there less than once in 1e6 tensors; where no distribution is known, by Chebyshev's inequality;
- repeated parts, rows and tensors: values that are equal where the probability of it is below 1e-6, or whose leading ones
  are correlated by 0.99, either way, which 16 independent values are once in 1e12.

What a narrow dtype's rounding does to a distribution is computed from the probability of each of its values. So a tensor of
less than a few hundred values is only found out when it is far off, and one of millions when its std is off by 0.5 %.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from fastinit.auditing.expected import expected_of
from fastinit.auditing.findings import Finding, findings_of, not_the_integer
from fastinit.auditing.measured import EDGES
from fastinit.auditing.measuring import Progress, measure
from fastinit.auditing.patterns import is_float
from fastinit.auditing.repeats import check_copies, find_repeats
from fastinit.auditing.report import Report
from fastinit.auditing.rows import Row, row_of
from fastinit.auditing.sources import Source, by_path, sources_of
from fastinit.auditing.subject import Tensor
from fastinit.distributions import Distribution
from fastinit.initializers.layouts import LayoutLike
from fastinit.initializers.names import InitializerLike, distribution_of
from fastinit.recipes.plan import Plan

__all__ = ["EDGES", "Finding", "Report", "Row", "audit"]


def audit(
    tensors: Mapping[str, npt.ArrayLike] | str | os.PathLike[str],
    expected: Mapping[str, InitializerLike] | Plan | None = None,
    *,
    layout: LayoutLike = None,
    copies: Mapping[str, str] | None = None,
    computed: Collection[str] = (),
    part: tuple[int, int] | None = None,
    progress: Progress = lambda nbytes: None,
) -> Report:
    """Measure every tensor, test it against the distribution it should have, and say what is wrong with it.

    `tensors`: arrays by name, of any shape and dtype, or the path of a `.safetensors` or `.safetensors.index.json` file,
    which is read in pieces. Mappings may be nested: {"encoder": {"w": array}} has the tensor "encoder.w". Tensors that are
    not of a float dtype are listed, but only compared with a constant.
    `expected`: by name, or nested alike, what a tensor should have been filled with: a distribution, an initializer, or
    what else `fastinit.get` takes; or the `Plan` of a recipe, whose tied tensors are copies. A tensor that has none, or one
    whose values need the whole tensor (as orthogonal), is examined without a distribution. Where parts of a tensor have
    distributions of their own (`fastinit.distributions.Slabs`), each is measured by itself, and named as an index:
    "embedding[0]".
    `layout`: which axes are inputs and outputs, as initializers take it: "oi" for torch's weights.
    `copies`: by name, the tensor that a tensor is a copy of by design, which is a note, and an error where it differs.
    `computed`: names of tensors that are not drawn, as masks and frequencies: only NaN is an error there.
    `part`: (k, n) for part k of n, from 0 on, of the files of an index; what is expected of tensors in others is left out.
    `progress` is called, from any thread, with the number of bytes that have just been measured or skipped.

    Raises TypeError for anything but mappings, arrays and initializers; ValueError for an unknown initializer, for one that
    does not take the tensor's shape, for expectations that share no name with the tensors, and for a file that is not a
    safetensors file; OSError for one that cannot be read.

    >>> import fastinit
    >>> w = fastinit.normal((256, 256), std=1.0, seed=0)
    >>> report = fastinit.audit({"w": w}, {"w": fastinit.Normal(std=0.02)})
    >>> report.ok
    False
    >>> print(report.findings[0])
    error: w: std: 1.00288 is 50.1440 of the expected 0.02, +17792.0 standard errors off
    """
    sources, by_name, computed = sources_of(tensors, part), _by_name(expected), _names(computed)
    copies = {**(expected.ties if isinstance(expected, Plan) else {}), **_copies(copies)}
    if part is not None:
        there = {source.name for source in sources}
        by_name = {name: value for name, value in by_name.items() if name in there}
        copies = {name: of for name, of in copies.items() if name in there and of in there}
    missing_names = sorted(by_name.keys() - {source.name for source in sources})
    given = _distributions(by_name, sources, layout)
    copied = [*check_copies(sources, copies, given)]
    sources, distributions, origins = _by_region(sources, given)
    floats = [source for source in sources if is_float(source.dtype)]
    expectations = [expected_of(distributions.get(source.name), source.dtype) for source in floats]
    measured = measure(list(zip(floats, expectations)), progress)
    progress(sum(source.nbytes for source in sources if not is_float(source.dtype)))
    found = [
        Tensor(source, result, distributions.get(source.name), expectation, origins[source.name] in computed)
        for source, result, expectation in zip(floats, measured, expectations)
    ]
    independent = [t for t in found if not t.is_computed and origins[t.source.name] not in copies]
    rows = {tensor.source.name: row_of(tensor) for tensor in found}
    findings = [finding for tensor in found for finding in findings_of(tensor)]
    integers = [source for source in sources if source.dtype.kind in "iub" and source.name in distributions]
    findings += [finding for source in integers for finding in not_the_integer(source, distributions[source.name])]
    missing = [
        Finding(name, "missing", "error", "there is a distribution for it, but no such tensor") for name in missing_names
    ]
    return Report(
        tuple(rows.get(source.name) or _skipped(source) for source in sources),
        (*findings, *find_repeats(independent), *copied, *missing),
    )


def _skipped(source: Source) -> Row:
    return Row(source.name, source.shape, source.dtype.name, source.size, skipped="skipped: not of a float dtype")


def _by_name(expected: Mapping[str, Any] | Plan | None) -> Mapping[str, Any]:
    by_name = expected.distributions if isinstance(expected, Plan) else {} if expected is None else expected
    if not isinstance(by_name, Mapping):
        raise TypeError(
            "expected must be a mapping from names to distributions or initializers, or a plan, "
            f"got {type(expected).__name__}"
        )
    return by_path(by_name)


def _copies(copies: object) -> Mapping[str, str]:
    if not isinstance(copies, Mapping | None):
        raise TypeError(f"copies must be a mapping from names to names, got {copies!r}")
    return copies or {}


def _names(computed: object) -> set[str]:
    if isinstance(computed, (str, Mapping)) or not isinstance(computed, Iterable):
        raise TypeError(f"computed must be a collection of names, got {computed!r}")
    return {*computed}


def _distributions(expected: Mapping[str, Any], sources: Sequence[Source], layout: LayoutLike) -> dict[str, Distribution]:
    """The distributions of the tensors that are there."""
    given = [(source, expected[source.name]) for source in sources if source.name in expected]
    found = {source.name: _distribution(source, value, layout) for source, value in given}
    if expected and not found:
        raise ValueError(
            f"expected has none of the tensors' names: it has {min(expected)!r}, they are "
            f"{min(source.name for source in sources)!r} and so on"
        )
    return found


def _by_region(
    sources: Sequence[Source], distributions: Mapping[str, Distribution]
) -> tuple[list[Source], dict[str, Distribution], dict[str, str]]:
    """The tensors, or the parts of each that have distributions of their own; by their names distributions and origins."""
    found: list[tuple[Source, Distribution | None, str]] = []
    for source in sources:
        distribution = distributions.get(source.name)
        regions = distribution.regions(source.shape) if distribution else ()
        if len(regions) > 1:
            found += [(source.part(region.box), region.distribution, source.name) for region in regions]
        else:
            found.append((source, regions[0].distribution if regions else distribution, source.name))
    return (
        [source for source, _, _ in found],
        {source.name: of for source, of, _ in found if of is not None},
        {source.name: name for source, _, name in found},
    )


def _distribution(source: Source, expected: InitializerLike, layout: LayoutLike) -> Distribution:
    """A distribution is taken as it is: that of a whole tensor may be audited by a part of it."""
    if isinstance(expected, Distribution):
        return expected
    try:
        return distribution_of(expected, source.shape, layout)
    except (TypeError, ValueError) as error:
        text = str(error).removeprefix("identifier")
        error.args = (f"expected[{source.name!r}]{':' if text == str(error) else ''} {text.lstrip()}",)
        raise
