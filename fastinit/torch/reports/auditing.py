"""The audit of a module: its values against the distributions that the report of an initialization names."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from fastinit import auditing
from fastinit.auditing import Finding, Report
from fastinit.core import indices
from fastinit.core.selection import Selection
from fastinit.distributions import Distribution
from fastinit.runtime.types import Array
from fastinit.torch.reports.report import InitReport, Rows, span_of
from fastinit.torch.sharding.parts import Part, local, part_of
from fastinit.torch.structure.names import tensors_by_name
from fastinit.torch.tensors import DTYPES, as_array


def audit(module: nn.Module, report: InitReport) -> Report:
    """Measure the tensors of a module against the distributions that an initialization gave them: see `fastinit.audit`.

    Nothing is copied that is on the CPU. Of a DTensor this rank's shard is measured, without communication. Rows of
    different distributions are measured by themselves: "embedding.weight[0]" is the padding row, "embedding.weight[1:]" the
    others. A tensor that nothing filled is a warning, unless it is `skipped`. Parameters that are skipped, or written by
    operations without a distribution (as a multiplication), are measured with none to compare with. What construction
    computes, and buffers that nothing draws, as masks and frequencies, may hold anything but NaN, and be alike. A copy is a
    note, or an error where it differs. ValueError for a tensor on the meta device.

    >>> import torch, fastinit.torch
    >>> model = torch.nn.Linear(256, 128)
    >>> report = fastinit.torch.init_(model, seed=0)
    >>> fastinit.torch.audit(model, report).ok
    True
    """
    arrays: dict[str, Array] = {}
    distributions: dict[str, Distribution] = {}
    findings: list[Finding] = []
    copies: dict[str, str] = {}
    computed: set[str] = set()
    for name, tensor in tensors_by_name(module, prefix=report.prefix):
        try:
            array = _array(name, tensor)
        except (TypeError, RuntimeError):  # quantized, sparse
            findings.append(Finding(name, "not measured", "warning", f"it is a {type(tensor).__name__} of {tensor.dtype}"))
            continue
        here = report.parts.get(name) or part_of(tensor)
        for part, rows, distribution in _parts(name, here, array, report.rows.get(name, [])):
            arrays[part] = rows
            if distribution is not None:
                distributions[part] = distribution
            elif name in report.computed or not isinstance(tensor, nn.Parameter):
                computed.add(part)
            if name in report.copies:
                copies[part] = report.copies[name] + part[len(name) :]
    if not arrays:
        return Report((), tuple(findings))
    names = [name for name in report.untouched if name not in report.skipped]
    findings += [Finding(name, "nothing", "warning", "nothing initialized it: it is as it was before") for name in names]
    measured = auditing.audit(arrays, distributions, copies=copies, computed=computed)
    return replace(measured, findings=(*measured.findings, *findings))


def _array(name: str, tensor: Tensor) -> Array:
    tensor = local(tensor).detach()
    if tensor.is_meta:
        raise ValueError(f"{name} is on the meta device, and has no values")
    tensor = tensor.cpu()
    return as_array(tensor) if tensor.dtype in DTYPES else tensor.numpy()


def _parts(name: str, here: Part | None, array: Array, rows: list[Rows]) -> list[tuple[str, Array, Distribution | None]]:
    """The array, or its rows or regions where they have several distributions, with names and distributions."""
    if len(rows) < 2:
        distribution = rows[0].distribution if rows else None
        if distribution is None or here is None or here.index is None:
            return [(name, array, distribution)]
        regions = distribution.regions(here.shape)
        if len(regions) == 1:
            return [(name, array, regions[0].distribution)]
        taken = Selection.of(here.shape, here.index, indices.indexed(here.shape, here.index))
        parts = [(region, taken.part(region.box)) for region in regions]
        return [(name + of.box.text(here.shape), array[part.place], of.distribution) for of, part in parts if part]
    return [(f"{name}[{span_of(r, len(array))}]", array[r.first : r.stop], r.distribution) for r in rows]
