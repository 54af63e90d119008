"""XLA's handler under sanitizers, called as XLA calls it; native/exercise_xla.c says with what."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.backends.test_native import ROOT, build_flags, first_compiler

ROOMS = "kernels", "bindings"
SOURCES = [
    "tests/backends/native/exercise_xla.c",
    "csrc/kernels/kernels.c",
    "csrc/bindings/cursor.c",
    "csrc/bindings/xla_handler.c",
]

pytestmark = pytest.mark.skipif(os.name == "nt" or find_spec("jaxlib") is None, reason="needs POSIX and jaxlib's header")


@pytest.mark.parametrize("sanitizers", ["address,undefined", "thread"])
def test_sanitizers_find_nothing_in_the_handler_and_wrong_calls_are_refused(sanitizers, tmp_path):
    compiler, program = first_compiler("clang", "gcc"), tmp_path / "exercise"
    header = Path(find_spec("jaxlib").submodule_search_locations[0], "include")
    flags = [*build_flags(), "-O1", "-g", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", "-pthread"]
    paths = [*(f"-I{ROOT / 'csrc' / room}" for room in ROOMS), f"-isystem{header}", *(ROOT / source for source in SOURCES)]
    built = subprocess.run([compiler, *flags, *paths, "-o", program, "-lm"], capture_output=True, text=True)
    if "cannot find -l" in built.stderr or "cannot find lib" in built.stderr:
        pytest.skip(f"{compiler} cannot link -fsanitize={sanitizers} here")
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([program], capture_output=True, text=True, timeout=900)
    if "unexpected memory mapping" in ran.stderr:
        pytest.skip("ThreadSanitizer cannot run under this kernel's address space randomization")
    assert (ran.returncode, ran.stderr) == (0, "")
