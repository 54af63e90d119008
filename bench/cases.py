"""Guards against regressions by pytest-benchmark: ratios within a run and counts of instructions, never seconds.

    pytest bench/cases.py                      # about two minutes
    pytest bench/cases.py -k "not instructions"

The bounds are about a third of what an idle machine shows, so that a busy one passes and a kernel that is no longer
vectorised fails. Smaller losses show in the counts of instructions.
Instructions are counted by `perf stat`, else by valgrind; where neither can, those cases are skipped and say so.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import fastinit
from bench import in_cache, instructions
from bench.conftest import NBYTES
from bench.limits import limit
from bench.memory import warm
from bench.peers import draw
from bench.scaling import columns
from fastinit.backends import available_backends, available_levels, current

LEAST_SHARES = {  # of the streaming-store limit, by level
    ("uniform", "float32"): {"baseline": 0.03, "avx2": 0.2, "avx512": 0.4},
    ("normal", "float32"): {"baseline": 0.002, "avx2": 0.05, "avx512": 0.13},
    ("truncated_normal", "float32"): {"baseline": 0.0008, "avx2": 0.025, "avx512": 0.07},
    ("normal", "float64"): {"baseline": 0.0003, "avx2": 0.03, "avx512": 0.1},
    ("truncated_normal", "float64"): {"baseline": 0.0002, "avx2": 0.05, "avx512": 0.1},
}

needs_c = pytest.mark.skipif("c" not in available_backends(), reason="the C kernels are not built")


def fill(distribution, dtype, nbytes=NBYTES, fresh=False, library="fastinit"):
    return draw(library, distribution, dtype, nbytes // np.dtype(dtype).itemsize, fresh)


@needs_c
@pytest.mark.parametrize("distribution, dtype", LEAST_SHARES)
def test_a_fill_of_warm_memory_keeps_its_share_of_the_limit(ratio, distribution, dtype):
    at_least = LEAST_SHARES[distribution, dtype].get(current().level, 0)
    ratio(fill(distribution, dtype), limit("streaming", NBYTES), at_least)


@needs_c
def test_a_fill_of_fresh_memory_keeps_its_share_of_a_memset(ratio):
    at_least = {"baseline": 0.01, "avx2": 0.15, "avx512": 0.3}.get(current().level, 0)
    ratio(fill("normal", "float32", fresh=True), limit("fresh", NBYTES), at_least)


@pytest.mark.skipif("avx2" not in available_levels(), reason="the CPU or the C kernels have no level avx2")
def test_uniforms_keep_up_with_a_loop_written_by_hand(ratio):
    ratio(in_cache.kernel(in_cache.DISTRIBUTIONS["uniform"], "float32", "avx2"), in_cache.by_hand(), 0.5)


@needs_c
def test_bfloat16_draws_as_many_values_as_float32(ratio):
    ratio(fill("normal", "bfloat16", NBYTES // 2), fill("normal", "float32"), 0.5)


@needs_c
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_numba_keeps_up_with_c(ratio, distribution):
    ratio(fill(distribution, "float32", library="fastinit numba"), fill(distribution, "float32"), 0.3)


@pytest.mark.parametrize("distribution, at_least", [("uniform", 1), ("normal", 4)])
def test_it_outruns_numpy(ratio, distribution, at_least):
    numpys = fill(distribution, "float32", NBYTES // 16, library="numpy")
    ratio(fill(distribution, "float32"), numpys, at_least, NBYTES, NBYTES // 16)


def test_a_small_tensor_does_not_take_much_longer_than_numpys(ratio):
    rng = np.random.default_rng(0)

    def repeated(call):
        for _ in range(500):
            call()

    of_fastinit = partial(fastinit.he_normal, (64, 64), seed=0)
    of_numpy = partial(rng.standard_normal, (64, 64), np.float32)
    ratio(partial(repeated, of_fastinit), partial(repeated, of_numpy), 0.4)


@pytest.mark.parametrize("width, at_least", [(64, 0.08), (1024, 0.3)])
def test_columns_keep_their_share_of_contiguous_speed(ratio, width, at_least):
    n = NBYTES // 4
    ratio(columns(n, width, strided=False), fill("normal", "float32"), at_least)


def test_a_strided_destination_keeps_its_share_of_contiguous_speed(ratio):
    n = NBYTES // 4
    wide = warm(2 * n, np.float32).reshape(-1, 8192)[:, :4096]
    ratio(partial(fastinit.normal, wide.shape, seed=0, out=wide), fill("normal", "float32"), 0.3)


@pytest.mark.skipif(not instructions.countable_levels(), reason="neither perf nor valgrind can count instructions here")
@pytest.mark.parametrize("level", instructions.countable_levels()[-1:])
@pytest.mark.parametrize("distribution, dtype", instructions.MOST)
def test_instructions_for_each_value(count, distribution, dtype, level):
    at_most = instructions.MOST[distribution, dtype].get(level, float("inf"))
    count(lambda: instructions.per_value(distribution, dtype, level), at_most)
