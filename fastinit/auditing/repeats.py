"""Tensors that hold what another holds: the same bytes, or the same leading draws times a factor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from fastinit.auditing.findings import Finding
from fastinit.auditing.significance import TOO_RARE, score_of_count
from fastinit.auditing.sources import Source
from fastinit.auditing.structure import digest
from fastinit.auditing.subject import Tensor, coincidence

LEAST_LEADING = 16  # values that must agree
ALIKE = 0.99  # correlation: rounding to 2 bits keeps 0.995, and chance gives 0.99 to 16 values once in 10^12
LEAST_DISTINCT = 8  # of the leading values: fewer are an identity's, or zeros


def repeats(tensors: Sequence[Tensor], sources: Sequence[Source]) -> list[Finding]:
    """One finding for each tensor that repeats an earlier one; none for the same memory under two names."""
    copies = dict(_copies(tensors, sources))
    found = [
        _finding("duplicate", tensors[i], tensors[j], "holds the same bytes as")
        for i, j in copies.items()
        if not sources[i].same_memory(sources[j])
    ]
    others = [tensor for i, tensor in enumerate(tensors) if i not in copies]
    for tensor, earlier in _same_leading([tensor for tensor in others if _is_telling(tensor.measured.head)]):
        found.append(_finding("same stream", tensor, earlier, "leads with the values, times a factor, of"))
    return found


def _finding(kind: str, tensor: Tensor, earlier: Tensor, text: str) -> Finding:
    by_distribution = tensor.nominal is not None and earlier.nominal is not None
    return Finding(tensor.name, kind, "error" if by_distribution else "warning", f"{text} {earlier.name!r}")


def _copies(tensors: Sequence[Tensor], sources: Sequence[Source]) -> Iterator[tuple[int, int]]:
    """Pairs (tensor, earlier one) of the same shape, dtype and bytes, by their numbers."""
    alike: dict[tuple, list[int]] = {}
    for i, tensor in enumerate(tensors):
        values = tensor.measured.values
        if values.distinct > 2 and not _equal_by_chance(tensor, len(tensors)):
            key = tensor.shape, tensor.dtype, tensor.measured.head.tobytes(), values.low, values.high, values.zeros
            alike.setdefault(key, []).append(i)
    for numbers in alike.values():
        first: dict[bytes, int] = {}
        for i in numbers if len(numbers) > 1 else ():
            j = first.setdefault(digest(sources[i], 0, tensors[i].measured.n), i)
            if i != j:
                yield i, j


def _equal_by_chance(tensor: Tensor, others: int) -> bool:
    return score_of_count(1, others**2 / 2 * coincidence(tensor) ** tensor.measured.n) < TOO_RARE


def _same_leading(tensors: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs (tensor, earlier one) whose leading values, as many as the shorter has, are correlated by ALIKE or more."""
    lengths = np.array([len(tensor.measured.head) for tensor in tensors])
    seen: set[int] = set()
    for length in sorted(set(lengths.tolist())):
        numbers = np.flatnonzero(lengths >= length)
        directions = np.stack([_direction(tensors[i].measured.head[:length]) for i in numbers])
        for at in np.flatnonzero(lengths[numbers] == length).tolist():
            alike = numbers[directions @ directions[at] > ALIKE]
            first, *later = alike.tolist() or [0]
            yield from ((tensors[i], tensors[first]) for i in later if i not in seen)
            seen.update(later)


def _direction(head: np.ndarray) -> np.ndarray:
    """The values less their mean, as a vector of length 1: what a factor and a constant leave as it is."""
    deviation = head - head.mean()
    length = np.linalg.norm(deviation)
    return deviation / length if length > 0 else deviation


def _is_telling(head: np.ndarray) -> bool:
    """Whether chance would not give these values again, nor a rule: few distinct ones, or an ascent or descent."""
    steps = np.diff(head)
    ordered = (steps >= 0).all() or (steps <= 0).all()
    return len(head) >= LEAST_LEADING and np.isfinite(head).all() and len(set(head)) >= LEAST_DISTINCT and not ordered
