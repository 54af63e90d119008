"""Says how to install what is missing."""

from __future__ import annotations


def install_hint(extra: str) -> str:
    """What installs an extra of this distribution: from its clone, since the public index has another project of its name.

    >>> from fastinit.runtime.installation import install_hint
    >>> install_hint("plot")
    "pip install -e '.[plot]' in fastinit's clone"
    """
    return f"pip install -e '.[{extra}]' in fastinit's clone"
