"""How many forward passes' time `lab.inspect` takes: python -m bench.lab [timm:NAME ...] [--batch 16]

Medians on one thread, of images of 224 x 224 pixels. Needs torch and timm.
"""

from __future__ import annotations

import argparse
from functools import partial

from bench.tables import print_table
from bench.timing import medians

MODELS = ("timm:resnet50", "timm:vit_small_patch16_224")
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS, help="timm:NAME")
    parser.add_argument("--batch", type=int, default=16, help="images in a batch")
    asked = parser.parse_args()

    import timm
    import torch

    import fastinit.lab

    torch.set_num_threads(1)
    rows = []
    for name in asked.models:
        model, images = timm.create_model(name.removeprefix("timm:")), torch.randn(asked.batch, 3, 224, 224)
        with torch.no_grad():
            works = {"forward": partial(model, images), "inspect": partial(fastinit.lab.inspect, model, images)}
            taken = medians(works, ROUNDS)
        rows.append((name, *(f"{taken[work]:.3g} s" for work in works), f"{taken['inspect'] / taken['forward']:.2f}"))
    print_table(("", "forward", "inspect", "inspect / forward"), rows)


if __name__ == "__main__":
    main()
