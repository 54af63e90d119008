"""Suggests the known name that is nearest to an unknown one."""

from __future__ import annotations

from collections.abc import Mapping

from fastinit.runtime.forks import without_forks


def did_you_mean(written: str, meant: Mapping[str, str], cutoff: float = 0.6) -> str:
    """A hint for an error's text, or "". `meant` maps each known spelling to the name to suggest; `cutoff` is difflib's."""
    with without_forks():
        import difflib  # for errors alone

    nearest = difflib.get_close_matches(written, meant, n=1, cutoff=cutoff)
    return f"did you mean {meant[nearest[0]]!r}? " if nearest else ""
