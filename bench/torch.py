"""Torch's initialization with and without fastinit, in the same run: python -m bench.torch [--models | --fills]

Fills of 64 Mi elements, then models, each in a process of its own, printed as soon as it is measured: stock, under
`fastinit.torch.accelerate()`, by `deferred()` and `init_`, by `build`, and by `build` in bfloat16; medians of interleaved
rounds. In the same rounds as much new memory is written once, which is the machine's limit. Needs torch and transformers, a
C compiler, and 4 GB for Llama; timm for its model.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from statistics import median
from time import perf_counter, process_time
from typing import Any

from bench import limits, memory, program
from bench.memory import PAGE, forget_peak, page_faults, peak_bytes
from bench.tables import print_table
from bench.timing import medians

ROUNDS = 3
LEAST_FOR_PEAK = 2**26  # bytes of weights, beside which Python's own objects are nothing
BUDGET = 15  # seconds of a model, after which no other round begins
LEAST_SECONDS = 2  # of a model: small ones get more rounds, until warm
ELEMENTS = 2**26
SLOW_ELEMENTS = 2**22  # of what takes torch seconds; its rate does not depend on the size
MEMORY = 4 * 2**30
WAYS = ("stock", "accelerate", "deferred + init_", "build", "build in bfloat16")
MODELS = (
    "llama-0.7B", "gpt2-medium", "bert-base", "t5-base", "vit-b-16", "timm:vit_base_patch16_224", "resnet-50",
    "mobilenet-v2", "mobilenet-v3-large", "efficientnet-b0", "200 x Linear(32, 32)",
)  # fmt: skip


def fills() -> None:
    print_table(("fill", "torch", "fastinit", "torch / fastinit"), rows_of_fills())


def rows_of_fills() -> Iterator[tuple[str, ...]]:
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
    for name, (fill, tensor, stock_rows) in cases.items():
        works = {
            "stock": partial(fill, tensor[:stock_rows]),
            "fastinit": fastinit.torch.accelerate()(partial(fill, tensor)),
        }
        found = medians(works, ROUNDS)
        stock = found["stock"] * len(tensor) / stock_rows
        yield name, f"{stock:.4g} s", f"{found['fastinit']:.4g} s", f"{stock / found['fastinit']:.1f}"


def build(name: str) -> program.Measures:
    """Build a model in all ways, in turn, each into memory that the process did not have before.

    The median seconds of each way, and its CPU time, which depends little on what else runs; the bytes of the weights, the
    seconds that writing to as much new memory takes, the highest peak of `build` as a multiple of them, and how many page
    faults stock takes for each of `build`.
    """
    from torch.nn import Linear, Module

    import fastinit
    import fastinit.torch
    from bench.torch_models import MODELS

    factory = MODELS[name]

    def deferred_and_filled() -> Module:
        with fastinit.torch.deferred():
            model = factory()
        fastinit.torch.init_(model)
        return model

    def touch() -> object:
        return limits.fresh(-(-weights // PAGE) * PAGE, fastinit.get_num_threads())()

    deferred_and_filled()  # imports, caches
    with fastinit.torch.accelerate():
        fastinit.torch.build(Linear, 512, 512)
    ways: dict[str, Callable[[], object]] = {
        "stock": factory,
        "accelerate": fastinit.torch.accelerate()(factory),
        "deferred + init_": deferred_and_filled,
        "touch": touch,
        "build": partial(fastinit.torch.build, factory),
        "build in bfloat16": partial(fastinit.torch.build, factory, dtype="bfloat16"),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    faults: dict[str, int] = {}
    peaks, weights, began = [0.0], 0, perf_counter()
    while is_to_go_on(len(taken["touch"]), perf_counter() - began):
        for way, make in ways.items():
            gc.collect()  # the last model
            memory.touch(weights)  # whose huge pages a virtual machine's host may have taken back
            before, faults[way], used, start = forget_peak(), -page_faults(), process_time(), perf_counter()
            made = make()
            taken[way].append(perf_counter() - start)
            cpu[way].append(process_time() - used)
            faults[way] += page_faults()
            if way == "stock":
                weights = nbytes_of(made)
            if way.startswith("build"):
                peaks.append((peak_bytes() - before) / nbytes_of(made))
            del made
    times = {way: median(found) for way, found in taken.items()} | {f"CPU, {way}": median(cpu[way]) for way in ways}
    return {**times, "weights": weights, "peak": max(peaks), "faults": faults["stock"] / max(1, faults["build"])}


def nbytes_of(model: Any) -> int:
    return sum(parameter.nbytes for parameter in model.parameters())


def is_to_go_on(rounds: int, passed: float) -> bool:
    """Whether another round is to begin, so many seconds after the first."""
    return rounds == 0 or (passed < BUDGET and (rounds < ROUNDS or passed < LEAST_SECONDS))


def models() -> None:
    ways = [f"{way}: s; stock / it; in CPU time" for way in WAYS[1:]]
    of_memory = ("touching new memory / build; in CPU time", "peak of build / weights", "page faults: stock / build")
    columns = ("model", "parameters", "stock: s", *ways, *of_memory)
    print_table(columns, rows_of_models())


def rows_of_models() -> Iterator[tuple[str, ...]]:
    for model in MODELS:
        library, of_library, _ = model.partition(":")
        if of_library and not find_spec(library):
            yield model, f"{library} is not installed"
            continue
        (found,) = program.medians("bench.torch", [("build", model)], 1, MEMORY)
        cells = [f"{found[way]:.3g}; {found['stock'] / found[way]:.1f}; {_ratio_of_cpu(found, way):.1f}" for way in WAYS[1:]]
        peak = f"{found['peak']:.3f}" if found["weights"] > LEAST_FOR_PEAK else ""
        parameters, faults = f"{found['weights'] / 4e6:,.1f} M", f"{found['faults']:.1f}"
        touch = f"{found['touch'] / found['build']:.2f}; {found['CPU, touch'] / found['CPU, build']:.2f}"
        yield model, parameters, f"{found['stock']:.3g}", *cells, touch, peak, faults


def _ratio_of_cpu(found: program.Measures, way: str) -> float:
    return found["CPU, stock"] / found[f"CPU, {way}"]


if __name__ == "__main__":
    program.main(__doc__, {"fills": fills, "models": models}, {"build": build})
