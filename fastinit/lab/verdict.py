"""The verdict of a comparison: who beats whom by how much, who is not told apart, who did not train."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from fastinit.lab.statistics import Difference, Tests

if TYPE_CHECKING:
    from fastinit.lab.result import Summary


def verdict_of(summaries: Mapping[str, Summary], tests: Tests, metric: str) -> str:
    """The sentences, the best strategies first."""
    failed = [name for name, summary in summaries.items() if not summary.trains]
    sound = sorted((name for name in summaries if name not in failed), key=lambda name: -summaries[name].mean)
    sentences = []
    claims = any(one.significant for one in tests.differences)
    if len(sound) > 1:
        between = [tests.between(a, b) for i, a in enumerate(sound) for b in sound[i + 1 :]]
        sentences += _sentences(sound, between, tests, metric)
    elif sound:
        sentences.append(f"Only {sound[0]} trains, to {summaries[sound[0]].mean:.3f} {metric}")
    if failed:
        sentences.append(_of_failed(failed, sound, summaries, tests))
    if not claims and not failed:
        sentences = [f"No difference shown between {_listed(sound)}, of {tests.blocks} seeds ({tests.method})"]
    return ". ".join(sentences) + "."


def _sentences(sound: Sequence[str], between: Sequence[Difference], tests: Tests, metric: str) -> list[str]:
    """Of strategies that train: those that the best is not told apart from, and those that it beats."""
    best = sound[0]
    others = {one.second: one for one in between if one.first == best}
    beaten = [name for name in sound[1:] if others[name].significant and others[name].mean > 0]
    level = [name for name in sound if name not in beaten]
    if not beaten:
        said = f"No difference shown between {_listed(sound)}" if len(sound) > 1 else ""
        apart = [one for one in between if one.significant]
        inner = [f"{one.first} beats {one.second}" for one in apart]
        return [said + (f", but {_listed(inner)}" if inner else "")]
    made = [f"{_listed(level)} are not told apart"] if len(level) > 1 else []
    texts = []
    for name in beaten:
        by = [tests.between(one, name) for one in level]
        clear = [one for one in by if one.significant and one.mean > 0]
        who = (
            f"{'all' if len(level) > 2 else 'both'}" if len(clear) == len(level) > 1 else _listed(one.first for one in clear)
        )
        low, high = min(one.low for one in clear), max(one.high for one in clear)
        p = max(one.p for one in clear)
        verb = "beats" if len(clear) == 1 else "beat"
        texts.append(f"{who} {verb} {name} by {low:.3g} to {high:.3g} {metric} ({_p(p)} of {tests.blocks} seeds)")
    return [*made, *texts]


def _of_failed(failed: Sequence[str], sound: Sequence[str], summaries: Mapping[str, Summary], tests: Tests) -> str:
    texts = []
    for name in failed:
        summary = summaries[name]
        if summary.failed == summary.runs and summary.error:
            text = f"{name} failed ({summary.error})"
        elif 2 * (summary.failed + summary.diverged) >= summary.runs:
            text = f"{name} diverged in {summary.diverged} of {summary.runs} runs"
        else:
            text = f"{name} did not train"
        worse = [tests.between(other, name) for other in sound]
        if worse and all(one.significant for one in worse):
            text += f" ({_p(max(one.p for one in worse))})"
        texts.append(text)
    return "; ".join(texts)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if math.isfinite(p) else "p unknown"


def _listed(names: Iterable[str]) -> str:
    """a, b and c"""
    known = [*names]
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} and {known[-1]}" if known else "none"
