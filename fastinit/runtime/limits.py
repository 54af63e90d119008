"""Limits that other libraries set to the threads of a process, looked at only where those libraries are imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_registered: object = None  # the module that knows us


def in_worker_of_torch() -> bool:
    """Whether this process is one of the workers of a torch DataLoader, each of which has one thread for torch too."""
    data = sys.modules.get("torch.utils.data")
    return data is not None and getattr(data, "get_worker_info", lambda: None)() is not None


def obey_threadpoolctl(get_number: Callable[[], int], set_number: Callable[[int], None]) -> None:
    """Let `threadpoolctl.threadpool_limits`, if that is imported, ask for and set the number of threads by these functions.

    It finds libraries by their files: the C kernels'. Without those it cannot limit what is done by Numba.
    """
    global _registered
    threadpoolctl: Any = sys.modules.get("threadpoolctl")
    if threadpoolctl in (None, _registered) or not hasattr(threadpoolctl, "register"):  # not imported, or older than 3.2
        return
    _registered = threadpoolctl

    class Kernels(threadpoolctl.LibController):  # type: ignore[misc]  # it has no types
        user_api = internal_api = "fastinit"
        filename_prefixes = ("_kernels",)
        check_symbols = ("fi_fill_shared",)

        def get_num_threads(self) -> int:
            return get_number()

        def set_num_threads(self, num_threads: int) -> None:
            set_number(num_threads)

        def get_version(self) -> None:
            return None

    threadpoolctl.register(Kernels)
