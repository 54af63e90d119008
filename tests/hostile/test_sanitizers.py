"""The extensions under AddressSanitizer and UndefinedBehaviorSanitizer, called with random arguments through the API."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="preloads the sanitizers")]

ROOT = Path(__file__).resolve().parents[2]
FLAGS = "-O0 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # the interpreter leaks; huge sizes are asked for
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "PYTHONMALLOC": "malloc",  # so that the sanitizer sees what Python and cffi allocate
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@pytest.fixture(scope="module")
def run_sanitized(tmp_path_factory):
    """Runs Python with a copy of the package whose extensions are built with the sanitizers: run_sanitized(*arguments)."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    libraries = [
        subprocess.check_output(["gcc", f"-print-file-name=lib{name}.so"], text=True).strip() for name in ("asan", "ubsan")
    ]
    if not all(map(os.path.isabs, libraries)):
        pytest.skip("gcc has no sanitizers here")
    folder = tmp_path_factory.mktemp("sanitized")
    compiler = folder / "cc"  # setup.py asks for -O3, which takes minutes to compile with the sanitizers
    compiler.write_text(f'#!/bin/bash\nexec gcc "${{@/-O3/-O1}}" {FLAGS}\n')
    compiler.chmod(0o755)
    package = shutil.copytree(ROOT / "fastinit", folder / "fastinit", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    build = [sys.executable, "setup.py", "build_ext", "--build-lib", folder, "--build-temp", folder / "temp", "--force"]
    environment = {**os.environ, "CC": str(compiler), "LDSHARED": f"{compiler} -shared"}
    built = subprocess.run([*map(str, build)], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert len(list(package.glob("*.so"))) == 3, built.stdout + built.stderr

    def run(*arguments):
        environment = {**os.environ, **OPTIONS, "PYTHONPATH": str(folder), "LD_PRELOAD": ":".join(libraries)}
        environment["FASTINIT_BACKEND"] = "c"
        return subprocess.run([sys.executable, *arguments], cwd=folder,
                              env=environment, capture_output=True, text=True)  # fmt: skip

    return run


def test_the_sanitizer_sees_a_write_beyond_an_array(run_sanitized):
    """Else the next test would prove nothing."""
    done = run_sanitized(
        "-c",
        "import numpy as np\nfrom fastinit._kernels import ffi, lib\n"
        "out, start = np.empty(10**6, np.uint32), np.zeros(1, np.uint64)\n"
        "memory = ffi.from_buffer(out)\n"
        "lib.fi_fill(0, 0, (1, 2, 3, 4), ffi.NULL, ffi.from_buffer('uint64_t[]', start), 1, out.size + 1, 1, memory, 0, 0)",
    )
    assert done.returncode != 0 and "heap-buffer-overflow" in done.stderr, done.stderr


@pytest.mark.parametrize("seed", range(3))
def test_calls_with_random_arguments_are_clean(run_sanitized, seed):
    done = run_sanitized("-W", "ignore", str(ROOT / "tests/hostile/api_fuzz.py"), "--calls", "1000", "--seed", str(seed))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-8000:]
    assert "ERROR: AddressSanitizer" not in done.stderr and "runtime error:" not in done.stderr, done.stderr[-8000:]
