"""The package installs where there is no C compiler, says so, and gives the same values."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastinit

ROOT = Path(__file__).resolve().parent.parent
SHOW = """
import sys
# an editable installation of the tests' own environment would lend its kernels to the package under test
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in str(finder).lower()]
import fastinit
fastinit.show_config()
print(fastinit.he_normal((3, 5), seed=1).tobytes().hex())
"""


@pytest.mark.slow
def test_without_a_c_compiler_numba_serves_with_a_warning_and_the_same_values(tmp_path):
    sources = tmp_path / "sources"
    clone = ["git", "-C", str(ROOT), "checkout-index", "--all", f"--prefix={sources}/"]
    subprocess.run(clone, check=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "site"), "."]
    subprocess.run(install, cwd=sources, env={**os.environ, "CC": "/no/compiler"}, check=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "its C kernels were not built at installation" in done.stderr
    assert "backend:            numba" in done.stdout
    assert done.stdout.split()[-1] == fastinit.he_normal((3, 5), seed=1).tobytes().hex()
