"""Describes the machine that figures were measured on."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import fastinit
from bench.limits import GB
from fastinit.backends import available_levels, current

PACKAGES = ("fastinit", "numpy", "numba", "torch", "jax", "tensorflow", "tensorflow_cpu", "mkl_random", "randomgen", "scipy")


def machine() -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": cpu(),
        "threads": fastinit.get_num_threads(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / GB:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "backend": current().name,
        "level": current().level,
        "levels": list(available_levels()),
        "load before": round(os.getloadavg()[0], 1),
        "versions": {package: found for package in PACKAGES if (found := _version(package))},
    }


def cpu() -> str:
    """The CPU's name as Linux has it, with the family where several CPUs have the same name."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    fields = dict(_field(line) for line in reversed(cpuinfo.read_text().splitlines()) if ":" in line)
    name = fields.get("model name", platform.machine())
    return f"{name} (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else name


def _field(line: str) -> tuple[str, str]:
    key, value = line.split(":", 1)
    return key.strip(), value.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
