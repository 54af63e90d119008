"""pytest-benchmark cases: every backend, law and dtype into warm memory, beside NumPy.

    pytest bench/cases.py                      # all of it, a few minutes
    pytest bench/cases.py -k "normal and c-"   # as usual

Each result is printed at the end in GB/s and as a share of the machine's streaming-store limit, measured in the same run.
"""

from __future__ import annotations

import numpy as np
import pytest

import fastinit
from fastinit.backends import available_backends
from fastinit.fill import DTYPES

LAWS = {"uniform": fastinit.uniform, "normal": fastinit.normal, "truncated_normal": fastinit.truncated_normal}
NUMPY_LAWS = {"uniform": "random", "normal": "standard_normal"}
ELEMENTS = {"c": 2**26, "numba": 2**26, "reference": 2**15}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("backend", available_backends())
def test_fastinit_into_warm_memory(timed, backend, law, dtype):
    out = np.ones(ELEMENTS[backend], DTYPES[dtype].dtype)
    with fastinit.use_backend(backend):
        timed(lambda: LAWS[law](out.shape, seed=0, dtype=dtype, out=out), out.nbytes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("law", NUMPY_LAWS)
def test_numpy_into_warm_memory(timed, law, dtype):
    out = np.ones(2**23, dtype)
    draw = getattr(np.random.default_rng(0), NUMPY_LAWS[law])
    timed(lambda: draw(dtype=dtype, out=out), out.nbytes)


@pytest.mark.parametrize("backend", [name for name in available_backends() if name != "reference"])
def test_he_normal_of_a_fresh_array(timed, backend):
    with fastinit.use_backend(backend):
        timed(lambda: fastinit.he_normal((2**13, 2**13), seed=0), 2**28)


@pytest.mark.parametrize("backend", [name for name in available_backends() if name != "reference"])
def test_he_normal_of_64_by_64(timed, backend):
    with fastinit.use_backend(backend):
        timed(lambda: fastinit.he_normal((64, 64), seed=0), 2**14, iterations=2000)
