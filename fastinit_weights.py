"""The launcher of the distribution fastinit-weights: says first whether another project's files stand in fastinit's place.

The distribution called fastinit on the public index is another project's, with a package and a command of these names:
where both are installed, each has overwritten what the other had. Only a module with a name of our own can still tell.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

OWN, OTHER = "fastinit-weights", "fastinit"


def main() -> None:
    """Run the command `fastinit` with the arguments of the process, or say why its package is another project's."""
    fault = other_project()
    if fault:
        sys.exit(f"{OWN}: {fault}")
    from fastinit.__main__ import main as run

    run()


def other_project() -> str | None:
    """What is wrong where `import fastinit` gives another project's package, and the way out; None where it gives ours."""
    spec = find_spec("fastinit")
    if spec is None or spec.origin is None:
        return f"there is no package fastinit here: pip install --force-reinstall --no-deps {OWN}"
    package = Path(spec.origin).parent
    other = _installed(OTHER)
    if other is not None and _has_written(other, package / "__init__.py"):
        return (
            f"the package in {package} is another project's, the distribution {OTHER} {other.version}: "
            f"pip uninstall {OTHER}, then pip install --force-reinstall --no-deps {OWN}"
        )
    if not (package / "initializers").is_dir():
        return f"the package in {package} is not that of {OWN}: is there a folder or a file fastinit where Python starts?"
    return None


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _has_written(installed: Distribution, path: Path) -> bool:
    """Whether the file is the one that a distribution has brought, by the hash in its list of files."""
    for file in installed.files or ():
        if file.hash is not None and Path(str(file.locate())).resolve() == path.resolve():
            digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value
    return False
