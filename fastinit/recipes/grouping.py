"""Lines about a model's tensors: those that get the same, and differ by numbers in their names, are one line."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import product as combinations
from typing import NamedTuple

from fastinit.runtime.printable import printable

NUMBER = re.compile(r"(?<![^._/\[])(0|[1-9]\d*)(?![^._/\]])")
"""A number in a name that stands by itself: the 3 of layers.3.weight, not that of conv3.weight."""

LEAST_RANGE = 3  # consecutive numbers that are written as a range
MOST_DIGITS = 6  # of a number in a table

LONG_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{5,}(e[-+]?\d+)?")
"""A number of a distribution whose text is long."""

USUAL = re.compile(r"(?<=Normal\()mean=0\.0, |(?<=Constant\()value=")
"""What is left out of the text of a distribution."""


class Entry(NamedTuple):
    """What is said of the tensor of this name: a text, and the name of another tensor, with which it ends.

    `kind`: what tensors must have in common, beside the text, to share a line.
    """

    name: str
    text: str
    other: str = ""
    kind: Hashable = None


class Group(NamedTuple):
    """Entries in one line: their names and texts, with the numbers that they have, as layers.{0-31}.weight."""

    name: str
    text: str
    kind: Hashable
    members: tuple[str, ...]


def grouped(entries: Iterable[Entry]) -> list[Group]:
    """The entries, those together that agree in all but the numbers in their names, in the order of their first ones.

    >>> [group.name for group in grouped(Entry(f"h.{i}.{part}", "zeros") for i in (0, 1, 2, 5) for part in "ab")]
    ['h.{0-2,5}.a', 'h.{0-2,5}.b']
    """
    alike: dict[Hashable, dict[tuple[int, ...], Entry]] = {}
    places: dict[str, int] = {}
    for place, entry in enumerate(entries):
        places[entry.name] = place
        words, numbers = _split(entry.name)
        key = words, entry.text, _without_shared(entry), entry.kind
        alike.setdefault(key, {})[numbers] = entry
    groups = [_group(found, product) for found in alike.values() for product in _products([*found])]
    return sorted(groups, key=lambda group: places[group.members[0]])


def _group(found: dict[tuple[int, ...], Entry], product: tuple[tuple[int, ...], ...]) -> Group:
    members = [found[numbers] for numbers in combinations(*product)]
    first, spans = members[0], [_span(numbers) for numbers in product]
    name = _joined(_split(first.name)[0], spans)
    words, numbers = _without_shared(first)
    other = _joined(words, [spans[i] if number is None else str(number) for i, number in enumerate(numbers)])
    return Group(name, first.text + other, first.kind, tuple(entry.name for entry in members))


def _split(name: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The words between the numbers of a name, and the numbers."""
    parts = NUMBER.split(name)
    return tuple(parts[::2]), tuple(map(int, parts[1::2]))


def _joined(words: Sequence[str], numbers: Sequence[str]) -> str:
    return words[0] + "".join(number + word for number, word in zip(numbers, words[1:], strict=True))


def _without_shared(entry: Entry) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """The other tensor's words and numbers; None for numbers in what both names begin with: those of the same layer."""
    own, other = NUMBER.split(entry.name), NUMBER.split(entry.other)
    shared = next((i for i, (a, b) in enumerate(zip(own, other)) if a != b), min(len(own), len(other)))
    words, numbers = _split(entry.other)
    return words, tuple(None if 2 * i + 1 < shared else number for i, number in enumerate(numbers))


def _products(rows: Sequence[tuple[int, ...]]) -> list[tuple[tuple[int, ...], ...]]:
    """Sets of numbers for each place, whose combinations are the rows: as few as one can tell from the first place on."""
    if not rows[0]:
        return [()]
    rests: dict[int, list[tuple[int, ...]]] = {}
    for first, *rest in rows:
        rests.setdefault(first, []).append(tuple(rest))
    firsts: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for number, found in rests.items():
        firsts.setdefault(tuple(sorted(found)), []).append(number)
    return [(tuple(numbers), *product) for rest, numbers in firsts.items() for product in _products(rest)]


def _span(numbers: Sequence[int]) -> str:
    """{0-5,7}; one number stands without braces."""
    if len(numbers) == 1:
        return str(numbers[0])
    return f"{{{','.join(_runs(sorted(numbers)))}}}"


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    start = 0
    for stop in range(1, len(numbers) + 1):
        if stop == len(numbers) or numbers[stop] != numbers[stop - 1] + 1:
            if stop - start >= LEAST_RANGE:
                yield f"{numbers[start]}-{numbers[stop - 1]}"
            else:
                yield from map(str, numbers[start:stop])
            start = stop


def shortened(text: str) -> str:
    """The text of distributions as one writes them: without what is usual, and with six digits.

    >>> shortened("Normal(mean=0.0, std=0.13363062095621217), Constant(value=1.0)")
    'Normal(std=0.133631), Constant(1.0)'
    """
    text = LONG_NUMBER.sub(lambda found: f"{float(found[0]):.{MOST_DIGITS}g}", text)
    return USUAL.sub("", text)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with the texts of each column one below the other."""
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def shape_text(shape: tuple[int, ...], count: int = 1, dtype: str = "") -> str:
    """As in "32 x float32 (4096, 11008)"."""
    return " ".join(([f"{count} x"] if count > 1 else []) + ([dtype] if dtype else []) + [str(shape)])
