"""New virtual environments, in which tests install the package."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.pages import ROOT

BUILT = ("*.so", "*.pyd", "__pycache__", "*.egg-info", "build", "dist", ".git", ".*_cache", ".venv", "kernel_list.h")


class Environment:
    """A new virtual environment, which finds the packages that fastinit needs where the tests' own environment has them."""

    def __init__(self, folder):
        self.folder, self.clone = folder, folder / "clone"
        copy_sources(self.clone)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = folder / "venv" / "lib" / version / "site-packages"
        (self.packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
        path = f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"
        self.variables = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(folder / "cache")}
        self.variables.pop("PYTHONPATH", None)
        self.run(
            "pip uninstall -y setuptools"
        )  # which some versions of Python bring, and which would come before the others'

    def run(self, command, folder=None, **variables):
        environment = {**self.variables, **variables}
        return subprocess.run(
            command, shell=True, cwd=folder or self.clone, env=environment, capture_output=True, text=True, check=True
        )

    def install(self, command, **variables):
        """Run an installation with the packages that are there."""
        self.run(command.replace("pip install", "pip install --no-deps --no-build-isolation"), **variables)


def copy_sources(to: Path) -> None:
    """What git has of the tree, as it is on disk; from an sdist, what is not built there."""
    if (ROOT / ".git").exists():
        subprocess.run(["git", "-C", str(ROOT), "checkout-index", "--all", f"--prefix={to}/"], check=True)
    else:
        shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*BUILT))
