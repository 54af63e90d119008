"""NumPy's own tests of its generators, as installed, with fastinit's classes in the place of NumPy's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
THEIRS = Path(np.random.__file__).parent / "tests"


@pytest.mark.skipif(not THEIRS.is_dir(), reason="this NumPy was installed without its tests")
def test_numpys_own_tests_pass_but_for_those_that_pin_its_streams(tmp_path):
    """tests/random/numpy_suite/streams.txt names the ones left out and says why; none else is."""
    suite = tmp_path / "suite"
    shutil.copytree(THEIRS, suite, ignore=shutil.ignore_patterns("conftest.py", "__pycache__"))
    shutil.copy(HERE / "numpy_suite" / "swapped.py", suite / "conftest.py")
    shutil.copy(HERE / "numpy_suite" / "on_our_stream.py", suite / "test_on_our_stream.py")
    shutil.copy(HERE / "numpy_suite" / "streams.txt", suite)
    (suite / "vectors").mkdir()
    for data in (HERE.parent / "vectors").glob("direct-*.csv"):
        shutil.copy(data, suite / "vectors")
    modules = ("test_on_our_stream.py", "test_generator_mt19937.py", "test_generator_mt19937_regressions.py")
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:warnings", "--import-mode=prepend", f"--rootdir={suite}"]
    (suite / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: NumPy's\n    thread_unsafe: NumPy's\n")
    done = subprocess.run([sys.executable, "-m", "pytest", *options, *modules], cwd=suite, capture_output=True, text=True)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert passed and int(passed[1]) > 200, done.stdout[-500:]
