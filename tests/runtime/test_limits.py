"""The limits that joblib, torch's DataLoader and threadpoolctl set to threads; in processes, which import them anew."""

import subprocess
import sys

import pytest

from fastinit.backends import current

THREADPOOLCTL = """
{first}
{second}
fastinit.get_num_threads()
fastinit.set_num_threads(7)
found = []
with threadpoolctl.threadpool_limits(limits=2):
    found.append(fastinit.get_num_threads())
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        found.append(fastinit.get_num_threads())
found.append(fastinit.get_num_threads())
print(found, [info["user_api"] for info in threadpoolctl.threadpool_info()].count("fastinit"))
"""


def printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(current().name != "c", reason="threadpoolctl finds C libraries")
@pytest.mark.parametrize("order", [1, -1], ids=["before fastinit", "after fastinit"])
def test_threadpoolctl_limits_the_threads_within_its_block(order):
    pytest.importorskip("threadpoolctl", "3.2")
    first, second = ["import threadpoolctl", "import fastinit"][::order]
    assert printed(THREADPOOLCTL.format(first=first, second=second)) == "[2, 2, 7] 1"


DATA_LOADER = """
import fastinit, torch
from torch.utils.data import DataLoader

class Items(torch.utils.data.Dataset):
    def __len__(self): return 2
    def __getitem__(self, i): return fastinit.get_num_threads()

def choose(worker): fastinit.set_num_threads(3)

if __name__ == "__main__":
    fastinit.set_num_threads(5)
    options = dict(num_workers=1, multiprocessing_context="fork")
    print(next(iter(DataLoader(Items(), **options))).item(),
          next(iter(DataLoader(Items(), worker_init_fn=choose, **options))).item(),
          next(iter(DataLoader(Items()))).item())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on this system")
def test_a_worker_of_a_data_loader_has_one_thread_unless_it_sets_another():
    pytest.importorskip("torch")
    assert printed(DATA_LOADER) == "1 3 5"


JOBLIB = """
import joblib, fastinit
with joblib.parallel_config("loky", inner_max_num_threads=3):
    print(joblib.Parallel(n_jobs=2)(joblib.delayed(fastinit.get_num_threads)() for _ in range(2)))
"""


def test_a_worker_of_joblib_has_the_threads_that_joblib_gives_it(monkeypatch):
    pytest.importorskip("joblib")
    for variable in ("FASTINIT_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    assert printed(JOBLIB) == "[3, 3]"
