"""The fixtures of all tests."""

import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

import fastinit
from fastinit.backends.elements import ELEMENT_TYPES
from tests.support import BACKENDS, DISTRIBUTIONS

settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")

# `python -m pytest` within this folder has it searched for modules, and tests/torch is not torch.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).parent]


@pytest.fixture(params=BACKENDS, ids=lambda chosen: "-".join(filter(None, chosen)))
def each_backend(request):
    """(name, level) of a backend, as `use_backend` takes them."""
    return request.param


@pytest.fixture(params=ELEMENT_TYPES)
def dtype(request):
    """The name of an element type."""
    return request.param


@pytest.fixture(params=DISTRIBUTIONS)
def distribution(request):
    """A distribution, of each kind that has a kernel and each regime of its parameters."""
    return DISTRIBUTIONS[request.param]


@pytest.fixture
def num_threads():
    """A function that sets the number of threads; what was before is set again at the end."""
    before = fastinit.get_num_threads()
    yield fastinit.set_num_threads
    fastinit.set_num_threads(before)


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """A shell that starts tests in the background has them ignore interrupts, and so would the programs that they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def one_thread_of_torch():
    """Threads that share an operation of torch wait for each other: beside other programs, minutes for a small model."""
    torch = sys.modules.get("torch")  # where it has been imported, by the files with its tests
    if hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)
