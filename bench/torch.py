"""Torch's initialization with and without fastinit, in the same run: python -m bench.torch [--models | --fills]

Fills of 64 Mi elements, medians of interleaved rounds; then models, each build in a process of its own, for its peak
memory: stock, under `fastinit.torch.accelerate()`, and on the meta device with `fastinit.torch.init_`. Needs torch and
transformers, and 7 GB for Llama.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

from bench.memory import peak_bytes
from bench.process import measured

ROUNDS = 3
ELEMENTS = 2**26
SLOW_ELEMENTS = 2**22  # of what takes torch seconds; its rate does not depend on the size
MEMORY = 7 * 2**30
WAYS = ("stock", "accelerate", "init_")


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fills() -> None:
    import torch
    from torch import nn

    import fastinit.torch

    single, half = torch.ones(8192, 8192), torch.ones(8192, 8192, dtype=torch.bfloat16)
    rows = SLOW_ELEMENTS // 8192
    cases = {
        "trunc_normal_, 2 sigma": (partial(nn.init.trunc_normal_, std=0.02, a=-0.04, b=0.04), single, rows),
        "normal_": (nn.init.normal_, single, 8192),
        "kaiming_uniform_": (nn.init.kaiming_uniform_, single, 8192),
        "normal_, bfloat16": (nn.init.normal_, half, 8192),
        "orthogonal_, 4096 x 4096": (nn.init.orthogonal_, torch.ones(4096, 4096), 4096),
        "sparse_, 4096 x 512": (partial(nn.init.sparse_, sparsity=0.1), torch.ones(4096, 512), 4096),
    }
    print("| fill | torch | fastinit | torch / fastinit |\n|---|---|---|---|")
    for name, (fill, tensor, stock_rows) in cases.items():
        stock, ours = [], []
        for _ in range(ROUNDS):
            stock.append(seconds(partial(fill, tensor[:stock_rows])) * len(tensor) / stock_rows)
            with fastinit.torch.accelerate():
                ours.append(seconds(partial(fill, tensor)))
        stock_time, our_time = statistics.median(stock), statistics.median(ours)
        print(f"| {name} | {stock_time:.4g} s | {our_time:.4g} s | {stock_time / our_time:.1f} |")


def build(model: str, way: str) -> None:
    """Build a model and print what it took, as JSON."""
    import torch
    from torch.nn import Linear

    import fastinit.torch
    from bench.torch_models import MODELS

    with torch.device("meta"):
        MODELS[model]()  # imports, caches
    with fastinit.torch.accelerate():
        Linear(512, 512)
    before = peak_bytes()
    began = time.perf_counter()
    if way == "stock":
        built = MODELS[model]()
    elif way == "accelerate":
        with fastinit.torch.accelerate():
            built = MODELS[model]()
    else:
        with torch.device("meta"):
            built = MODELS[model]()
        fastinit.torch.init_(built)
    took = time.perf_counter() - began
    weights = sum(parameter.nbytes for parameter in built.parameters())
    print(json.dumps({"seconds": took, "weights": weights, "peak": (peak_bytes() - before) / weights}))


def models() -> None:
    print("| model | parameters | stock | accelerate() | init_ | peak memory / weights |\n|---|---|---|---|---|---|")
    for model in ("llama-1.35B", "gpt2-medium", "resnet-50", "vit-b-16"):
        rounds = [{way: measured("bench.torch", "--build", model, way, room=MEMORY) for way in WAYS} for _ in range(ROUNDS)]
        times = {way: statistics.median(found[way]["seconds"] for found in rounds) for way in WAYS}
        peak = max(found[way]["peak"] for found in rounds for way in WAYS[1:])
        cells = [f"{times[way]:.3g} s, {times['stock'] / times[way]:.1f} times as fast" for way in WAYS[1:]]
        millions = rounds[0]["stock"]["weights"] / 4e6
        print(f"| {model} | {millions:,.0f} M | {times['stock']:.3g} s | {cells[0]} | {cells[1]} | {peak:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fills", action="store_true", help="fills only")
    parser.add_argument("--models", action="store_true", help="models only")
    parser.add_argument("--build", nargs=2, metavar=("MODEL", "WAY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build(*options.build)
        return
    if not options.models:
        fills()
    if not options.fills:
        models()


if __name__ == "__main__":
    main()
