"""What handing out the pieces of a fill to native threads costs: python -m bench.threads; needs a C compiler.

With kernels that only pass time, so that two cores show what hundreds would: of each number of threads the time of a fill as
a multiple of the ideal one, beside that of threads which have their pieces from the start. Then, by the size of the array,
the time on several threads as a share of that on one: on two with such kernels, which says from where on threads pay when
cores are free, and on all with real kernels, on this machine as it is.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import fastinit

HERE = Path(__file__).resolve().parent
KERNELS = HERE.parent / "csrc" / "kernels"
ELEMENTS = 2**26
NUM_THREADS = 2, 16, 64, 128
NANOSECONDS = 1, 10  # an element: float32 normals with AVX-512, and a slow distribution
ROUNDS = 40
SIZES = tuple(2**k for k in range(15, 23))


def compiled(folder: str) -> str:
    """The program of handing_out.c."""
    to = str(Path(folder, "handing_out"))
    sources = [str(HERE / "handing_out.c"), str(KERNELS / "threads.c")]
    subprocess.run(["cc", "-O2", "-std=c11", f"-I{KERNELS}", "-pthread", *sources, "-o", to], check=True)
    return to


def simulated(program: str, num_threads: int, nanoseconds: int, elements: int = ELEMENTS) -> tuple[float, float]:
    """Multiples of the ideal time: of a fill by the pool, and of threads that have their pieces from the start."""
    command = [program, str(elements), str(num_threads), str(nanoseconds), str(ROUNDS)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rounds = np.array([[float(text) for text in line.split()] for line in lines])
    ideal = elements * nanoseconds / num_threads / 1000
    handed_out, given = np.median(rounds, axis=0) / ideal
    return float(handed_out), float(given)


def simulated_share(program: str, elements: int) -> float:
    """The simulated time on two threads, as a share of that on one, at a nanosecond an element."""
    return simulated(program, 2, 1, elements)[0] / 2 / simulated(program, 1, 1, elements)[0]


def share_of_one_thread(n: int) -> float:
    """The time of a fill on all threads, as a share of that on one; both in turn."""
    out = np.empty(n, np.float32)

    def timed(num_threads: int) -> float:
        fastinit.set_num_threads(num_threads)
        begun = time.perf_counter()
        fastinit.normal(n, seed=0, out=out)
        return time.perf_counter() - begun

    all_threads = max(2, fastinit.get_num_threads())
    pairs = [(timed(1), timed(all_threads)) for _ in range(max(20, 2**24 // n))]
    one, several = zip(*pairs)
    return statistics.median(several) / statistics.median(one)


def table(heads: list[str], rows: list[list[str]]) -> None:
    print(*("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows]), "", sep="\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder)
        rows = [
            [str(n), str(each), *(f"{ratio:.2f}" for ratio in simulated(program, n, each))]
            for n in NUM_THREADS
            for each in NANOSECONDS
        ]
        free = [simulated_share(program, n) for n in SIZES]
    table(["threads", "ns an element", "handed out, multiple of ideal", "given from the start"], rows)
    shares = [
        [f"2^{n.bit_length() - 1}", f"{simulated:.2f}", f"{share_of_one_thread(n + 1):.2f}"]
        for n, simulated in zip(SIZES, free)
    ]
    table(["elements", "two threads, share of one: simulated", "all threads here"], shares)


if __name__ == "__main__":
    main()
