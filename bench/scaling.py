"""Cost against size, against threads, against the width of a slice, and against the number of tensors.

Each part is a function of (libraries, settings, failures) that returns plain data; `PARTS` names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import fastinit
from bench.limits import limit
from bench.memory import available_bytes, warm
from bench.peers import draw
from bench.rates import rounded
from bench.rounds import Failures, Timing, interleaved, prepared, say
from bench.worker import Child, children

COLUMNS = 16384
WIDTHS = (64, 256, 1024, 4096, COLUMNS)
COUNTS = tuple(4**k for k in range(9))
KINDS = (("uniform", "float32"), ("normal", "float32"), ("truncated_normal", "float32"), ("normal", "float8_e4m3fn"))
Makers = dict[tuple[str, int], tuple[Any, ...]]  # by curve and place on its axis: a child, a maker and its arguments
SLOWEST = 2.0  # seconds: a library that took half of this is not asked for more values


class Settings(NamedTuple):
    """How much is done: bytes of the largest array of any library, and of fastinit's alone; rounds, and seconds a timing."""

    nbytes: int
    most_bytes: int
    rounds: int
    seconds: float
    step: int  # from one size to the next, in powers of two


# ---- against size ----


def sizes(libraries: Iterable[str], settings: Settings, failures: Failures) -> dict[str, Any]:
    """Rates of 2^4, 2^6, ... 2^32 and 2^33 values, and of the limit at each number of bytes."""
    exponents = [*range(4, 33, settings.step), 33]
    curves = _Curves(settings, failures)
    most = min(settings.most_bytes, available_bytes() * 3 // 4)
    for_all = [exponent for exponent in exponents if 4 * 2**exponent <= settings.nbytes]
    peers = [name for name in libraries if not name.startswith("fastinit")]
    with Child("fastinit", most) as fastinit_child:
        with children(peers, settings.nbytes) as peer_children:
            for exponent in for_all:
                curves.measure(2**exponent, fastinit_child, most, peer_children)
        for exponent in exponents[len(for_all) :]:  # with the memory of the peers freed
            curves.measure(2**exponent, fastinit_child, most, [])
    if peers and len(for_all) < len(exponents):
        curves.skip(f"other libraries beyond {settings.nbytes / 2**30:.3g} GiB", 2 ** exponents[len(for_all)])
    skipped = [f"2^{n.bit_length() - 1} values and more: {why}" for why, n in curves.skipped.items()]
    return {"curves": curves.points, "skipped": skipped}


class _Curves:
    """For each curve its points (values, bytes, rate), and the size from which on it has none."""

    def __init__(self, settings: Settings, failures: Failures) -> None:
        self.settings, self.failures = settings, failures
        self.points: dict[str, list[dict[str, Any]]] = {}
        self.skipped: dict[str, int] = {}  # the first number of values that was
        self._too_slow: set[str] = set()

    def measure(self, n: int, fastinit_child: Child, most: int, peer_children: list[Child]) -> None:
        say(f"size 2^{n.bit_length() - 1}")
        timings = self._limits(n, fastinit_child, most)
        timings |= {f"fastinit {' '.join(kind)}": self._of_fastinit(n, *kind, fastinit_child, most) for kind in KINDS}
        timings |= {f"{child.name} normal float32": self._of_peer(n, child) for child in peer_children}
        ready = {curve: timing for curve, timing in timings.items() if timing}
        done = interleaved(ready.values(), self.settings.rounds, self.failures)
        for curve, timing in ready.items():
            if timing in done:
                point = {"n": n, "nbytes": timing.nbytes, "rate": rounded(timing.rate)}
                self.points.setdefault(curve, []).append(point)
                if timing.median > SLOWEST / 2:
                    self._too_slow.add(curve)
                timing.child.release(timing.key)

    def _limits(self, n: int, child: Child, most: int) -> dict[str, Timing | None]:
        nbytes = 4 * n
        if nbytes > most:
            return {}
        kinds = ("plain", "streaming") if nbytes >= 2**20 else ("plain",)
        return {f"limit, {kind}": self._prepared(child, ("limit", kind), nbytes, limit, kind, nbytes) for kind in kinds}

    def _of_fastinit(self, n: int, distribution: str, dtype: str, child: Child, most: int) -> Timing | None:
        nbytes = n * np.dtype(dtype).itemsize
        if nbytes > most:
            self.skip(f"{dtype} beyond {most / 2**30:.3g} GiB (--memory, or what there is)", n)
            return None
        return self._prepared(child, (distribution, dtype), nbytes, draw, "fastinit", distribution, dtype, n)

    def _of_peer(self, n: int, child: Child) -> Timing | None:
        if f"{child.name} normal float32" in self._too_slow:
            self.skip(f"{child.name}, which took a second for fewer", n)
            return None
        return self._prepared(child, n, 4 * n, draw, child.name, "normal", "float32", n)

    def skip(self, why: str, n: int) -> None:
        self.skipped.setdefault(why, n)

    def _prepared(self, child: Child, key: Any, nbytes: int, maker: Callable, *arguments: Any) -> Timing | None:
        return prepared(child, key, nbytes, self.settings.seconds, self.failures, maker, *arguments)


# ---- against threads ----


def with_threads(num_threads: int, *arguments: Any) -> Callable[[], object] | None:
    """A maker: `draw` on so many threads."""
    work = draw(*arguments)

    def threaded():
        fastinit.set_num_threads(num_threads)
        return work()

    return threaded


def threads(libraries: Iterable[str], settings: Settings, failures: Failures) -> dict[str, Any]:
    """Rates with 1, 2, 4, ... threads up to all, of fastinit and of the limits."""
    most = fastinit.get_num_threads()
    counts = sorted({2**k for k in range(most.bit_length())} | {most})
    n = settings.nbytes // 4
    with Child("fastinit", settings.nbytes) as child:
        makers: Makers = {}
        for k in counts:
            makers |= {(" ".join(kind), k): (child, with_threads, k, "fastinit", *kind, n) for kind in KINDS[:3]}
            makers |= {(f"limit, {kind}", k): (child, limit, kind, 4 * n, k) for kind in ("streaming", "fresh")}
        return {"threads": counts, "curves": _curves(makers, 4 * n, "threads", settings.rounds, failures)}


# ---- against the width of a slice ----


def columns(n: int, width: int, strided: bool) -> Callable[[], object]:
    """A maker: n normals, the second `width` columns of a matrix `COLUMNS` wide, into a new one or into a wider one."""
    rows = n // width
    part = slice(0, width) if width == COLUMNS else slice(width, 2 * width)
    if strided:
        out = warm(2 * n, np.float32).reshape(rows, 2 * width)[:, :width]
    else:
        out = warm(n, np.float32).reshape(rows, width)
    return lambda: fastinit.normal((rows, COLUMNS), seed=0, out=out, index=(slice(None), part))


def slices(libraries: Iterable[str], settings: Settings, failures: Failures) -> dict[str, Any]:
    """Rates of a column slice, by its width, and as a share of as many values that are contiguous."""
    n = settings.nbytes // 8
    with Child("fastinit", settings.nbytes) as child:
        makers: Makers = {
            (curve, width): (child, columns, n, width, strided)
            for width in WIDTHS
            for curve, strided in (("a new matrix", False), ("columns of a wider matrix", True))
        }
        makers["contiguous", COLUMNS] = (child, draw, "fastinit", "normal", "float32", n)
        curves = _curves(makers, 4 * n, "width", settings.rounds, failures)
    whole = curves.pop("contiguous")[0]["rate"]
    for point in (point for curve in curves.values() for point in curve):
        point["share"] = rounded(point["rate"] / whole)
    return {"contiguous rate": whole, "values": n, "curves": curves}


# ---- against many tensors ----


def many(library: str, n: int, count: int) -> Callable[[], object] | None:
    """A maker: n normals as `count` tensors, each into its own part of the memory, by a call of its own or in one batch."""
    size = n // count
    parts, names = warm(n, np.float32).reshape(count, size), [f"layers.{i}.weight" for i in range(count)]
    if library == "fastinit, fill_many":
        return partial(fastinit.fill_many, "normal", dict.fromkeys(names, (size,)), seed=0, out=dict(zip(names, parts)))
    if library == "fastinit":
        calls = [partial(fastinit.normal, size, seed=0, name=name, out=part) for name, part in zip(names, parts)]
    elif library == "numpy":
        rng = np.random.default_rng(0)
        calls = [partial(rng.standard_normal, dtype=np.float32, out=part) for part in parts]
    else:
        import torch

        calls = [tensor.normal_ for tensor in torch.from_numpy(parts)]

    def work() -> None:
        for call in calls:
            call()

    return work


def tensors(libraries: Iterable[str], settings: Settings, failures: Failures) -> dict[str, Any]:
    """Rates of the same number of values as 1, 4, 16, ... tensors."""
    n = min(2**24, settings.nbytes // 4)
    asked = ["fastinit", *(name for name in ("numpy", "torch") if name in libraries)]
    with children(asked, 4 * n) as of_libraries:
        makers: Makers = {
            (curve, count): (child, many, curve, n, count)
            for count in COUNTS
            for child in of_libraries
            for curve in ((child.name, "fastinit, fill_many") if child.name == "fastinit" else (child.name,))
        }
        return {"values": n, "curves": _curves(makers, 4 * n, "tensors", settings.rounds, failures)}


PARTS = {"sizes": sizes, "threads": threads, "slices": slices, "tensors": tensors}


# ---- what they share ----


def _curves(makers: Makers, nbytes: int, axis: str, rounds: int, failures: Failures) -> dict[str, list[dict[str, Any]]]:
    """The points of each curve, taken in rounds; every work writes `nbytes`."""
    timings = {key: prepared(child, key, nbytes, 0, failures, *maker) for key, (child, *maker) in makers.items()}
    done = interleaved(filter(None, timings.values()), rounds, failures)
    curves: dict[str, list[dict[str, Any]]] = {}
    for (curve, place), timing in timings.items():
        if timing in done:
            curves.setdefault(curve, []).append({axis: place, "rate": rounded(timing.rate)})
    return curves
