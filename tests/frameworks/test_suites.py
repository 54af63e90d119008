"""The tests of Keras, JAX and torch of their initializers, with fastinit's in their place: docs/frameworks.md.

Keras' are installed with it. Those of JAX and torch are in clones, which FASTINIT_CLONES_JAX and FASTINIT_CLONES_TORCH name.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TABLE = (HERE.parents[1] / "docs" / "frameworks.md").read_text()


class Suite(NamedTuple):
    """Where the tests are, in the folder of the package or the clone, which of them, and how many pass at least."""

    framework: str
    path: str
    chosen: str
    least: int
    environment: Mapping[str, str] = MappingProxyType({})


FOUR_DEVICES = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
KERAS = Suite("keras", "src/initializers", "", 20, {"KERAS_BACKEND": "jax", **FOUR_DEVICES})
SUITES = {
    "keras on jax": KERAS,
    "keras on torch": KERAS._replace(environment={"KERAS_BACKEND": "torch"}),
    "keras on tensorflow": KERAS._replace(environment={"KERAS_BACKEND": "tensorflow"}),
    "jax": Suite("jax", "tests/nn_test.py", "NNInitializersTest", 240),
    "torch": Suite("torch", "test/nn/test_init.py", "", 28),
}


def folder(name: str) -> Path:
    """That of the suite's package or clone. Skips the test where it is not there."""
    suite = SUITES[name]
    for needed in (suite.framework, suite.environment.get("KERAS_BACKEND", suite.framework)):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    clone = os.environ.get(f"FASTINIT_CLONES_{suite.framework.upper()}")
    if suite.framework != "keras" and clone is None:
        pytest.skip(f"FASTINIT_CLONES_{suite.framework.upper()} does not name a clone, as docs/frameworks.md says")
    return Path(clone) if clone else Path(find_spec(suite.framework).origin).parent


def explained(name: str) -> set[str]:
    """The tests that a row of docs/frameworks.md says must fail."""
    rows = [row for row in TABLE.splitlines() if row.startswith(f"| {name} |")]
    return {test for row in rows for test in re.findall(r"`(\w+::\w+)`", row)}


@pytest.mark.parametrize("name", SUITES)
def test_only_those_tests_fail_that_the_docs_explain(name, tmp_path):
    suite, path = SUITES[name], folder(name) / SUITES[name].path
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        f"swapped_{suite.framework}",
        "-W",
        "ignore",
    ]
    command += ["-o", "addopts=", "--import-mode=importlib", "--tb=line", "-rf", "-k", suite.chosen, str(path)]
    paths = os.pathsep.join((str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": paths, **suite.environment}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) >= suite.least, done.stdout[-2000:] + done.stderr[-2000:]
    failed = {"::".join(test.split("::")[-2:]) for test in re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE)}
    assert failed <= explained(name), done.stdout[-4000:]
