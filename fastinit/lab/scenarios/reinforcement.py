"""Reinforcement learning: a pole is balanced on a cart, by a policy that follows the gradient of its return."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fastinit.initializers import Normal, Orthogonal
from fastinit.lab.scenarios.scenario import Scenario, Size
from fastinit.lab.tasks import Progress
from fastinit.recipes import Recipe
from fastinit.runtime.forks import without_forks

STEPS = 500  # after which an episode of CartPole-v1 ends
RETURN_OF_CHANCE = 22.3  # the mean number of steps of a policy that draws both actions alike
SCALES = (2.4, 2.0, 0.21, 2.0)  # of the observations: position, speed, angle, its speed, at which an episode ends or so
GAMMA = 0.98


@dataclass(frozen=True)
class PolicyGradient:
    """CartPole-v1 by REINFORCE (Williams 1992): steps of Adam on episodes that the policy plays.

    The metric is the mean number of steps of an episode, at most 500, when the policy is played after an epoch of
    `updates` steps of Adam; the loss is 500 minus that, so that the policy that draws at random has `chance_loss`.
    """

    learning_rate: float = 0.003
    updates: int = 5
    episodes: int = 16  # played at once for each step of Adam
    metric: str = field(default="steps", init=False)
    chance_loss: float = field(default=STEPS - RETURN_OF_CHANCE, init=False)

    @property
    def batch(self) -> Any:
        """Observations as a policy meets them: uniform within their scales."""
        values = torch.from_numpy(np.random.default_rng(0).uniform(-1.0, 1.0, (64, 4)).astype(np.float32))
        return (values,)

    def fingerprint(self) -> str:
        return f"CartPole-v1 {self.learning_rate!r} {self.updates} {self.episodes}"

    def epochs(self, model: nn.Module, seed: int, fold: int, folds: int | None, epochs: int) -> Iterator[Progress]:
        if folds is not None:
            raise ValueError("folds must be None: a game has no samples to hold out")
        with without_forks():
            import gymnasium

        carts = gymnasium.make_vec("CartPole-v1", self.episodes, vectorization_mode="vector_entry_point")
        generator = torch.Generator().manual_seed(seed)
        carts.reset(seed=seed)
        optimizer = torch.optim.Adam(model.parameters(), self.learning_rate)
        played = float(_played(carts, model, generator)[1].mean())
        yield Progress(STEPS - played, played, math.nan)
        for _ in range(epochs):
            steps = [self._update(carts, model, generator, optimizer) for _ in range(self.updates)]
            played = float(_played(carts, model, generator)[1].mean())
            yield Progress(STEPS - played, played, STEPS - float(np.mean(steps)))
        carts.close()

    def _update(self, carts: Any, model: nn.Module, generator: torch.Generator, optimizer: torch.optim.Optimizer) -> float:
        """One step of Adam up the gradient of the return, in stds over all steps played; the mean number of steps."""
        (observations, actions, alive), lengths = _played(carts, model, generator)
        returns = np.zeros(alive.shape, np.float32)
        ahead = np.zeros(alive.shape[1], np.float32)
        for step in range(len(alive) - 1, -1, -1):
            ahead = alive[step] * (1 + GAMMA * ahead)
            returns[step] = ahead
        taken = torch.from_numpy(alive)
        worth = torch.from_numpy(returns)[taken]
        worth = (worth - worth.mean()) / (worth.std() + 1e-6)
        loss = (worth * functional.cross_entropy(model(observations[taken]), actions[taken], reduction="none")).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(lengths.mean())


@torch.no_grad()
def _played(carts: Any, model: nn.Module, generator: torch.Generator) -> tuple[tuple[Tensor, Tensor, Any], Any]:
    """An episode of each cart by actions that the policy draws: observations, actions, who was still up; and the lengths."""
    seen, taken, up = list[Tensor](), list[Tensor](), list[Any]()
    state = torch.from_numpy(carts.reset()[0] / np.array(SCALES, np.float32))
    alive = np.ones(len(state), bool)
    while alive.any():
        odds = model(state).softmax(-1)
        if not bool(odds.isfinite().all()):
            raise FloatingPointError("the policy's probabilities are not finite")
        action = torch.multinomial(odds, 1, generator=generator)[:, 0]
        seen.append(state)
        taken.append(action)
        up.append(alive)
        observed, _, fallen, over, _ = carts.step(action.numpy())
        state = torch.from_numpy(observed / np.array(SCALES, np.float32))
        alive = alive & ~fallen & ~over
    standing = np.array(up)
    return (torch.stack(seen), torch.stack(taken), standing), standing.sum(axis=0)


def make_model() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))


def orthogonal(last: float) -> Recipe:
    """Orthogonal with gain sqrt(2), and `last` for the layer that gives the actions."""
    return Recipe([("4.weight", Orthogonal(last)), ("*.bias", "zeros"), ("*", Orthogonal(2**0.5))])


REINFORCEMENT = Scenario(
    "reinforcement",
    "Reinforcement learning: CartPole",
    (
        "A network of two hidden layers balances a pole on a cart, gymnasium's CartPole-v1, and learns by the policy "
        "gradient (REINFORCE). The metric is the number of steps that the pole stays up, at most 500.",
        "The last layer's size decides how sure of itself the policy is before it knows anything: a small one draws both "
        "actions alike and explores, as Andrychowicz et al. 2021 advise. Whether it matters here the verdict says.",
    ),
    PolicyGradient,
    make_model,
    {
        "torch": "torch",
        "orthogonal, last 0.01": orthogonal(0.01),
        "orthogonal, last 1.4": orthogonal(2**0.5),
        "normal, std 1": Normal(0.0, 1.0),
    },
    size=Size(6, 8),
    quick=Size(3, 2),
    libraries=("gymnasium",),
)
SCENARIOS = (REINFORCEMENT,)
