"""Values that are made of several draws each, by the C extension: csrc/kernels/composed.h."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends.c import KERNELS
from fastinit.backends.c_signals import interruptible
from fastinit.backends.generator_requests import DirichletRequest, NoncentralRequest

_GAMMA, _NORMAL = KERNELS["gamma_float64"], KERNELS["normal_float64"]


def _dirichlet(level: int, request: DirichletRequest) -> None:
    stream, parameters, start, out, num_threads = request
    draws = stream, _ffi.from_buffer("double[]", parameters), start
    interruptible(_lib.fi_dirichlet, level, _GAMMA, *draws, *out.shape, _ffi.from_buffer("double[]", out), num_threads)


def _noncentral_chisquare(level: int, request: NoncentralRequest) -> None:
    stream, parameters, start, first_normal, roots, out, num_threads = request
    draws = stream, _ffi.from_buffer("double[]", parameters), start, first_normal, _ffi.from_buffer("double[]", roots)
    where = len(out), _ffi.from_buffer("double[]", out), num_threads
    interruptible(_lib.fi_noncentral_chisquare, level, _GAMMA, _NORMAL, *draws, *where)


def dirichlet_at(level: int) -> Callable[[DirichletRequest], None]:
    """The function of a level; see `fastinit.backends.generator_requests.Operations`."""
    return partial(_dirichlet, level)


def noncentral_chisquare_at(level: int) -> Callable[[NoncentralRequest], None]:
    """The function of a level."""
    return partial(_noncentral_chisquare, level)
