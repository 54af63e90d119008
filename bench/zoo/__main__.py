"""`python -m bench.zoo`: the sweep; `--help` lists its options."""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is to be downloaded


def main() -> None:
    import torch

    import fastinit
    from bench.zoo.libraries import NAMES
    from bench.zoo.sweep import FORK, Sweep
    from bench.zoo.table import document
    from bench.zoo.ways import WAYS

    torch.set_num_threads(1)
    fastinit.set_num_threads(1)
    parser = argparse.ArgumentParser(description="Compare every model of the libraries, built by fastinit, with stock.")
    parser.add_argument("--library", action="append", choices=NAMES, help="several may be given; all by default")
    parser.add_argument("--only", action="append", help="models whose names fit this pattern; several may be given")
    parser.add_argument("--way", action="append", choices=list(WAYS), help="several may be given; all by default")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/zoo"), help="keeps what is known of each model")
    parser.add_argument("--again", action="store_true", help="make what the folder has already once more")
    parser.add_argument("--tables", action="store_true", help="make nothing: the tables of what the folder has")
    parser.add_argument("--output", type=Path, help="file for the tables, which keeps those of other packages; else printed")
    options = parser.parse_args()
    ways = options.way or list(WAYS)
    sweep = Sweep(options.folder, ways, options.only or ["*"], options.processes, options.again, options.tables)
    results = {}
    for library in options.library or NAMES:
        with ProcessPoolExecutor(1, FORK) as worker:  # of its own: Keras has one backend in a process
            results[library] = worker.submit(sweep.run, library).result()
    if options.output:
        before = options.output.read_text() if options.output.exists() else ""
        options.output.write_text(document(results, ways, before))
    else:
        print(document(results, ways))


if __name__ == "__main__":
    main()
