"""The C kernels as a native call of XLA, which fills its own buffer on its threads without running Python."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import jax
import numpy as np

from fastinit.backends import available_levels
from fastinit.core.dtypes import element_type
from fastinit.distributions import Distribution
from fastinit.runtime import settings
from fastinit.runtime.forks import without_forks

TARGET = "fastinit_fill"  # the name also stands in what jax.export writes
# Of XLA's interface, those that csrc/bindings/xla_interface.h describes. Up to jaxlib 0.7 XLA takes its own version alone,
# since then older ones too.
MINOR_VERSIONS = (3, 2, 1)


def computation(distribution: Distribution, result: jax.ShapeDtypeStruct) -> Callable[[jax.Array], jax.Array] | None:
    """The call that computes the values from a key's words, on a CPU; None where there is no kernel or no handler."""
    if distribution.kernel is None or not is_registered():
        return None
    parameters = distribution.parameters(element_type(result.dtype).real)
    call = jax.ffi.ffi_call(TARGET, result, vmap_method="expand_dims")
    return partial(call, distribution=distribution.kernel, parameters=np.asarray(parameters, np.float64))


@cache
def is_registered() -> bool:
    """Registers the handler the first time. False where there is none, or this JAX takes none of its versions.

    Before JAX has its backends it only notes what is registered; refused then, it has no CPU at all. It gets them here only
    where its version of the interface is not one of ours: after that neither `jax.distributed` can begin nor options change.
    """
    if not available_levels() or not hasattr(jax, "ffi"):
        return False
    minor = _version_of_header()
    if minor in MINOR_VERSIONS:
        return _register(minor)
    try:
        jax.local_devices(backend="cpu")
    except RuntimeError:  # JAX_PLATFORMS leaves CPUs out
        return False
    return any(map(_register, MINOR_VERSIONS))


def _version_of_header() -> int | None:
    """The version of XLA's interface by the header that jaxlib brings along: m for 0.m, None for any other."""
    try:
        header = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h").read_text(encoding="utf-8")
    except OSError:
        return None
    major, minor = (re.search(rf"#define XLA_FFI_API_{name} (\d+)", header) for name in ("MAJOR", "MINOR"))
    return int(minor[1]) if major and minor and major[1] == "0" else None


def _register(minor: int) -> bool:
    """Whether XLA takes the handler as one for version 0.`minor` of its interface."""
    with without_forks():
        from fastinit.backends.c import xla_handler

    address = xla_handler(settings.chosen_level() or available_levels()[-1], minor)
    if address is None:
        return False
    try:
        jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(ctypes.c_void_p(address)), platform="cpu")
    except Exception:  # XLA's own type of error
        return False
    return True
