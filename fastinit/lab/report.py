"""The report: sections with words, pictures and tables, as one HTML file that needs nothing else, Markdown and JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fastinit.__about__ import __version__
from fastinit.files.partial import check_final, written_whole
from fastinit.lab.inspecting import Inspection
from fastinit.lab.pictures import Picture, of_curves, of_differences, of_signals, unique_ids
from fastinit.lab.result import Comparison
from fastinit.runtime.forks import without_forks

FORMATS = (".html", ".md", ".json")
LIBRARIES = ("numpy", "torch", "scipy", "scikit-learn", "scikit-posthocs", "matplotlib")


@dataclass(frozen=True)
class Table:
    """Rows of texts under a head; `caption` says what they are."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A heading, sentences, pictures, tables, and the same as data."""

    title: str
    words: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A title, sections, and the command that makes them again; `complete` is False where it was interrupted."""

    title: str
    sections: tuple[Section, ...]
    command: str
    complete: bool = True

    @property
    def versions(self) -> dict[str, str]:
        return {"fastinit": __version__, "python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}

    def as_dict(self) -> dict[str, Any]:
        """The data of all sections, with the command and the versions of libraries."""
        sections = [{"title": s.title, "words": list(s.words), **s.data} for s in self.sections]
        return {"title": self.title, "command": self.command, "versions": self.versions, "sections": sections}

    def html(self) -> str:
        """One page, which loads nothing: styles, scripts and pictures are in it."""
        with without_forks():
            import jinja2

        loader: Any = jinja2.PackageLoader  # which has no types
        environment = jinja2.Environment(
            loader=loader("fastinit.lab"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        svgs = iter(unique_ids([picture.svg for section in self.sections for picture in section.pictures]))
        drawn = [[(picture, next(svgs)) for picture in section.pictures] for section in self.sections]
        return environment.get_template("report.html").render(report=self, sections=[*zip(self.sections, drawn)])

    def markdown(self) -> str:
        """Words and tables; of pictures what they show."""
        lines = [f"# {self.title}", ""]
        for section in self.sections:
            lines += [f"## {section.title}", "", *[line for text in section.words for line in (text, "")]]
            lines += [line for picture in section.pictures for line in (f"*{picture.title}.* {picture.alt}.", "")]
            for table in section.tables:
                bars = tuple("---" for _ in table.head)
                rows = [tuple(cell.replace("|", "\\|") for cell in row) for row in (table.head, bars, *table.rows)]
                lines += [f"{table.caption}:", "", *[f"| {' | '.join(row)} |" for row in rows], ""]
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return "\n".join([*lines, f"Made by `{self.command}` ({versions}).", ""])

    def write(self, path: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write it, by the suffix, as .html, .md or .json. An existing file is replaced once the new one is complete.

        FileExistsError for one, where `overwrite` is False.
        """
        check_target(path)
        path = Path(path)
        if path.suffix == ".json":
            text = json.dumps(self.as_dict(), indent=1) + "\n"
        else:
            text = self.html() if path.suffix == ".html" else self.markdown()
        with written_whole(path, overwrite) as file:
            file.write(text.encode())


def check_target(path: str | os.PathLike[str]) -> None:
    """ValueError for another suffix than those of `FORMATS`; OSError where the file cannot be written."""
    if Path(path).suffix not in FORMATS:
        raise ValueError(f"a report's path must end in {', '.join(FORMATS)}, got {str(path)!r}")
    check_final(Path(path), overwrite=True)


def of_inspections(title: str, inspections: dict[str, Inspection]) -> Section:
    """The same network under several initializations, or one: the signal by layer, what was found, all layers."""
    words = []
    for name, inspection in inspections.items():
        found = [str(finding) for finding in inspection.findings] or ["nothing was found"]
        words += [f"{name}: {text}" for text in found]
    tables = [Table(f"Layers under {name}", *_table_of_layers(inspection)) for name, inspection in inspections.items()]
    data = {"inspections": {name: inspection.as_dict() for name, inspection in inspections.items()}}
    return Section(title, tuple(words), (of_signals(inspections),), tuple(tables), data)


def of_comparison(title: str, comparison: Comparison, *words: str) -> Section:
    """The verdict, the curves, who beats whom, and the strategies' numbers."""
    rows = [
        (s.strategy, f"{s.mean:.4f}", f"{s.std:.4f}", str(s.runs), str(s.failed + s.diverged), str(s.untrained))
        for s in comparison.summaries.values()
    ]
    head = ("strategy", comparison.task.metric, "std", "runs", "failed", "untrained")
    tables = [Table("Strategies", head, tuple(rows))]
    pictures = list[Picture]()
    if comparison.blocks:
        differences = [
            (
                d.first,
                d.second,
                f"{d.mean:+.4f}",
                f"{d.low:+.4f} to {d.high:+.4f}",
                f"{d.p:.2g}",
                "yes" if d.significant else "no",
            )
            for d in comparison.tests.differences
        ]
        head = ("first", "second", "mean difference", "95 % interval", "p", "significant")
        tables.append(Table(f"Differences ({comparison.tests.method})", head, tuple(differences)))
        pictures = [of_curves(comparison), of_differences(comparison)]
    return Section(title, (comparison.verdict, *words), tuple(pictures), tuple(tables), {"comparison": comparison.as_dict()})


def _table_of_layers(inspection: Inspection) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    head, *rows = inspection.table
    return head, tuple(rows)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "missing"
