"""What training runs gave, as it is kept in a file, a line of JSON each, so that an interrupted comparison goes on."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One strategy's training with one seed on one fold.

    `losses`: on what is held out, before training and after each epoch; `metrics` likewise. `final_training_loss`: of the
    last epoch. `error`: in a line, where the run failed; it diverged if a loss is not finite, and ended there.
    """

    strategy: str
    seed: int
    fold: int
    losses: tuple[float, ...] = ()
    metrics: tuple[float, ...] = ()
    final_training_loss: float = math.nan
    seconds: float = 0.0
    error: str = ""

    @property
    def key(self) -> tuple[str, int, int]:
        return self.strategy, self.seed, self.fold

    @property
    def block(self) -> tuple[int, int]:
        """What it shares with the other strategies' runs: the seed and the fold, and with them data and order."""
        return self.seed, self.fold

    @property
    def diverged(self) -> bool:
        return not self.error and not all(map(math.isfinite, self.losses))

    @property
    def score(self) -> float:
        """The last metric; minus infinity, worse than any, for a run that failed or diverged."""
        return -math.inf if self.error or self.diverged or not self.metrics else self.metrics[-1]

    def epochs_to(self, target: float) -> int | None:
        """The first epoch after which the loss is at most `target`."""
        return next((epoch for epoch, loss in enumerate(self.losses) if loss <= target), None)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: what is not finite is None."""
        plain = asdict(self)
        for name in ("losses", "metrics"):
            plain[name] = [value if math.isfinite(value) else None for value in plain[name]]
        if not math.isfinite(self.final_training_loss):
            plain["final_training_loss"] = None
        return plain


def run_of(plain: dict[str, Any]) -> Run:
    """The run that `as_dict` describes."""
    numbers = {name: tuple(math.nan if x is None else float(x) for x in plain[name]) for name in ("losses", "metrics")}
    last = plain["final_training_loss"]
    return Run(**{**plain, **numbers, "final_training_loss": math.nan if last is None else float(last)})


class Journal:
    """The runs that are done, in a file of lines of JSON, or in memory alone where there is no path.

    The first line says which comparison they are of: ValueError where that is another.
    """

    def __init__(self, path: str | os.PathLike[str] | None, fingerprint: str) -> None:
        self.runs: dict[tuple[str, int, int], Run] = {}
        self._path = None if path is None else Path(path)
        if self._path is None:
            return
        if self._path.exists():
            self._read(fingerprint)
        else:
            self._path.write_text(json.dumps({"comparison": fingerprint}) + "\n", "utf-8")

    def _read(self, fingerprint: str) -> None:
        assert self._path is not None
        lines = self._path.read_text("utf-8").split("\n")
        try:
            head = json.loads(lines[0])["comparison"]
            runs = [run_of(json.loads(line)) for line in lines[1:-1]]  # the last one is empty, or was cut off
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"resume must name a file of this function's, got {str(self._path)!r}") from None
        if head != fingerprint:
            raise ValueError(f"resume: {self._path} has the runs of another comparison: model, data, folds or epochs differ")
        self.runs = {run.key: run for run in runs if not run.error}
        kept = [json.dumps({"comparison": fingerprint}), *(json.dumps(run.as_dict()) for run in self.runs.values())]
        self._path.write_text("\n".join(kept) + "\n", "utf-8")

    def add(self, run: Run) -> None:
        self.runs[run.key] = run
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(run.as_dict()) + "\n")

    def done(self, keys: Iterable[tuple[str, int, int]]) -> list[Run]:
        return [self.runs[key] for key in keys if key in self.runs]
