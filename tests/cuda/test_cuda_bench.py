"""The benchmark of GPUs runs on the emulated device, and says where there is none."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT))  # the suite is not installed

from bench import cuda as bench  # noqa: E402


@pytest.fixture
def small(monkeypatch):
    for name, value in {"NBYTES": 2**12, "WARM_UP": 0, "ROUNDS": 1, "CALLS": 1, "MODEL": "mlp"}.items():
        monkeypatch.setattr(bench, name, value)


def test_fills_are_timed_beside_the_devices_memset(gpu, small, capsys):
    bench.fills()
    title, *table = capsys.readouterr().out.splitlines()
    assert title.startswith("emulated on a CPU, ") and len(table) == 2 + 1 + len(bench.FILLS)
    assert [row.split(" | ")[0].removeprefix("| ") for row in table[2:]] == ["memset", *bench.FILLS]
    assert len(gpu.launched) == len(bench.FILLS)


def test_a_model_is_timed_by_name(gpu, small, capsys):
    bench.model()
    title, *table = capsys.readouterr().out.splitlines()
    assert title == "emulated on a CPU: mlp in bfloat16 by name, 0.00107 GB" and len(table) == 4
    assert {name for name, _, _ in gpu.launched} == {"normal_bfloat16_runs", "uniform_bfloat16_runs"}


def test_without_a_device_it_says_so_in_a_line():
    done = subprocess.run([sys.executable, "-m", "bench.cuda"], cwd=ROOT, capture_output=True, text=True)
    if "bench.cuda needs" not in done.stdout:
        pytest.skip("there is a device here")
    assert done.returncode == 0 and done.stdout.count("\n") == 1
    assert done.stdout.startswith("bench.cuda needs an NVIDIA GPU and the extra cuda: ")
