"""Texts from files, made safe to print: what a terminal would obey, or not show, stands there as an escape."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line, with control characters, those that turn the direction of text, and surrogates as escapes.

    >>> print(printable("w\\x1b[31m\\n"))
    w\\x1b[31m\\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """`printable` for each line."""
    return "\n".join(map(printable, text.split("\n")))
