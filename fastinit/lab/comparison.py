"""`compare`: trains one network under several initializations, all else equal, and says which of them differ."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import nn

from fastinit.lab.inspection import called
from fastinit.lab.result import Comparison
from fastinit.lab.runs import Journal, Run
from fastinit.lab.strategies import MadeOf, Strategy, constructed, strategies_of
from fastinit.lab.tasks import Task, task_of
from fastinit.runtime import checks
from fastinit.runtime.cpus import usable_cpus
from fastinit.runtime.forks import without_forks
from fastinit.torch.rescaling.passes import finite_arguments_of

Advance = Callable[[Run, int, int], None]
"""Called after each run with it, the number of those that are done, and of all."""


def compare(
    make_model: Callable[[], nn.Module],
    data: Any,
    strategies: Mapping[str, MadeOf] | Iterable[MadeOf],
    *,
    seeds: int = 10,
    first_seed: int = 0,
    folds: int | None = None,
    epochs: int = 10,
    budget: float | None = None,
    jobs: int | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: Advance | None = None,
) -> Comparison:
    """Train the same network under each strategy with each seed, all else equal, and test which strategies differ.

    - `make_model`: builds the network. `data`: a pair (inputs, targets), or a task as `lab.Supervised`.
    - `strategies`: "torch" (as constructed), initializers or their names, Recipes, "suggest", "lsuv", "data_dependent",
      "metainit", or functions of (model, batch, seed); a mapping gives them labels.
    - `seeds`: how many, from `first_seed` on. A seed decides the constructor's draws, the initialization, what is held out,
      and the order of the data: it is the same for all strategies (common random numbers), so that their scores are
      compared pair by pair.
    - `folds`: cross-validation by so many folds for each seed; None holds out a fifth.
    - `budget`: seconds after which no run is started. `jobs`: processes, of one thread each; None is one a CPU, and 1 runs
      them in this process.
    - `resume`: a file for the runs that are done, a line each; what it has is not run again.
    - `progress`: called after each run.

    Ctrl-C ends the comparison and keeps what is done, of which the result is made. A strategy that fails or diverges is
    said to, and the others' results are kept. TypeError and ValueError for wrong arguments, and ValueError where every run
    failed, with the first one's reason.

    >>> import torch, fastinit.lab
    >>> from torch import nn
    >>> x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    >>> data = fastinit.lab.Supervised(x, x[:, 0] > 0, learning_rate=0.1, batch_size=20)
    >>> make = lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> result = fastinit.lab.compare(make, data, ["he_normal", "zeros"], seeds=6, epochs=4, jobs=1)
    >>> result.best_strategy
    'he_normal'
    """
    if not callable(make_model):
        raise TypeError(f"make_model must be a function that builds the model, got {checks.shown(make_model)}")
    chosen, task = strategies_of(strategies), task_of(data)
    checks.integer("seeds", seeds, least=1)
    checks.integer("first_seed", first_seed, least=0)
    checks.integer("epochs", epochs, least=1)
    if folds is not None:
        checks.integer("folds", folds, least=2)
    if budget is not None:
        checks.positive("budget", budget)
    jobs = usable_cpus() if jobs is None else checks.integer("jobs", jobs, least=1)
    described = _checked(make_model, task)
    journal = Journal(resume, f"{described} {task.fingerprint()} folds={folds} epochs={epochs}")
    # all strategies of a block one after the other, so that what is done when time is over can be compared
    blocks = product(range(first_seed, first_seed + seeds), range(folds or 1))
    keys = [(s.label, seed, fold) for seed, fold in blocks for s in chosen]
    interrupted = _train(make_model, task, chosen, keys, journal, folds, epochs, budget, jobs, progress)
    runs = journal.done(keys)
    if runs and all(run.error for run in runs):
        raise ValueError(f"every run failed, the first one of {runs[0].strategy}: {runs[0].error}")
    recipes = {strategy.label: strategy for strategy in chosen}
    return Comparison(tuple(runs), tuple(recipes), len(keys), epochs, folds, task, make_model, recipes, interrupted)


def _checked(make_model: Callable[[], nn.Module], task: Task) -> str:
    """The model in words, with its parts. ValueError where no strategy can train it, or the data does not go through it."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        model = constructed(make_model, 0)
        described = str(model)
        parameters = [*model.parameters()]
        if not any(parameter.requires_grad for parameter in parameters):
            why = "all of its are frozen" if parameters else f"{type(model).__name__} has none"
            raise ValueError(f"model must have parameters to train: {why}")
        called(model, *finite_arguments_of(task.batch))
    return described


def _train(
    make_model: Callable[[], nn.Module],
    task: Task,
    chosen: list[Strategy],
    keys: list[tuple[str, int, int]],
    journal: Journal,
    folds: int | None,
    epochs: int,
    budget: float | None,
    jobs: int,
    progress: Advance | None,
) -> bool:
    """Do the runs that are not done; whether Ctrl-C or the budget ended it before all were."""
    by_label, end = {strategy.label: strategy for strategy in chosen}, None if budget is None else time.time() + budget
    waiting = [key for key in keys if key not in journal.runs]
    done = len(keys) - len(waiting)
    calls = [(make_model, task, by_label[label], seed, fold, folds, epochs, end) for label, seed, fold in waiting]
    try:
        for run in _in_processes(calls, jobs):
            if run is None:
                return True
            done += 1
            journal.add(run)
            if progress is not None:
                progress(run, done, len(keys))
    except KeyboardInterrupt:
        return True
    return False


def _in_processes(calls: list[tuple[Any, ...]], jobs: int) -> Iterator[Run | None]:
    """The runs as they are done: in this process, or by joblib's, which take functions from notebooks as well."""
    if jobs == 1 or len(calls) < 2:
        yield from (train_one(*call) for call in calls)
        return
    with without_forks():
        from joblib import Parallel, delayed, parallel_config

    with parallel_config("loky", n_jobs=min(jobs, len(calls)), inner_max_num_threads=1):
        yield from Parallel(return_as="generator_unordered")(delayed(train_one)(*call) for call in calls)


def train_one(
    make_model: Callable[[], nn.Module],
    task: Task,
    strategy: Strategy,
    seed: int,
    fold: int,
    folds: int | None,
    epochs: int,
    end: float | None = None,
) -> Run | None:
    """One run, on one thread; torch's generator and threads are as before. None where the time to begin it is over."""
    if end is not None and time.time() >= end:
        return None
    began = time.perf_counter()
    losses, metrics, last = list[float](), list[float](), float("nan")
    error = ""
    with one_thread():
        try:
            model = constructed(make_model, seed)
            strategy.fill(model, task.batch, seed)
            for state in task.epochs(model, seed, fold, folds, epochs):
                losses.append(state.loss)
                metrics.append(state.metric)
                last = state.training_loss
                if not np.isfinite(state.loss):
                    break
        except Exception as raised:
            error = f"{type(raised).__name__}: {str(raised).strip().splitlines()[0] if str(raised).strip() else 'no reason'}"
    return Run(strategy.label, seed, fold, tuple(losses), tuple(metrics), last, round(time.perf_counter() - began, 3), error)


@contextmanager
def one_thread() -> Iterator[None]:
    """Within the block torch computes on one thread; its generator is at the end as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
