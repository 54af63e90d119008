"""Finds tensors that repeat another: the same bytes, or the same leading values times a factor; checks those that should."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fastinit.auditing.alike import alike
from fastinit.auditing.findings import Finding, severity_where
from fastinit.auditing.leading import ALIKE, directions, is_informative
from fastinit.auditing.significance import CRITICAL_SCORE, score_of_count
from fastinit.auditing.sources import Source
from fastinit.auditing.structure import PIECE, digest
from fastinit.auditing.subject import Tensor
from fastinit.distributions import Distribution


def find_repeats(tensors: Sequence[Tensor]) -> list[Finding]:
    """One finding for each tensor that repeats an earlier one; none for the same memory under two names."""
    copies = dict(_copies(tensors))
    found = [
        _finding("duplicate", tensors[i], tensors[j], "holds the same bytes as")
        for i, j in copies.items()
        if not tensors[i].source.same_memory(tensors[j].source)
    ]
    informative = [t for i, t in enumerate(tensors) if i not in copies and is_informative(t.measured.head)]
    for tensor, earlier in _same_leading(informative):
        found.append(_finding("same stream", tensor, earlier, "leads with the values, times a factor, of"))
    return found


def check_copies(
    sources: Sequence[Source], copies: Mapping[str, str], distributions: Mapping[str, Distribution]
) -> Iterator[Finding]:
    """A note for each tensor that is a copy as it should be, an error for one that is not.

    `copies`: by name, the name of the other tensor. Nothing is said where that is not there, or of another shape or dtype.
    Where the two have different distributions, the copy is a multiple.
    """
    by_name = {source.name: source for source in sources}
    digests: dict[str, bytes] = {}
    for name, other in copies.items():
        copy, first = by_name.get(name), by_name.get(other)
        if copy is None or first is None or (copy.shape, copy.dtype) != (first.shape, first.dtype):
            continue
        if other not in digests:
            digests[other] = digest(first, 0, first.size)
        if digest(copy, 0, copy.size) == digests[other]:
            yield Finding(name, "copy", "note", f"has the values of {other!r}, as it should")
        elif distributions.get(name) != distributions.get(other) and _is_multiple(copy, first):
            yield Finding(name, "copy", "note", f"has the values of {other!r}, times a factor, as it should")
        else:
            yield Finding(name, "no copy", "error", f"differs from {other!r}, of which it should be a copy")


def _is_multiple(copy: Source, first: Source) -> bool:
    """Whether the values, as many as a piece has, are the same but for a factor and a constant."""
    both = directions(np.stack([source.read(0, PIECE).astype(np.float64) for source in (copy, first)]))
    return bool(abs(both[0] @ both[1]) > ALIKE)


def _finding(kind: str, tensor: Tensor, earlier: Tensor, text: str) -> Finding:
    severity = severity_where(tensor.expected is not None and earlier.expected is not None)
    return Finding(tensor.source.name, kind, severity, f"{text} {earlier.source.name!r}")


def _copies(tensors: Sequence[Tensor]) -> Iterator[tuple[int, int]]:
    """Pairs (tensor, earlier one) of the same shape, dtype and bytes, by their indices."""
    alike: defaultdict[object, list[int]] = defaultdict(list)
    for i, tensor in enumerate(tensors):
        source, values = tensor.source, tensor.measured.values
        if values.sample.distinct > 2 and not _may_be_equal(tensor, len(tensors)):
            head = tensor.measured.head.tobytes()
            alike[source.shape, source.dtype, head, values.low, values.high, values.counts.zeros].append(i)
    for indices in alike.values():
        first: dict[bytes, int] = {}
        for i in indices if len(indices) > 1 else ():
            j = first.setdefault(digest(tensors[i].source, 0, tensors[i].measured.n), i)
            if i != j:
                yield i, j


def _may_be_equal(tensor: Tensor, others: int) -> bool:
    """Whether tensors of this distribution may well be equal without being copies, as short ones of few values."""
    return score_of_count(1, others**2 / 2 * tensor.coincidence**tensor.measured.n) < CRITICAL_SCORE


def _same_leading(tensors: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs (tensor, earlier one) whose leading values, as many as the shorter has, are correlated, either way, by ALIKE."""
    lengths = np.array([len(tensor.measured.head) for tensor in tensors])
    seen: set[int] = set()
    for length in sorted(set(lengths.tolist())):
        indices = np.flatnonzero(lengths >= length).tolist()
        towards = directions(np.stack([tensors[i].measured.head[:length] for i in indices]))
        for later, first in alike(towards):
            pair = indices[later], indices[first]
            if pair[0] not in seen and length in lengths[[*pair]]:
                yield tensors[pair[0]], tensors[pair[1]]
                seen.add(pair[0])
