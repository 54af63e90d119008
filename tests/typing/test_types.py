"""The files beside this one are what users write: mypy and pyright must find in them the types that they assert."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_what_users_write_has_the_types_it_asserts(checker: str) -> None:
    if not all(map(find_spec, (checker, "torch", "jax", "keras", "dask"))):
        pytest.skip(f"needs {checker} and the frameworks: pip install -e '.[dev]'")
    done = subprocess.run([sys.executable, "-m", checker, "tests/typing"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
