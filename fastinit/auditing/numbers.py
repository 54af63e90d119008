"""How ratios and standard errors are written: with so many decimals, and by powers of ten where they are large."""

from __future__ import annotations

LONGEST = 1e6  # from here on by powers of ten


def ratio_text(ratio: float) -> str:
    return f"{ratio:.4f}" if 1e-3 <= abs(ratio) < LONGEST else f"{ratio:.5g}"


def errors_text(standard_errors: float) -> str:
    return f"{standard_errors:+.1f}" if abs(standard_errors) < LONGEST else f"{standard_errors:+.3g}"
