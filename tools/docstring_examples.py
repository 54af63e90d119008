"""An extension of Griffe for mkdocs.yml: fences the examples of docstrings, which Markdown would take for quotations."""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1\S.*)*", re.MULTILINE)  # to the next blank line


class FencedExamples(griffe.Extension):
    """Puts each example of a docstring between fences."""

    def on_object(self, *, obj: griffe.Object, **context: Any) -> None:
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(fenced, obj.docstring.value)


def fenced(example: re.Match[str]) -> str:
    """The example at the left margin, between fences."""
    lines = [line[len(example[1]) :] for line in example[0].splitlines()]
    return "\n".join(["```pycon", *lines, "```"])
