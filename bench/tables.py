"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(_lines(header, rows))


def print_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print each row as soon as it is measured."""
    for line in _lines(header, rows):
        print(line, flush=True)


def _lines(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    titles = list(header)
    for cells in chain((titles, ["---"] * len(titles)), rows):
        yield f"| {' | '.join(cells)} |"
