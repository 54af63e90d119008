"""What small calls, checks and the import take beside what they replace: python -m bench.small

Calls of Python as multiples of NumPy's, at the level that FASTINIT_LEVEL chooses; where torch is installed its `normal_` and
Linear under `accelerate()`, as multiples of stock; CPU time of whole processes: `import fastinit` beyond NumPy's, `fastinit
verify` and `fastinit audit` as multiples of the `fastinit init` that wrote the file.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np

import fastinit
from bench import program
from bench.tables import print_table
from bench.timing import medians
from fastinit.backends import current

CALLS, ROUNDS = 500, 31  # calls that are timed together
TENSORS = 10**4
MODEL = "gpt2-medium"
PROCESSES = 5
IMPORTS = 15


def repeated(call: Callable[[], object], times: int = CALLS) -> Callable[[], None]:
    def work() -> None:
        for _ in range(times):
            call()

    return work


def calls() -> None:
    print(f"Level {current().level}, {fastinit.get_num_threads()} threads\n")
    print_table(("call", "the other", "microseconds", "of the other"), rows_of_calls())


def rows_of_calls() -> Iterator[tuple[str, ...]]:
    rng = np.random.default_rng(0)
    standard = partial(rng.standard_normal, (64, 64), np.float32)
    matrix = partial(fastinit.he_normal, (64, 64), seed=0, name="w")
    yield compared('he_normal((64, 64), seed=0, name="w")', matrix, "standard_normal((64, 64), float32)", standard)
    ten = partial(rng.normal, 0.0, 0.02, (10,))
    unnamed = partial(fastinit.normal, (10,), std=0.02, seed=0)
    yield compared("normal((10,), std=0.02, seed=0)", unnamed, "normal(0, 0.02, (10,))", ten)
    yield compared('the same with name="w"', partial(unnamed, name="w"), "normal(0, 0.02, (10,))", ten)
    shapes = {f"w{i}": (100,) for i in range(TENSORS)}
    many = partial(fastinit.fill_many, fastinit.Normal(std=0.02), shapes, seed=0)
    one_by_one = repeated(partial(rng.standard_normal, 100, np.float32), TENSORS)
    yield compared("fill_many, a tensor of 10,000 of 100", many, "standard_normal(100, float32)", one_by_one, TENSORS)
    columns = np.random.default_rng(0).permutation(4096)[:2048]
    some = partial(fastinit.normal, (4096, 4096), seed=0, index=(slice(None), columns))
    yield compared("2048 random columns of 4096 x 4096", some, "all of it, indexed", partial(indexed, columns), 1)


def indexed(columns: np.ndarray) -> np.ndarray:
    return fastinit.normal((4096, 4096), seed=0)[:, columns]


def compared(
    name: str, call: Callable[[], object], other: str, other_call: Callable[[], object], times: int = 0
) -> tuple[str, ...]:
    """A row. With `times` each call does so many things already, else it is repeated."""
    works = {name: call, other: other_call} if times else {name: repeated(call), other: repeated(other_call)}
    taken = medians(works, ROUNDS if times != 1 else 5)
    return name, other, f"{taken[name] / (times or CALLS) * 1e6:.3g}", f"{taken[name] / taken[other]:.2f}"


def torch() -> None:
    if find_spec("torch") is None:
        print("torch is not installed: its small fills are not measured")
        return
    print_table(("call of torch", "microseconds, stock", "of stock under accelerate()"), rows_of_torch())


def rows_of_torch() -> Iterator[tuple[str, ...]]:
    import torch
    from torch import nn

    import fastinit.torch

    tensors = {n: torch.empty(n) for n in (1, 10, 100, 1000, 2000, 4096)}
    made: dict[str, Callable[[], object]] = {f"normal_ of {n}": tensor.normal_ for n, tensor in tensors.items()}
    made["Linear(64, 64)"] = partial(nn.Linear, 64, 64)
    for name, call in made.items():
        work = repeated(call, CALLS // 5)
        taken = medians({"stock": work, "ours": fastinit.torch.accelerate()(work)}, ROUNDS)
        yield name, f"{taken['stock'] / (CALLS // 5) * 1e6:.3g}", f"{taken['ours'] / taken['stock']:.2f}"


def processes() -> None:
    print_table(("process", "CPU time"), rows_of_processes())


def rows_of_processes() -> Iterator[tuple[str, ...]]:
    imports = {name: median(cpu_seconds("-c", f"import {name}") for _ in range(IMPORTS)) for name in ("numpy", "fastinit")}
    taken_by_numpy, taken_by_both = imports["numpy"] * 1e3, imports["fastinit"] * 1e3
    yield "import fastinit", f"{taken_by_both - taken_by_numpy:.0f} ms beyond the {taken_by_numpy:.0f} of import numpy"
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "model.safetensors"))
        commands = {"init": (MODEL, "-o", file, "--overwrite"), "verify": (file,), "audit": (file,)}
        taken: dict[str, list[float]] = {command: [] for command in commands}
        for _ in range(PROCESSES):
            for command, arguments in commands.items():
                taken[command].append(cpu_seconds("-m", "fastinit", command, *arguments))
        of_init = median(taken["init"])
    yield f"fastinit init {MODEL}", f"{of_init:.2f} s"
    for command in ("verify", "audit"):
        yield f"fastinit {command} of it", f"{median(taken[command]) / of_init:.2f} of init's"


def cpu_seconds(*arguments: str) -> float:
    """Of a process of Python with these arguments, which must succeed, and of its threads; modules are kept as bytecode."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    program.main(__doc__, {"calls": calls, "torch": torch, "processes": processes})
