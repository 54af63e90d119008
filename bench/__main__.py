"""The headline figures, each beside its limit and its peers measured in the same run.

    python -m bench                   # memory, about a minute; needs a C compiler and 4 GB
    python -m bench --disk DIRECTORY  # also gpt2-xl to that disk, beside dd; needs 7 GB there

Every round runs every case once, one after the other, so that a machine whose speed drifts slows all of them; the medians
are printed as a Markdown table. Peers (NumPy, and torch where it is installed) draw fewer values, at their usual speed.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

import fastinit
from bench import limits
from bench.limits import GB, NBYTES, ROUNDS
from fastinit.fill import DTYPES

PEER_NBYTES = 2**26


@dataclass
class Case:
    """A thing to time: `rate` runs it once and returns GB/s. `limit` is the name of the case it is a share of."""

    name: str
    rate: Callable[[], float]
    limit: str = ""
    rates: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rates)


def timed(work: Callable[[], object], nbytes: int) -> float:
    began = time.perf_counter()
    work()
    return nbytes / (time.perf_counter() - began) / GB


def memory_cases(num_threads: int) -> list[Case]:
    warm = np.ones(NBYTES // 4, np.float32)
    halves = warm.view(np.uint8)[: NBYTES // 2].view(DTYPES["bfloat16"].dtype)
    side = int((NBYTES // 4) ** 0.5)
    streaming, fresh = "streaming stores, warm", "memset, fresh"

    def into_warm(law, backend="c", out=warm, dtype=np.float32):
        def work():
            with fastinit.use_backend(backend):
                law(out.shape, seed=0, out=out, dtype=dtype)

        return lambda: timed(work, out.nbytes)

    return [
        Case(streaming, lambda: limits.streaming_rate(num_threads)),
        Case(fresh, lambda: limits.fresh_memset_rate(num_threads)),
        Case("uniform float32, warm", into_warm(fastinit.uniform), streaming),
        Case("normal float32, warm", into_warm(fastinit.normal), streaming),
        Case("truncated normal float32, warm", into_warm(fastinit.truncated_normal), streaming),
        Case("normal bfloat16, warm", into_warm(fastinit.normal, out=halves, dtype="bfloat16"), streaming),
        Case("normal float32, warm, Numba", into_warm(fastinit.normal, "numba"), streaming),
        Case("he_normal float32, fresh", lambda: timed(lambda: fastinit.he_normal((side, side), seed=0), NBYTES), fresh),
        *peer_cases(),
    ]


def peer_cases() -> list[Case]:
    out = np.ones(PEER_NBYTES // 4, np.float32)
    rng = np.random.default_rng(0)
    peers = [
        ("NumPy random float32", lambda: rng.random(out=out, dtype=np.float32), PEER_NBYTES),
        ("NumPy standard_normal float32", lambda: rng.standard_normal(out=out, dtype=np.float32), PEER_NBYTES),
    ]
    if importlib.util.find_spec("torch"):
        import torch

        tensor, half = torch.ones(PEER_NBYTES // 4), torch.ones(PEER_NBYTES // 4, dtype=torch.bfloat16)
        peers += [
            ("torch uniform_ float32", lambda: tensor.uniform_(), PEER_NBYTES),
            ("torch normal_ float32", lambda: tensor.normal_(), PEER_NBYTES),
            ("torch trunc_normal_ float32", lambda: torch.nn.init.trunc_normal_(tensor), PEER_NBYTES),
            ("torch normal_ bfloat16", lambda: half.normal_(), PEER_NBYTES // 2),
        ]
    return [Case(name, partial(timed, work, nbytes)) for name, work, nbytes in peers]


def disk_cases(directory: Path) -> list[Case]:
    file = directory / "gpt2-xl.safetensors"
    nbytes = 6_230_444_800
    command = [sys.executable, "-m", "fastinit", "init", "gpt2-xl", "-o", str(file), "--json"]
    zeros = ["dd", "if=/dev/zero", f"of={file}", "bs=1M", f"count={nbytes // 2**20}", "conv=fsync"]

    def rate(arguments: list[str]) -> float:
        file.unlink(missing_ok=True)
        try:
            return timed(lambda: subprocess.run(arguments, check=True, capture_output=True), nbytes)
        finally:
            file.unlink(missing_ok=True)

    return [
        Case("dd of zeros to disk, synced", lambda: rate(zeros)),
        Case("fastinit init gpt2-xl, synced", lambda: rate(command), "dd of zeros to disk, synced"),
    ]


def microseconds_of_a_small_call(n: int = 5000) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(n):
            fastinit.he_normal((64, 64), seed=0)
        times.append((time.perf_counter() - began) / n * 1e6)
    return statistics.median(times)


def import_seconds_beyond_numpy() -> float:
    def seconds(statement: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        return time.perf_counter() - began

    for statement in ("import numpy", "import fastinit"):  # compiled to bytecode and in the page cache
        seconds(statement)
    return statistics.median(seconds("import fastinit") - seconds("import numpy") for _ in range(4 * ROUNDS))


def print_table(cases: list[Case]) -> None:
    median_of = {case.name: case.median for case in cases}
    print("| work | GB/s | least to most | share |\n|---|---|---|---|")
    for case in cases:
        share = f"{case.median / median_of[case.limit]:.2f} of {case.limit}" if case.limit else ""
        print(f"| {case.name} | {case.median:.2f} | {min(case.rates):.2f} to {max(case.rates):.2f} | {share} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="The headline figures.")
    parser.add_argument("--disk", type=Path, help="a directory with 7 GB of room: time gpt2-xl beside dd there")
    directory = parser.parse_args().disk
    num_threads = fastinit.get_num_threads()
    print(f"{platform.machine()}, {num_threads} threads, {NBYTES >> 20} MiB, {ROUNDS} rounds\n")
    cases = memory_cases(num_threads) + (disk_cases(directory) if directory else [])
    for round_number in range(ROUNDS + 1):
        for case in cases:
            rate = case.rate()
            if round_number > 0:  # the first warms caches, pages and compiled kernels
                case.rates.append(rate)
    print_table(cases)
    print(f"\nhe_normal((64, 64)): {microseconds_of_a_small_call():.1f} microseconds")
    print(f"import fastinit beyond import numpy: {import_seconds_beyond_numpy():.3f} s")


if __name__ == "__main__":
    main()
