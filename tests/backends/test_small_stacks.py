"""Threads with little stack, as `threading.stack_size` asks for, fill as others do. In processes: they used to crash."""

import subprocess
import sys
from functools import cache

import numpy as np
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
fills += [lambda: fastinit.default_rng(0).choice([5, 7], 5000), lambda: fastinit.default_rng(0).dirichlet([1, 2], 5000)]
fills += [lambda: fastinit.default_rng(0).permutation(np.arange(5000))]
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

OF_NUMPY_ALONE = """
import sys, threading
import numpy as np

class Addition:
    def __call__(self, depth):  # the calls of objects take stack of C, as some within fastinit do
        if depth:
            self(depth - 1)
        else:
            numbers = np.zeros(1, np.int64)
            numbers += 3

threading.stack_size(int(sys.argv[1]))
thread = threading.Thread(target=Addition(), args=(4,))
thread.start()
thread.join()
"""


def ended(program, nbytes):
    return subprocess.run([sys.executable, "-c", program, str(nbytes)], capture_output=True, text=True)


@cache
def numpy_needs_more(nbytes):
    """NumPy 2.2's test for overlapping memory takes 24 KiB of stack, in every addition in place."""
    return ended(OF_NUMPY_ALONE, nbytes).returncode != 0


@pytest.mark.skipif("c" not in available_backends(), reason="the C backend was not built")
@pytest.mark.parametrize("nbytes", [32 * 1024, 64 * 1024, 128 * 1024])
def test_threads_with_little_stack_write_the_same_values(nbytes):
    if numpy_needs_more(nbytes):
        pytest.skip(f"NumPy {np.__version__} by itself adds no numbers in a thread with {nbytes} bytes of stack")
    run = ended(PROGRAM, nbytes)
    assert run.returncode == 0, run.stderr
