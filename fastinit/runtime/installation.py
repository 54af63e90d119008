"""Says how to install what is missing."""

from __future__ import annotations

from pathlib import Path

DISTRIBUTION = "fastinit-weights"  # the public index has another project called fastinit


def install_hint(extra: str) -> str:
    """What installs an extra: of the clone, where fastinit is imported from one, else of the distribution.

    >>> from fastinit.runtime.installation import install_hint
    >>> install_hint("plot") in ("pip install -e '.[plot]' in fastinit's clone", "pip install 'fastinit-weights[plot]'")
    True
    """
    if (Path(__file__).parents[2] / "setup.py").exists():
        return f"pip install -e '.[{extra}]' in fastinit's clone"
    return f"pip install '{DISTRIBUTION}[{extra}]'"
