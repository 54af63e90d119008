"""The part of a model's files that one of several runs has, as of an array job on many machines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from fastinit.runtime.checks import shown

File = TypeVar("File")


class Part(NamedTuple):
    """Part `number`, from 0 on, of `total` parts: files that follow each other, as many as in any other part or one more.

    >>> Part(1, 2).of(["a", "b", "c"])
    ['b', 'c']
    """

    number: int
    total: int

    def of(self, files: Sequence[File]) -> list[File]:
        """Its files; none where there are more parts than files."""
        n = len(files)
        return [*files[n * self.number // self.total : n * (self.number + 1) // self.total]]

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


WHOLE = Part(0, 1)


def part_of(text: str) -> Part:
    """The part that is written so: "3/64" is the fourth of 64. ValueError for anything else."""
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    if not match or int(match[1]) >= int(match[2]):
        raise ValueError(f"must be K/N for one of the parts 0/N to N-1/N, as 3/64, got {shown(text)}")
    return Part(int(match[1]), int(match[2]))
