"""What the tests of the adapter for torch share."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread_of_torch():
    """Threads that share an operation wait for each other: beside other programs a test of small ones takes minutes."""
    pytest.importorskip("torch.nn")
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
