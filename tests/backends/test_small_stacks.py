"""Threads with little stack, as `threading.stack_size` asks for, fill as others do. In processes: they used to crash."""

import subprocess
import sys

import pytest

from fastinit.backends import available_backends

PROGRAM = """
import sys, threading
import numpy as np
import fastinit

shape = (700, 1024)  # more than a thread's piece
dtypes = "float32", "float64", "bfloat16"
functions = fastinit.he_normal, fastinit.truncated_normal, fastinit.uniform
fills = [lambda f=f, d=d: f(shape, seed=0, dtype=d) for f in functions for d in dtypes]
fills += [lambda: fastinit.he_normal((5, 7), seed=0, name="w")] * 3
fills += [lambda: fastinit.he_normal((64, 64), seed=0, index=(slice(None), 3))]
fills += [lambda: fastinit.fill_many("he_normal", {str(i): (9, 9) for i in range(50)})["7"]]
fills += [lambda: fastinit.default_rng(0).normal(size=1000), lambda: fastinit.default_rng(0).random()]
fills += [lambda: fastinit.default_rng(0).integers(0, 10, size=5000), lambda: np.array([fastinit.default_rng(0).normal()])]
expected = [fill() for fill in fills]

fastinit.set_num_threads(3)
threading.stack_size(int(sys.argv[1]))
made = []
thread = threading.Thread(target=lambda: made.extend(fill() for fill in fills))
thread.start()
thread.join()
assert len(made) == len(expected)
assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(made, expected))
"""


@pytest.mark.skipif("c" not in available_backends(), reason="the C backend was not built")
@pytest.mark.parametrize("nbytes", [32 * 1024, 64 * 1024, 128 * 1024])
def test_threads_with_little_stack_write_the_same_values(nbytes):
    run = subprocess.run([sys.executable, "-c", PROGRAM, str(nbytes)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
