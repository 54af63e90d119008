"""Reports backend, threads and versions in use: for bug reports, and to see the effect of a setting."""

from __future__ import annotations

import platform
from typing import Any

from fastinit import backends
from fastinit.__about__ import __version__
from fastinit.backends.catalogue import ELEMENTS
from fastinit.core.device import has_kernels
from fastinit.core.stream import STREAM_VERSION
from fastinit.runtime import threads
from fastinit.runtime.forks import without_forks
from fastinit.runtime.installation import install_hint

CUDA = "kernels, which were compiled and emulated, and have not yet run on a GPU"


def config() -> dict[str, Any]:
    """Backend, level, dtypes, threads and versions, as plain data."""
    chosen = backends.current()
    return {
        "fastinit": __version__,
        "stream": STREAM_VERSION,
        "backend": chosen.name,
        "level": chosen.level,
        "available backends": list(backends.available_backends()),
        "available levels": list(backends.available_levels()),
        "dtypes": list(ELEMENTS),
        "CUDA devices": CUDA if has_kernels() else f"filled by way of the CPU; {install_hint('cuda')} has kernels for them",
        "threads": threads.get_num_threads(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: _version(name) for name in ("numpy", "numba", "cffi", "ml_dtypes")},
    }


def show_config() -> None:
    """Print the backend, its instruction-set level, the dtypes, the number of threads and the versions in use.

    >>> import fastinit
    >>> fastinit.show_config()  # doctest: +ELLIPSIS
    fastinit:           ...
    """
    for key, value in config().items():
        print(f"{key + ':':20}{', '.join(value) if isinstance(value, list) else value}")


def _version(package: str) -> str:
    with without_forks():  # also while it is called, since it imports more
        from importlib.metadata import PackageNotFoundError, version  # a tenth of the package's time to import

        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"
