"""The CUDA device of this machine; the tests of this folder are skipped, a file at a time, where there is none."""

import pytest

from tests.cuda.devices import Device


def device():
    """Device 0 by NVIDIA's driver. RuntimeError that says why there is none."""
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise RuntimeError("needs the extra cuda") from error
    try:
        (status,) = driver.cuInit(0)
    except RuntimeError as error:  # the bindings find no driver
        raise RuntimeError(f"needs NVIDIA's driver: {error}") from error
    if int(status) != 0:
        raise RuntimeError(f"needs a CUDA device: {status.name}")
    return Device(driver)


def require_device():
    """Skip the file that calls this, where there is no device."""
    try:
        device()
    except RuntimeError as error:
        pytest.skip(str(error), allow_module_level=True)
