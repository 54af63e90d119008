"""NVIDIA's own bindings take every call as fastinit makes it: over a driver that is the CPU (libcuda.c)."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cuda.emulated import compile_kernels

HERE = Path(__file__).parent
FOR_ALL = """
from fastinit.backends.cuda import compiling, source
for name in source.KERNEL_NAMES:
    compiling.compiled(name, "sm_90")
"""


@pytest.mark.slow
@pytest.mark.skipif(not (find_spec("cuda") and find_spec("nvidia")), reason="needs cuda-bindings and nvidia-cuda-nvrtc")
@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++, which compiles the kernels for the CPU")
def test_nvidias_bindings_and_a_driver_fill_as_the_emulated_device_does(tmp_path):
    compile_kernels(tmp_path)
    driver = ["gcc", "-shared", "-fPIC", "-O1", "-Wl,-soname,libcuda.so.1", HERE / "libcuda.c", "-ldl"]
    subprocess.run([*driver, "-o", tmp_path / "libcuda.so.1"], check=True)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "FASTINIT_TEST_KERNELS": str(tmp_path / "emulator.so")}
    # before that driver is there, which lacks what NVRTC asks one for
    subprocess.run([sys.executable, "-c", FOR_ALL], env=environment, check=True)
    environment["LD_LIBRARY_PATH"] = str(tmp_path)
    tests = ["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", HERE.parent / "on_cuda" / "test_device.py"]
    done = subprocess.run(
        [sys.executable, *tests, "-k", "not replay"],  # of graphs, which the driver captures without what they do
        cwd=HERE.parent.parent, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0 and " passed" in last and "skipped" not in last, done.stdout
