"""The emulated device that all tests of this folder fill."""

import shutil

import pytest

pytest.register_assert_rewrite("tests.cuda.claims")

from tests.cuda.emulated import compile_kernels, installed  # noqa: E402


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    if shutil.which("g++") is None:
        pytest.skip("needs g++, which compiles the kernels for the CPU")
    return compile_kernels(tmp_path_factory.mktemp("emulator"))


@pytest.fixture
def gpu(kernels):
    """An emulated CUDA device, whose driver fastinit finds."""
    with installed(kernels) as device:
        yield device
