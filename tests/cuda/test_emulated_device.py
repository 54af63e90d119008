"""The kernels for GPUs, compiled for the CPU, write what the C backend writes (claims.py); and what a real driver hides."""

import subprocess
import sys

import numpy as np
import pytest

import fastinit
from fastinit.core import dlpack
from fastinit.core.device import memory_of
from fastinit.core.fill import fill
from fastinit.distributions import Normal
from tests.cuda.claims import *  # noqa: F403
from tests.cuda.claims import REFUSED, same
from tests.cuda.emulated import forget


def test_the_kernel_runs_in_the_order_of_the_arrays_stream_on_its_device(gpu):
    fastinit.normal((5,), seed=0, out=gpu.array((5,), np.float32, stream=77))
    assert gpu.launched == [("normal_float32_runs", "context of 0", 77)] and not gpu.driver.current


def test_what_was_sent_to_the_device_is_freed(gpu):
    out = gpu.array((4,), np.float32)
    fastinit.normal((9,), seed=0, index=np.array([3, 1, 8, 0]), out=out)
    assert len(gpu.driver.memory) == 1


@pytest.mark.parametrize("case", REFUSED)
def test_for_an_array_that_is_refused_nothing_is_started(gpu, case):
    make, error, _ = REFUSED[case]
    out = make(gpu)
    with pytest.raises(error):
        fill(Normal(0.0, 1.0), (4,), seed=0, out=out)
    assert not gpu.launched and not gpu.driver.current


def test_an_array_of_dlpack_is_waited_for_in_the_stream_that_it_is_filled_in(gpu):
    from tests.cuda.devices import DlpackArray

    fastinit.normal((4,), seed=0, out=DlpackArray(gpu.array((4,), np.float32), (2, 32)))
    assert gpu.driver.waited == [1] and gpu.launched[0][2] == 1


def test_without_the_extra_the_error_names_it(monkeypatch):
    forget()
    monkeypatch.setitem(sys.modules, "cuda", None)
    with pytest.raises(ImportError, match=r"NVIDIA's cuda-bindings: pip install .*\[cuda\]"):
        import fastinit.backends.cuda.driver  # noqa: F401


def test_an_import_of_fastinit_is_none_of_cuda():
    code = "import sys, fastinit; print(*(name for name in sys.modules if 'cuda' in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_call_that_c_has_learnt_still_fills_the_device_that_it_is_given(gpu):
    first, expected = (fastinit.he_normal((8, 4), seed=0) for _ in range(2))
    out = gpu.array((8, 4), np.float32)
    fastinit.he_normal((8, 4), seed=0, out=out)
    assert same(out.host, expected) and same(first, expected)


class OfNoStream:
    """An array of the CPU, asked as one of a device."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, *, stream, max_version):
        return self.array.__dlpack__(max_version=max_version)


class OfNoVersion(OfNoStream):
    """Of a library that knows of versions, and has none."""

    def __dlpack__(self, *, stream, max_version):
        return self.array.__dlpack__()


class Older(OfNoStream):
    """Of a library that knows no versions of DLPack."""

    def __dlpack__(self, *, stream):
        return self.array.__dlpack__()


def test_dlpack_is_read_as_numpy_writes_it():
    array = np.zeros((6, 8), np.float16)[1::2, ::-2]
    found = dlpack.described(OfNoStream(array))
    assert found == (array.ctypes.data, array.shape, (16, -2), "float16", False)


@pytest.mark.parametrize("kind", [OfNoVersion, Older])
def test_an_array_that_does_not_say_whether_it_may_be_written_is_refused(kind):
    with pytest.raises(ValueError, match="of before version 1, which does not say whether it may be written"):
        dlpack.described(kind(np.zeros(3)))


def test_arrays_of_jax_are_refused_though_dlpack_calls_some_writable():
    jax = pytest.importorskip("jax")
    with pytest.raises(ValueError, match="out is an array of JAX, which are read-only"):
        memory_of(jax.numpy.zeros(4), (4,), np.dtype(np.float32))


def test_dlpack_says_of_an_array_that_it_is_read_only():
    array = np.zeros(3)
    array.flags.writeable = False
    assert dlpack.described(OfNoStream(array)).is_read_only


def test_dlpack_names_the_element_types_as_torch_does(dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(4, 6, dtype=getattr(torch, dtype))[1:, ::2]
    assert dlpack.described(OfNoStream(tensor)) == (tensor.data_ptr(), (3, 3), (6, 2), dtype, False)
