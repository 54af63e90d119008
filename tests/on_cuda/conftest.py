"""The device that all tests of this folder fill."""

import pytest

pytest.register_assert_rewrite("tests.cuda.claims")

from tests.on_cuda.real import device  # noqa: E402


@pytest.fixture(scope="session")
def gpu():
    return device()
