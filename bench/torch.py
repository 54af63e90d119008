"""Torch's initialization with and without fastinit, in the same run: python -m bench.torch [--models | --fills]

Fills of 64 Mi elements, medians of interleaved rounds; then models, each build in a process of its own, for its peak
memory: stock, under `fastinit.torch.accelerate()`, by `fastinit.torch.build`, and by `build` in bfloat16. Needs torch and
transformers, and 4 GB for Llama.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench import program
from bench.memory import page_faults, peak_bytes
from bench.tables import print_table
from bench.timing import medians, seconds

ROUNDS = 3
ELEMENTS = 2**26
SLOW_ELEMENTS = 2**22  # of what takes torch seconds; its rate does not depend on the size
MEMORY = 4 * 2**30
WAYS = ("stock", "accelerate", "build", "build in bfloat16")
MODELS = (
    "llama-0.7B", "gpt2-medium", "bert-base", "t5-base", "vit-b-16", "resnet-50",
    "mobilenet-v2", "efficientnet-b0", "200 x Linear(32, 32)",
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


def build(model: str, way: str) -> program.Measures:
    """Build a model."""
    from torch.nn import Linear

    import fastinit.torch
    from bench.torch_models import MODELS

    factory = MODELS[model]
    with fastinit.torch.deferred():
        factory()  # imports, caches
    with fastinit.torch.accelerate():
        fastinit.torch.build(Linear, 512, 512)
    ways = {
        "stock": factory,
        "accelerate": fastinit.torch.accelerate()(factory),
        "build": partial(fastinit.torch.build, factory),
        "build in bfloat16": partial(fastinit.torch.build, factory, dtype="bfloat16"),
    }
    kept = []  # so that what the peak is compared with still exists
    before, faults = peak_bytes(), page_faults()
    taken = seconds(lambda: kept.append(ways[way]()))
    faults = page_faults() - faults
    weights = sum(parameter.nbytes for parameter in kept[0].parameters())
    return {"seconds": taken, "weights": weights, "peak": (peak_bytes() - before) / weights, "faults": faults}


def models() -> None:
    columns = ("model", "parameters", "stock", *WAYS[1:], "peak memory / weights", "page faults: stock / build")
    print_table(columns, rows_of_models())


def rows_of_models() -> Iterator[tuple[str, ...]]:
    for model in MODELS:
        stock, *of_fastinit = program.medians("bench.torch", (("build", model, way) for way in WAYS), ROUNDS, MEMORY)
        cells = (f"{it['seconds']:.3g} s, {stock['seconds'] / it['seconds']:.1f} times as fast" for it in of_fastinit)
        peak = max(it["peak"] for it in of_fastinit)
        faults = stock["faults"] / of_fastinit[WAYS[1:].index("build")]["faults"]
        yield model, f"{stock['weights'] / 4e6:,.1f} M", f"{stock['seconds']:.3g} s", *cells, f"{peak:.3f}", f"{faults:.1f}"


if __name__ == "__main__":
    program.main(__doc__, {"fills": fills, "models": models}, {"build": build})
