"""CPU time of an audit of many small tensors, in memory and in a file: python -m bench.audits (needs safetensors)

Half of the tensors are matrices of 256 values, half are vectors of 300; with what they should be, and without.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from safetensors.numpy import save_file

import fastinit
from bench import program
from bench.tables import print_table

TENSORS = 20_000
SHAPES = ((16, 16), (300,))
DISTRIBUTION = fastinit.Normal(std=0.02)


def small() -> None:
    print_table((f"{TENSORS:,} small tensors", "CPU, s", "ms a tensor"), rows_of_small())


def rows_of_small() -> Iterator[tuple[str, ...]]:
    shapes = {f"block.{i}.w": SHAPES[i % len(SHAPES)] for i in range(TENSORS)}
    tensors = fastinit.fill_many(DISTRIBUTION, shapes)
    expected = dict.fromkeys(tensors, DISTRIBUTION)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "small.safetensors")
        save_file(tensors, path)
        for where, given in (("in memory", tensors), ("in a file", path)):
            for what, of_each in (("with distributions", expected), ("without", None)):
                taken = cpu_seconds(lambda given=given, of_each=of_each: fastinit.audit(given, of_each))
                yield f"{where}, {what}", f"{taken:.1f}", f"{taken / TENSORS * 1e3:.2f}"


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    program.main(__doc__, {"small": small})
