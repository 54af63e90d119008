"""`write_report`: inspections and comparisons as one file to read and to hand on."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping

from fastinit.lab.inspecting import Inspection
from fastinit.lab.report import Report, Section, check_target, of_comparison, of_inspections
from fastinit.lab.result import Comparison
from fastinit.runtime import checks


def write_report(
    path: str | os.PathLike[str], parts: Mapping[str, Inspection | Comparison], *, title: str = "Initialization"
) -> Report:
    """Write inspections and comparisons as one page: pictures, findings and verdicts in words, tables that sort.

    `path`: .html, a page that loads nothing and opens offline in any browser; .md; or .json, all numbers. `parts`: by their
    headings; inspections that follow each other are of one network, and are drawn into one picture. An existing file is
    replaced. The command, versions and seeds stand at the end. ValueError for another suffix and for no parts, TypeError for
    parts of another type, OSError where the file cannot be written.

    >>> import os, tempfile, torch, fastinit.lab
    >>> report = fastinit.lab.inspect(torch.nn.Linear(8, 4), torch.randn(16, 8))
    >>> path = os.path.join(tempfile.mkdtemp(), "report.html")
    >>> len(fastinit.lab.write_report(path, {"torch": report}).sections)
    1
    """
    check_target(path)
    if not isinstance(parts, Mapping) or not all(isinstance(part, (Inspection, Comparison)) for part in parts.values()):
        raise TypeError(f"parts must be a mapping from headings to inspections and comparisons, got {checks.shown(parts)}")
    if not parts:
        raise ValueError("parts must have at least one inspection or comparison, got none")
    report = Report(title, tuple(_sections(parts)), shlex.join([os.path.basename(sys.executable), *sys.orig_argv[1:]][:40]))
    report.write(path)
    return report


def _sections(parts: Mapping[str, Inspection | Comparison]) -> list[Section]:
    made, inspections = list[Section](), dict[str, Inspection]()
    for name, part in parts.items():
        if isinstance(part, Inspection):
            inspections[name] = part
            continue
        if inspections:
            made.append(of_inspections(", ".join(inspections), inspections))
            inspections = {}
        made.append(of_comparison(name, part))
    return [*made, of_inspections(", ".join(inspections), inspections)] if inspections else made
