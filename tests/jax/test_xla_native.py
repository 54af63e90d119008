"""XLA's handler: it lays calls out as XLA's header does, and sanitizers find nothing: native/exercise_xla.c."""

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
    "csrc/kernels/threads.c",
    "csrc/kernels/baseline_kernels.c",
    "csrc/kernels/faster_kernels.c",
    "csrc/bindings/cursor.c",
    "csrc/bindings/xla_handler.c",
]

needs_header = pytest.mark.skipif(os.name == "nt" or find_spec("jaxlib") is None, reason="needs POSIX and jaxlib's header")


def xla_paths():
    """What the compiler needs to find the handler's headers and XLA's."""
    header = Path(find_spec("jaxlib").submodule_search_locations[0], "include")
    return [*(f"-I{ROOT / 'csrc' / room}" for room in ROOMS), f"-isystem{header}"]


@needs_header
def test_the_layout_of_a_call_is_that_of_the_header_of_jaxlib():
    command = [first_compiler("gcc", "clang"), "-std=c11", "-fsyntax-only", *xla_paths()]
    built = subprocess.run([*command, ROOT / "tests/backends/native/xla_layout.c"], capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")


@needs_header
@pytest.mark.slow
@pytest.mark.parametrize("sanitizers", ["address,undefined", "thread"])
def test_sanitizers_find_nothing_in_the_handler_and_wrong_calls_are_refused(sanitizers, tmp_path):
    compiler, program = first_compiler("clang", "gcc"), tmp_path / "exercise"
    flags = [*build_flags(), "-O1", "-g", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", "-pthread"]
    paths = [*xla_paths(), *(ROOT / source for source in SOURCES)]
    built = subprocess.run([compiler, *flags, *paths, "-o", program, "-lm"], capture_output=True, text=True)
    if "cannot find -l" in built.stderr or "cannot find lib" in built.stderr:
        pytest.skip(f"{compiler} cannot link -fsanitize={sanitizers} here")
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([program], capture_output=True, text=True, timeout=900)
    if "unexpected memory mapping" in ran.stderr:
        pytest.skip("ThreadSanitizer cannot run under this kernel's address space randomization")
    assert (ran.returncode, ran.stderr) == (0, "")
