"""`search`: the best of many settings of an initialization by successive halving, most epochs for the promising."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from fastinit.lab.comparison import Advance, compare
from fastinit.lab.result import Comparison
from fastinit.lab.strategies import MadeOf
from fastinit.runtime import checks


def search(
    make_model: Callable[[], nn.Module],
    data: Any,
    candidates: Mapping[str, MadeOf],
    *,
    seeds: int = 10,
    epochs: int = 10,
    keep: float = 0.5,
    jobs: int | None = None,
    progress: Advance | None = None,
) -> Comparison:
    """Successive halving over candidates, then a comparison of the two to three that are left with all seeds and epochs.

    `candidates`: by label, strategies as `compare` takes them, as {f"gain {g}": VarianceScaling(g * g) for g in gains}. In
    each round those left are trained for a few epochs with a few seeds, and the share `keep` of them with the best mean
    ranks goes on, with twice as much of both. The seeds of the last comparison are others than those of the rounds, so that
    its tests are not of what was chosen by the same numbers. The other arguments, the result and errors: as in `compare`.
    Source: Jamieson and Talwalkar 2016, arXiv 1502.07943, algorithm 1.

    >>> import torch, fastinit.lab
    >>> from fastinit.initializers import Normal
    >>> x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    >>> data = fastinit.lab.Supervised(x, x[:, 0] > 0, learning_rate=0.1, batch_size=20)
    >>> make = lambda: torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> candidates = {f"std {std}": Normal(0.0, std) for std in (1e-6, 1e-5, 1e-4, 0.5)}
    >>> fastinit.lab.search(make, data, candidates, seeds=3, epochs=4, jobs=1).best_strategy
    'std 0.5'
    """
    checks.share("keep", keep)
    if not isinstance(candidates, Mapping):
        raise TypeError(f"candidates must be a mapping from labels to strategies, got {checks.shown(candidates)}")
    left = dict(candidates)
    rounds = max(0, math.ceil(math.log(max(len(left), 1) / 3) / -math.log(keep))) if 0 < keep < 1 and len(left) > 3 else 0
    used = 0
    for number in range(rounds, 0, -1):
        share = 2.0**-number
        round_seeds, round_epochs = max(2, round(seeds * share)), max(1, round(epochs * share))
        made = compare(
            make_model,
            data,
            left,
            seeds=round_seeds,
            first_seed=seeds + used,
            epochs=round_epochs,
            jobs=jobs,
            progress=progress,
        )
        used += round_seeds
        if made.interrupted:
            return made
        best = made.ranking[: max(2, math.ceil(keep * len(left)))]
        left = {label: left[label] for label in left if label in best}
    return compare(make_model, data, left, seeds=seeds, epochs=epochs, jobs=jobs, progress=progress)
