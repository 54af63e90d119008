"""What a network is trained on: a data set with a loss, or anything else that trains a model and scores it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fastinit.runtime import checks
from fastinit.runtime.forks import without_forks

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda parameters, rate: torch.optim.SGD(parameters, rate, momentum=0.9),
    "adam": lambda parameters, rate: torch.optim.Adam(parameters, rate),
}
HELD_OUT = 0.2  # of the samples, where there are no folds


class Progress(NamedTuple):
    """After an epoch: the loss and the metric (the larger, the better) on what is held out, and the loss in training."""

    loss: float
    metric: float
    training_loss: float


class Task(Protocol):
    """What `compare` trains on. `epochs` gives the state before training and then after each epoch.

    `batch`: a few inputs, for strategies that need some. `chance_loss`: that of the best constant answer, infinity where
    there is none. `fingerprint`: says which data and settings it has. `metric`: its name.
    """

    @property
    def metric(self) -> str: ...

    @property
    def batch(self) -> Any: ...

    @property
    def chance_loss(self) -> float: ...

    def fingerprint(self) -> str: ...

    def epochs(self, model: nn.Module, seed: int, fold: int, folds: int | None, epochs: int) -> Iterator[Progress]: ...


@dataclass(frozen=True)
class Supervised:
    """Inputs and targets. Integer targets are classes, with cross-entropy and accuracy; others numbers, with squared error.

    `inputs`: a tensor or array (n, ...), or a tuple of them, which are the model's arguments. `targets`: (n,) or (n, ...).
    The metric of numbers is R^2, 1 - error / variance. `optimizer`: "sgd" (with momentum 0.9) or "adam". Without folds a
    fifth is held out, another one for each seed; the order of samples depends on seed and fold alone.

    >>> import numpy as np, fastinit.lab
    >>> task = fastinit.lab.Supervised(np.ones((10, 3), np.float32), np.arange(10) % 2)
    >>> task.metric, round(task.chance_loss, 4)
    ('accuracy', 0.6931)
    """

    inputs: Any
    targets: Any
    optimizer: str = "sgd"
    learning_rate: float = 0.05
    batch_size: int = 64
    metric: str = field(init=False)
    chance_loss: float = field(init=False)
    batch: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        checks.one_of("optimizer", self.optimizer, OPTIMIZERS)
        checks.positive("learning_rate", self.learning_rate)
        checks.integer("batch_size", self.batch_size, least=1)
        parts = self.inputs if isinstance(self.inputs, (tuple, list)) else (self.inputs,)
        inputs = tuple(_tensor("inputs", part) for part in parts)
        targets = _tensor("targets", self.targets)
        if len({len(t) for t in (*inputs, targets)}) != 1:
            lengths = ", ".join(str(len(t)) for t in inputs)
            raise ValueError(f"inputs and targets must have as many samples, got {lengths} and {len(targets)}")
        if len(targets) < 5:
            raise ValueError(f"data must have at least 5 samples, got {len(targets)}")
        classes = not targets.is_floating_point()
        vars(self).update(
            inputs=inputs,
            targets=targets.long() if classes else targets,
            metric="accuracy" if classes else "R^2",
            chance_loss=_entropy(targets) if classes else float(targets.var(correction=0)),
            batch=tuple(part[: self.batch_size] for part in inputs),
        )

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for tensor in (*self.inputs, self.targets):
            digest.update(str(tuple(tensor.shape)).encode() + tensor.contiguous().numpy().tobytes())
        return f"{digest.hexdigest()[:16]} {self.optimizer} {self.learning_rate!r} {self.batch_size}"

    def epochs(self, model: nn.Module, seed: int, fold: int, folds: int | None, epochs: int) -> Iterator[Progress]:
        order = np.random.default_rng([seed, fold])
        training, held_out = self._split(seed, fold, folds)
        optimizer = OPTIMIZERS[self.optimizer]([p for p in model.parameters() if p.requires_grad], self.learning_rate)
        yield self._evaluated(model, held_out, math.nan)
        for _ in range(epochs):
            model.train()
            total = 0.0
            for rows in np.array_split(order.permutation(training), -(-len(training) // self.batch_size)):
                optimizer.zero_grad()
                loss = self._loss(model, torch.from_numpy(rows))
                loss.backward()
                optimizer.step()
                total += float(loss.detach()) * len(rows)
            yield self._evaluated(model, held_out, total / len(training))

    def _split(self, seed: int, fold: int, folds: int | None) -> tuple[Any, Tensor]:
        """The samples to train on and those held out: of k folds by scikit-learn, stratified for classes."""
        n = len(self.targets)
        if folds is None:
            mixed = np.random.default_rng([seed, 1]).permutation(n)
            held = max(1, int(HELD_OUT * n))
            return mixed[held:], torch.from_numpy(mixed[:held])
        with without_forks():
            from sklearn.model_selection import KFold, StratifiedKFold

        made: Any = StratifiedKFold if self.metric == "accuracy" else KFold
        splits = [*made(folds, shuffle=True, random_state=seed).split(np.zeros(n), self.targets.numpy())]
        training, held_out = splits[fold]
        return training, torch.from_numpy(held_out)

    def _loss(self, model: nn.Module, rows: Tensor) -> Tensor:
        output, targets = self._output(model, rows), self.targets[rows]
        if self.metric == "accuracy":
            return functional.cross_entropy(output.flatten(0, -2), targets.flatten())
        return functional.mse_loss(output.reshape(targets.shape), targets)

    def _output(self, model: nn.Module, rows: Tensor) -> Tensor:
        output: Tensor = model(*(part[rows] for part in self.inputs))
        return output

    @torch.no_grad()
    def _evaluated(self, model: nn.Module, rows: Tensor, training_loss: float) -> Progress:
        model.eval()
        loss = float(self._loss(model, rows))
        if self.metric == "accuracy":
            right = self._output(model, rows).argmax(-1) == self.targets[rows]
            return Progress(loss, float(right.float().mean()), training_loss)
        variance = float(self.targets[rows].var(correction=0))
        return Progress(loss, 1 - loss / variance if variance else 0.0, training_loss)


def task_of(data: Any) -> Task:
    """A task as it is; a pair of inputs and targets as a `Supervised` one."""
    if hasattr(data, "epochs") and hasattr(data, "fingerprint"):
        task: Task = data
        return task
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return Supervised(*data)
    raise TypeError(f"data must be a pair (inputs, targets) or a task as lab.Supervised, got {type(data).__name__}")


def _tensor(name: str, values: Any) -> Tensor:
    try:
        made = values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be arrays of numbers: {error}") from None
    if made.ndim == 0:
        raise ValueError(f"{name} must have an axis of samples, got a single number")
    if made.is_floating_point():
        if not bool(made.isfinite().all()):
            raise ValueError(f"{name} must have finite values, got NaN or infinity among them")
        return made.float()
    return made


def _entropy(classes: Tensor) -> float:
    """In nats, of how often each class stands in the data: the loss of one who knows only that."""
    counts = torch.bincount(classes.flatten().long()).double()
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * shares.log()).sum())
