"""The number of threads follows the process's affinity and its control groups' CPU quota."""

import math
import os
import subprocess
import sys

import pytest

from fastinit.runtime.cpus import cpu_quota


@pytest.fixture
def groups(tmp_path):
    """A function that lays the files of control groups and gives what `cpu_quota` makes of them."""

    def laid(process, files):
        (tmp_path / "cgroup").write_text(process)
        for path, text in files.items():
            file = tmp_path / "mount" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return cpu_quota(tmp_path / "cgroup", tmp_path / "mount")

    return laid


V1 = "4:memory:/a\n2:cpu,cpuacct:/docker/b\n"


@pytest.mark.parametrize(
    ("process", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", {}, math.inf),
        ("0::/\n", {"cpu.max": ""}, math.inf),
        ("0::/pod/inner\n", {"pod/cpu.max": "200000 100000\n", "pod/inner/cpu.max": "max 100000\n"}, 2),
        ("0::/pod/inner\n", {"pod/cpu.max": "400000 100000\n", "pod/inner/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/of/the/host\n", {"cpu.max": "300000 100000\n"}, 3),
        (V1, {"cpu/docker/b/cpu.cfs_quota_us": "250000\n", "cpu/docker/b/cpu.cfs_period_us": "100000\n"}, 2.5),
        (V1, {"cpu/docker/b/cpu.cfs_quota_us": "-1\n", "cpu/docker/b/cpu.cfs_period_us": "100000\n"}, math.inf),
        (V1, {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 2),
    ],
)
def test_the_quota_is_the_least_of_a_group_and_those_above_it(groups, process, files, quota):
    assert groups(process, files) == quota


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert cpu_quota(tmp_path / "nothing", tmp_path) == math.inf


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinities")
def test_a_process_bound_to_one_cpu_uses_one_thread():
    cpu = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{cpu}}}); import fastinit; print(fastinit.get_num_threads())"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
