"""Forks at any time of a first use: no child hangs."""

import random
import signal
import subprocess
import sys
import time

import pytest

FIRST_USES = [
    "fastinit.audit({'w': [1.0, 2.0]})",
    "fastinit.normal((300, 300), seed=0)",
    "fastinit.orthogonal((30, 30), seed=0)",
    "fastinit.default_rng(0).normal(size=5000)",
    "fastinit.random.normal(size=5)",
    "fastinit.recipes.gpt2(12)",
    "fastinit.patch_numpy().__enter__()",
    "fastinit.recommend('relu')",
    "fastinit.fill_many('he_normal', {'a': (3, 4), 'b': (4, 5)}, seed=0)",
    "fastinit.show_config()",
]
FORK = """
import os, signal, sys, threading, time
import fastinit
thread = threading.Thread(target=lambda: FIRST_USE)
thread.start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if child == 0:
    signal.alarm(120)
    FIRST_USE
    os._exit(0)
status = os.waitpid(child, 0)[1]
thread.join()
sys.exit(status != 0)
"""


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("first_use", FIRST_USES)
def test_a_child_forked_during_a_first_use_can_do_the_same(first_use, rounds):
    times, code = random.Random(first_use), FORK.replace("FIRST_USE", first_use)
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", f"import fastinit; {first_use}"], check=True, stdout=subprocess.DEVNULL)
    longest = (time.monotonic() - began) / 4  # of which most is the start of Python and of NumPy
    for turn in range(rounds):
        after = times.uniform(0, longest)
        done = subprocess.run([sys.executable, "-c", code, str(after)], capture_output=True, text=True)
        assert done.returncode == 0, (turn, after, signal.SIGALRM, done.stderr)
