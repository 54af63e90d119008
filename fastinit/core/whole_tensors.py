"""All values of a tensor that are made at once: of a costly one, once for all processes of a run on this machine."""

from __future__ import annotations

from typing import Any

from fastinit.core.draws import Draws
from fastinit.core.stream import Stream
from fastinit.distributions import WholeTensor
from fastinit.runtime import settings
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import FloatArray, Real

LEAST_MULTIPLICATIONS = 2**32  # orthogonal of 2048 x 2048: 0.4 s of a CPU, of which to share the 16 MiB is a thirtieth


def whole_values(distribution: WholeTensor[Any], stream: Stream, real: Real) -> FloatArray:
    """`distribution.values` from the begin of a stream. The array is read-only where another process made it."""

    def make() -> FloatArray:
        return distribution.values(Draws(stream, real))

    if settings.local_processes() == 1 or distribution.multiplications < LEAST_MULTIPLICATIONS:
        return make()
    with without_forks():
        from fastinit.core.host_sharing import made_once  # which few tensors need

    return made_once((distribution, stream.packed), distribution.shape, real, make)
