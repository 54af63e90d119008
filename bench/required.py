"""What the suite must show, each with the figure asked for and the one that this run got."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Run = dict[str, Any]  # what `python -m bench` writes as JSON


class Requirement(NamedTuple):
    """A figure: `got` finds it in a run, None where that has none. With `at_most` smaller is better."""

    what: str
    asked: float
    got: Callable[[Run], float | None]
    unit: str = ""
    at_most: bool = False


def row(run: Run, library: str, work: str) -> dict[str, Any] | None:
    return next((row for row in run["rates"] if (row["library"], row["work"]) == (library, work)), None)


def share(work: str, library: str = "fastinit") -> Callable[[Run], float | None]:
    """The share of the limit: streaming stores for warm memory, a memset for fresh."""
    return lambda run: (row(run, library, work) or {}).get("share")


def times(work: str, other: str, library: str = "fastinit") -> Callable[[Run], float | None]:
    """How many times as fast as another library."""
    return lambda run: _ratio(row(run, library, work), row(run, other, work))


def elements(work: str, other_work: str) -> Callable[[Run], float | None]:
    """Elements a second of fastinit, as a share of those of another work."""

    return lambda run: _ratio(row(run, "fastinit", work), row(run, "fastinit", other_work), elements=True)


def at_avx2(work: str) -> Callable[[Run], float | None]:
    return lambda run: share(work, "fastinit" if run["machine"]["level"] == "avx2" else "fastinit avx2")(run)


def slice_share(width: int) -> Callable[[Run], float | None]:
    def got(run: Run) -> float | None:
        curves = run.get("scaling", {}).get("slices", {}).get("curves", {})
        return next((point["share"] for point in curves.get("a new matrix", ()) if point["width"] == width), None)

    return got


def startup(what: str) -> Callable[[Run], float | None]:
    return lambda run: run.get("startup", {}).get(what)


def _ratio(row: dict[str, Any] | None, other: dict[str, Any] | None, elements: bool = False) -> float | None:
    """The ratio of two rates, in bytes or in elements."""
    if not (row and other):
        return None
    return row["rate"] / other["rate"] * (other["itemsize"] / row["itemsize"] if elements else 1)


STREAMING, MEMSET = "of the streaming-store limit", "of a memset of fresh memory on all threads"

AGAINST_C = "of the C backend"
FIRST_CALL, LATER_CALL = "first call on Numba, s", "first call on Numba in later processes, s"

REQUIREMENTS = (
    Requirement("float32 uniform, warm", 0.90, share("uniform float32 warm"), STREAMING),
    Requirement("float32 normal, warm", 0.38, share("normal float32 warm"), STREAMING),
    Requirement("float32 normal truncated at 2 std, warm", 0.20, share("truncated_normal float32 warm"), STREAMING),
    Requirement("float64 normal, warm", 0.35, share("normal float64 warm"), STREAMING),
    Requirement("float64 normal truncated at 2 std, warm", 0.20, share("truncated_normal float64 warm"), STREAMING),
    Requirement(
        "bfloat16 normal, elements a second", 0.95, elements("normal bfloat16 warm", "normal float32 warm"), "of float32's"
    ),
    Requirement("float32 normal, fresh", 0.75, share("normal float32 fresh"), MEMSET),
    Requirement("float32 normal at the AVX2 level, warm", 0.18, at_avx2("normal float32 warm"), STREAMING),
    Requirement("torch's `normal_`, float32", 16, times("normal float32 warm", "torch"), "times as fast"),
    Requirement("torch's `trunc_normal_`, float32", 100, times("truncated_normal float32 warm", "torch"), "times as fast"),
    Requirement("torch's `normal_`, bfloat16", 22, times("normal bfloat16 warm", "torch"), "times as fast"),
    Requirement("NumPy's recipe, float32 normal", 20, times("normal float32 warm", "numpy recipe"), "times as fast"),
    Requirement("mkl_random, float64 normal", 3, times("normal float64 warm", "mkl_random"), "times as fast"),
    Requirement("Numba, float32 uniform", 0.5, times("uniform float32 warm", "fastinit", "fastinit numba"), AGAINST_C),
    Requirement("Numba, float32 normal", 0.5, times("normal float32 warm", "fastinit", "fastinit numba"), AGAINST_C),
    Requirement("Numba, first call", 2, startup(FIRST_CALL), "s", at_most=True),
    Requirement("Numba, first call in later processes", 0.5, startup(LATER_CALL), "s", at_most=True),
    Requirement("columns 1024 wide", 0.5, slice_share(1024), "of contiguous speed"),
    Requirement("columns 64 wide", 0.15, slice_share(64), "of contiguous speed"),
)


def compared(run: Run) -> list[dict[str, Any]]:
    """A row for each requirement: what, asked, got, unit, and whether it is met (None where it was not measured)."""
    rows = []
    for required in REQUIREMENTS:
        got = required.got(run)
        met = None if got is None else got <= required.asked if required.at_most else got >= required.asked
        bound = f"{'<=' if required.at_most else '>='} {required.asked:g} {required.unit}"
        rows.append({"what": required.what, "asked": bound, "got": got and float(f"{got:.3g}"), "met": met})
    return rows
